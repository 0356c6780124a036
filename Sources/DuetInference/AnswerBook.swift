internal import DuetPipeline
internal import Foundation
internal import Synchronization

/// Finds answers and has missing ones made, each once, however many threads ask for it at the same time.
final class AnswerBook: Sendable {
    private let store: ResultStore
    private let claims = Claims()

    init(store: ResultStore) { self.store = store }

    /// The answers to some requests.
    ///
    /// - Parameters:
    ///   - requests: The requests by key; equal keys mean equal requests.
    ///   - make: Makes answers and hands them over batch by batch; those it leaves out stay without an answer.
    /// - Returns: The answers, and how many requests were made for them.
    /// - Throws: What making them throws, or the store.
    func answers<Request>(
        _ requests: [ResultKey: Request],
        make: ([(key: ResultKey, request: Request)]) throws -> Void
    ) throws -> (answers: [ResultKey: StoredAnswer], made: Int) {
        var answers = try store.find(Array(requests.keys))
        var made = 0
        var open = Set(requests.keys).subtracting(answers.keys)
        while !open.isEmpty {
            let mine = claims.take(open)
            if !mine.isEmpty {
                defer { claims.release(mine) }
                // Between the look into the store and the claim somebody may have made one.
                let found = try store.find(Array(mine))
                let missing = mine.subtracting(found.keys)
                answers.merge(found) { first, _ in first }
                if !missing.isEmpty {
                    // In the order of the keys, so that a run repeated is the same run.
                    let wanted = missing.sorted { $0.number < $1.number }.compactMap { key in
                        requests[key].map { (key: key, request: $0) }
                    }
                    try make(wanted)
                    made += wanted.count
                    answers.merge(try store.find(Array(missing))) { first, _ in first }
                }
                open.subtract(mine)
            }
            guard !open.isEmpty else { break }
            // Others are at it; if they fail, the rest is this one's to make.
            claims.wait(for: open)
            let found = try store.find(Array(open))
            answers.merge(found) { first, _ in first }
            open.subtract(found.keys)
        }
        return (answers, made)
    }
}

/// Which keys somebody is making answers for.
private final class Claims: @unchecked Sendable {
    // The set is touched only with the condition locked, which is what makes sharing it right.
    private let condition = NSCondition()
    private var taken: Set<ResultKey> = []

    /// Takes those of some keys that nobody has.
    func take(_ keys: Set<ResultKey>) -> Set<ResultKey> {
        condition.lock()
        defer { condition.unlock() }
        let free = keys.subtracting(taken)
        taken.formUnion(free)
        return free
    }

    func release(_ keys: Set<ResultKey>) {
        condition.lock()
        defer { condition.unlock() }
        taken.subtract(keys)
        condition.broadcast()
    }

    /// Waits until nobody has any of some keys.
    func wait(for keys: Set<ResultKey>) {
        condition.lock()
        defer { condition.unlock() }
        while !taken.isDisjoint(with: keys) { condition.wait() }
    }
}
