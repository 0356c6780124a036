internal import Dispatch
internal import Foundation
internal import Synchronization

/// Runs nodes of a graph, each as soon as those it depends on are done, several at a time.
package enum DependencyWalk {
    /// How a node ended.
    package enum Outcome: Sendable {
        /// Those that depend on it may run.
        case done
        /// Those that depend on it are skipped.
        case failed
    }

    /// Walks the graph until every node has run or been skipped.
    ///
    /// Each worker is a thread of its own, not one of Swift's or of a queue: the work blocks in DuckDB for long, transfers
    /// need Swift's threads meanwhile, and a queue starts no more threads than there are cores.
    ///
    /// - Parameters:
    ///   - dependencies: For each node the numbers of the nodes it waits for, all of them known.
    ///   - workers: How many run at once, at least 1.
    ///   - run: Does a node's work.
    ///   - skip: Told of a node that will not run, with the number of the one whose failure is the reason.
    package static func run(
        dependencies: [[Int]],
        workers: Int,
        run: @escaping @Sendable (_ node: Int) -> Outcome,
        skip: @escaping @Sendable (_ node: Int, _ because: Int) -> Void
    ) {
        let board = Board(dependencies: dependencies)
        let others = max(0, min(workers, dependencies.count) - 1)
        let work: @Sendable () -> Void = {
            while let node = board.take() {
                let outcome = run(node)
                for (skipped, reason) in board.finish(node, outcome) { skip(skipped, reason) }
            }
        }
        let group = DispatchGroup()
        for _ in 0..<others {
            let handover = Handover(work)
            group.enter()
            Thread.detachNewThread {
                handover.run()
                group.leave()
            }
        }
        work()
        group.wait()
    }
}

/// Work for a thread, which lets go of it when it is done.
///
/// A thread lets go of its own block only as it ends, after its thread-local values are gone. A database closed then
/// would crash: DuckDB 1.5.5 keeps settings in such values and looks at them when it closes.
private final class Handover: Sendable {
    private let work: Mutex<(@Sendable () -> Void)?>

    init(_ work: @escaping @Sendable () -> Void) { self.work = Mutex(work) }

    func run() {
        let taken = work.withLock { work in
            defer { work = nil }
            return work
        }
        taken?()
    }
}

/// Which nodes wait, are ready, run and are done.
private final class Board: @unchecked Sendable {
    // All state is touched only with `condition` locked, which is what makes sharing it right.
    private let condition = NSCondition()
    private var waiting: [Set<Int>]
    private var ready: [Int]
    private var unfinished: Int
    private let readers: [[Int]]
    private var isSkipped: [Bool]

    init(dependencies: [[Int]]) {
        waiting = dependencies.map(Set.init)
        ready = dependencies.indices.filter { dependencies[$0].isEmpty }.reversed()
        unfinished = dependencies.count
        isSkipped = Array(repeating: false, count: dependencies.count)
        var readers = Array(repeating: [Int](), count: dependencies.count)
        for (node, inputs) in dependencies.enumerated() {
            for input in Set(inputs) { readers[input].append(node) }
        }
        self.readers = readers
    }

    /// The next node to run; waits for one; nil when all is done.
    func take() -> Int? {
        condition.lock()
        defer { condition.unlock() }
        while ready.isEmpty, unfinished > 0 { condition.wait() }
        return ready.popLast()
    }

    /// Notes a node's end and gives the nodes that are skipped for it.
    func finish(_ node: Int, _ outcome: DependencyWalk.Outcome) -> [(node: Int, because: Int)] {
        condition.lock()
        defer { condition.unlock() }
        unfinished -= 1
        var skipped: [(node: Int, because: Int)] = []
        switch outcome {
        case .done:
            for reader in readers[node] where !isSkipped[reader] {
                waiting[reader].remove(node)
                if waiting[reader].isEmpty { ready.insert(reader, at: 0) }
            }
        case .failed:
            var reached = readers[node]
            while let reader = reached.popLast() {
                guard !isSkipped[reader] else { continue }
                isSkipped[reader] = true
                unfinished -= 1
                skipped.append((reader, node))
                reached += readers[reader]
            }
        }
        condition.broadcast()
        return skipped
    }
}
