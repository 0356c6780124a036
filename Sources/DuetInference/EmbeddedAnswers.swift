internal import DuetEvents
internal import DuetPipeline
internal import Synchronization

/// Gets vectors from an embedded model: looked up, or computed in batches of like lengths.
struct EmbeddedAnswers {
    let model: EmbeddedModel
    let book: AnswerBook
    let store: ResultStore
    let budget: Budget
    let meter: InferenceMeter
    let mode: InferenceMode
    let isCancelled: @Sendable () -> Bool

    /// The answers by text; one without a vector says why.
    func vectors(of texts: Set<String>) throws -> [String: StoredAnswer] {
        var requests: [ResultKey: String] = [:]
        var keys: [String: ResultKey] = [:]
        for text in texts {
            let key = model.key(of: text)
            keys[text] = key
            requests[key] = text
        }
        let answers = try book.answers(requests) { missing in
            try meter.timed { try make(missing) }
        }.answers
        return keys.compactMapValues { answers[$0] }
    }

    private struct Item {
        var key: ResultKey
        var pieces: [PreparedText]
        var tokens: Int { pieces.reduce(0) { $0 + $1.tokenCount } }
    }

    private func make(_ missing: [(key: ResultKey, request: String)]) throws {
        let prepared = Mutex<[(key: ResultKey, pieces: [PreparedText]?)]>([])
        let chunk = 256
        try model.concurrently((missing.count + chunk - 1) / chunk) { part in
            let range = part * chunk..<min((part + 1) * chunk, missing.count)
            let ready = try missing[range].map { (key: $0.key, pieces: try model.pieces(of: $0.request)) }
            prepared.withLock { $0 += ready }
        }
        var items: [Item] = []
        var refused: [(key: ResultKey, answer: StoredAnswer)] = []
        for (key, pieces) in prepared.withLock({ $0 }) {
            if let pieces {
                items.append(Item(key: key, pieces: pieces))
            } else {
                let limit = try model.declaration.maxInputTokens ?? model.encoder().maximumTokens
                refused.append((key, StoredAnswer(error: "the input has more than \(limit) tokens")))
            }
        }
        if mode == .count {
            let tokens = items.reduce(0) { $0 + $1.tokens }
            let cost = model.declaration.price.cost(calls: items.count, tokensIn: tokens, tokensOut: 0)
            meter.count {
                $0.calls += items.count
                $0.tokensIn += tokens
                $0.cost += cost
            }
            let zero = [Float](repeating: 0, count: try model.encoder().dimensions)
            return try store.keep(items.map { ($0.key, StoredAnswer(vector: zero)) } + refused, model: "")
        }
        if !refused.isEmpty { try store.keep(refused, model: model.vectorIdentity) }
        // Texts of like lengths together, since a batch is as wide as its longest; equal ones by key, to be repeatable.
        items.sort { ($0.tokens, $0.key.number) > ($1.tokens, $1.key.number) }
        let size = model.declaration.batchSize
        let batches = stride(from: 0, to: items.count, by: size).map { Array(items[$0..<min($0 + size, items.count)]) }
        let encoder = try model.encoder()
        let start = ContinuousClock.now
        try model.concurrently(batches.count) { number in try encode(batches[number], encoder) }
        try store.note(
            model: model.vectorIdentity,
            calls: items.count,
            seconds: (ContinuousClock.now - start) / .seconds(1)
        )
    }

    private func encode(_ batch: [Item], _ encoder: any TextEncoder) throws {
        if isCancelled() { throw DuetError(.cancelled, "the run was stopped") }
        let tokens = batch.reduce(0) { $0 + $1.tokens }
        let price = model.declaration.price
        let cost = price.cost(calls: batch.count, tokensIn: tokens, tokensOut: 0)
        try budget.reserve(cost, currency: price.currency)
        let vectors: [[Float]]
        do {
            vectors = try encoder.encode(batch.flatMap(\.pieces))
        } catch let error as InferenceFault {
            throw DuetError(
                .inferenceFailed,
                "the model '\(model.declaration.name)' cannot compute a batch of \(batch.count) texts",
                hint: "a smaller batch_size needs less memory; nothing but this batch is lost",
                cause: error.description
            )
        }
        var answers: [(key: ResultKey, answer: StoredAnswer)] = []
        var next = 0
        for item in batch {
            let own = Array(vectors[next..<next + item.pieces.count])
            next += item.pieces.count
            let vector = own.count == 1 ? own[0] : Vector.mean(own, weights: item.pieces.map(\.tokenCount))
            answers.append((item.key, StoredAnswer(vector: vector, tokensIn: item.tokens)))
        }
        try store.keep(answers, model: model.vectorIdentity)
        meter.count {
            $0.calls += batch.count
            $0.tokensIn += tokens
            $0.cost += cost
        }
    }
}
