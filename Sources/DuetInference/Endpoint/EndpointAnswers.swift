internal import Dispatch
internal import DuetEvents
internal import DuetFetch
internal import DuetPipeline
internal import Synchronization

/// Numbers from 0, each once, for any thread.
private final class Counter: Sendable {
    private let next = Mutex(0)

    func take() -> Int {
        next.withLock { next in
            defer { next += 1 }
            return next
        }
    }
}

/// Gets answers from a server: looked up, or asked for, several at once.
struct EndpointAnswers {
    let model: EndpointModel
    let book: AnswerBook
    let store: ResultStore
    let budget: Budget
    let meter: InferenceMeter
    let mode: InferenceMode
    let fetcher: @Sendable () -> Fetcher
    let isCancelled: @Sendable () -> Bool

    /// The answers by the requests' keys.
    func answers(_ requests: [ResultKey: EndpointRequest]) throws -> [ResultKey: StoredAnswer] {
        try book.answers(requests) { missing in
            try meter.timed { try make(missing) }
        }.answers
    }

    private typealias Entry = (key: ResultKey, request: EndpointRequest)

    private func make(_ missing: [(key: ResultKey, request: EndpointRequest)]) throws {
        let limit = model.tokenLimit
        var wanted: [Entry] = []
        var refused: [(key: ResultKey, answer: StoredAnswer)] = []
        for entry in missing {
            let tokens = entry.request.estimatedTokens
            guard model.declaration.maxInputTokens != nil, tokens > limit else {
                wanted.append(entry)
                continue
            }
            refused.append((entry.key, StoredAnswer(error: "the input has about \(tokens) tokens, more than \(limit)")))
        }
        if !refused.isEmpty { try store.keep(refused, model: model.identity) }
        if mode == .count { return try count(wanted) }
        let start = ContinuousClock.now
        let open = wanted
        try waiting { try await ask(open) }
        try store.note(model: model.identity, calls: wanted.count, seconds: (ContinuousClock.now - start) / .seconds(1))
    }

    /// What goes into one request each: texts whose vectors are wanted go together.
    private func jobs(_ wanted: [Entry]) -> [[Entry]] {
        let size = model.declaration.batchSize
        return [true, false].flatMap { isVector -> [[Entry]] in
            let entries = wanted.filter { ($0.request.function == .embed) == isVector }
            let size = isVector ? size : 1
            return stride(from: 0, to: entries.count, by: size).map { start in
                Array(entries[start..<min(start + size, entries.count)])
            }
        }
    }

    private func count(_ wanted: [Entry]) throws {
        let tokensIn = wanted.reduce(0) { $0 + $1.request.estimatedTokens }
        let tokensOut = wanted.reduce(0) { $0 + expectedOutput($1.request) }
        let cost = model.declaration.price.cost(
            calls: jobs(wanted).count,
            tokensIn: tokensIn,
            tokensOut: tokensOut
        )
        meter.count {
            $0.calls += wanted.count
            $0.tokensIn += tokensIn
            $0.tokensOut += tokensOut
            $0.cost += cost
        }
        try store.keep(wanted.map { ($0.key, madeUp($0.request)) }, model: "")
    }

    /// About how many tokens an answer has.
    private func expectedOutput(_ request: EndpointRequest) -> Int {
        switch request.function {
        case .embed, .similarity: 0
        case .classify, .analyzeSentiment: request.readsProbabilities ? 1 : 8
        case .translate: min(model.declaration.maxTokens, request.content.utf8.count / 4 + 1)
        case .extract, .summarize, .query: model.declaration.maxTokens
        }
    }

    private func madeUp(_ request: EndpointRequest) -> StoredAnswer {
        switch request.function {
        case .embed, .similarity: StoredAnswer(vector: [1])
        case .classify, .analyzeSentiment: StoredAnswer(text: request.labels.first ?? "")
        case .extract: StoredAnswer(text: "{}")
        case .query where request.wantsJSON: StoredAnswer(text: "{}")
        default: StoredAnswer(text: "")
        }
    }

    /// Asks everything, as many at once as the model's pace allows; each answer is kept as it comes.
    private func ask(_ wanted: [Entry]) async throws {
        let client = EndpointClient(model: model, fetcher: fetcher())
        let jobs = jobs(wanted)
        let workers = min(model.declaration.concurrency ?? 8, jobs.count)
        let next = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<workers {
                group.addTask {
                    while true {
                        let number = next.take()
                        guard number < jobs.count else { return }
                        try Task.checkCancellation()
                        try await ask(together: jobs[number], client)
                    }
                }
            }
            // The first failure of the server ends the others; what they have by then is kept.
            try await group.waitForAll()
        }
    }

    private func ask(together entries: [Entry], _ client: EndpointClient) async throws {
        let price = model.declaration.price
        let expected = price.cost(
            calls: 1,
            tokensIn: entries.reduce(0) { $0 + $1.request.estimatedTokens },
            tokensOut: entries.reduce(0) { $0 + expectedOutput($1.request) }
        )
        try budget.reserve(expected, currency: price.currency)
        let outcomes =
            entries[0].request.function == .embed
            ? try await client.vectors(entries.map(\.request)) : [try await client.ask(entries[0].request)]
        let tokensIn = outcomes.reduce(0) { $0 + $1.answer.tokensIn }
        let tokensOut = outcomes.reduce(0) { $0 + $1.answer.tokensOut }
        let cost = price.cost(
            calls: outcomes.reduce(0) { $0 + $1.requests },
            tokensIn: tokensIn,
            tokensOut: tokensOut
        )
        budget.settle(reserved: expected, actual: cost)
        try store.keep(zip(entries, outcomes).map { ($0.key, $1.answer) }, model: model.identity)
        meter.count {
            // An input asked about is a call, as with embedded models, however many go together.
            $0.calls += entries.count
            $0.tokensIn += tokensIn
            $0.tokensOut += tokensOut
            $0.retries += outcomes.reduce(0) { $0 + $1.retries }
            $0.cost += cost
        }
    }

    /// Waits on a thread of DuckDB's for asynchronous work, which Swift's own threads do.
    private func waiting(_ work: @escaping @Sendable () async throws -> Void) throws {
        let done = DispatchSemaphore(value: 0)
        let failure = Mutex<(any Error)?>(nil)
        let task = Task {
            do {
                try await work()
            } catch {
                failure.withLock { $0 = error }
            }
            done.signal()
        }
        while done.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
            if isCancelled() { task.cancel() }
        }
        if let error = failure.withLock({ $0 }) {
            throw error is CancellationError ? DuetError(.cancelled, "the run was stopped") : error
        }
    }
}
