internal import DuckKit
internal import DuetEvents
internal import DuetPipeline
internal import Foundation

/// A function's call, with what is needed to answer it.
struct Rows {
    let function: InferenceFunction
    let call: FunctionCall
    let types: [LogicalType]
    let meter: InferenceMeter

    /// The number of arguments.
    var count: Int { types.count }
    var indices: Range<Int> { 0..<call.count }

    func texts(_ argument: Int) -> [String?] { call.strings(argument) }

    func labels(_ argument: Int) -> [[String]?] { call.stringLists(argument) }

    /// The numbers of an argument that may be missing.
    func numbers(_ argument: Int) throws -> [Int?] {
        argument < count ? try call.values(argument).map(\.int) : indices.map { _ in nil }
    }

    /// The models' names from an argument that may be missing; nil for whatever `models:` says.
    func models(_ argument: Int) -> [String?] {
        argument < count && types[argument] == .varchar ? texts(argument) : indices.map { _ in nil }
    }
}

extension InferenceService {
    /// Answers rows group by group of their models.
    func byModel<T>(
        _ rows: Rows,
        _ names: [String?],
        _: ModelDeclaration.Backend,
        embedded: (ModelDeclaration, [Int]) throws -> [T?],
        endpoint: (ModelDeclaration, [Int]) throws -> [T?]
    ) throws -> [T?] {
        var result = [T?](repeating: nil, count: names.count)
        for (name, indices) in Dictionary(grouping: names.indices, by: { names[$0] })
            .sorted(by: { $0.key ?? "" < $1.key ?? "" })
        {
            let declaration = try declaration(rows.function, named: name)
            let answers =
                declaration.backend == .embedded
                ? try embedded(declaration, indices) : try endpoint(declaration, indices)
            for (row, answer) in zip(indices, answers) { result[row] = answer }
            let asked = answers.count { $0 != nil }
            rows.meter.count { $0.rows += asked }
            try checkFailures(declaration, rows.meter)
        }
        return result
    }

    /// Answers by a model that writes text.
    func writing(
        _ rows: Rows,
        _ names: [String?],
        request: (EndpointModel, Int) throws -> EndpointRequest?
    ) throws -> [String?] {
        let none = { (_: ModelDeclaration, _: [Int]) throws -> [String?] in [] }
        return try byModel(rows, names, .endpoint, embedded: none) { declaration, indices in
            let model = try endpointModel(declaration)
            return try texts(rows, declaration, indices) { try request(model, $0) }
        }
    }

    /// The texts that a server answers rows with.
    func texts(
        _ rows: Rows,
        _ declaration: ModelDeclaration,
        _ indices: [Int],
        request: (Int) throws -> EndpointRequest?
    ) throws -> [String?] {
        let model = try endpointModel(declaration)
        var requests: [ResultKey: EndpointRequest] = [:]
        let keys = try indices.map { row -> ResultKey? in
            guard let request = try request(row) else { return nil }
            let key = model.key(of: request)
            requests[key] = request
            return key
        }
        let answers = try ask(requests, declaration, rows.meter)
        return keys.map { key in
            guard let key else { return nil }
            return answers[key]?.text ?? mark(answers[key], key, requests[key]?.content ?? "", rows)
        }
    }

    private func ask(
        _ requests: [ResultKey: EndpointRequest],
        _ declaration: ModelDeclaration,
        _ meter: InferenceMeter
    ) throws -> [ResultKey: StoredAnswer] {
        let (book, store) = try book(for: declaration)
        return try EndpointAnswers(
            model: try endpointModel(declaration),
            book: book,
            store: store,
            budget: budget,
            meter: meter,
            mode: options.mode,
            fetcher: options.fetcher,
            isCancelled: options.isCancelled
        ).answers(requests)
    }

    /// The vectors of texts by an embedded model.
    func vectors(
        of texts: [String],
        _ declaration: ModelDeclaration,
        _ meter: InferenceMeter
    ) throws -> [String: StoredAnswer] {
        let (book, store) = try book(for: declaration)
        return try EmbeddedAnswers(
            model: try embeddedModel(declaration),
            book: book,
            store: store,
            budget: budget,
            meter: meter,
            mode: options.mode,
            isCancelled: options.isCancelled
        ).vectors(of: Set(texts))
    }

    /// The vectors of rows, by whatever backend; one that has no answer is not a number, by which its row is known.
    func vectors(
        _ rows: Rows,
        _ content: [String?],
        _ declaration: ModelDeclaration,
        _ indices: [Int]
    ) throws -> [[Float]?] {
        if declaration.backend == .embedded {
            let model = try embeddedModel(declaration)
            let answers = try vectors(of: indices.compactMap { content[$0] }, declaration, rows.meter)
            return indices.map { row in
                guard let text = content[row] else { return nil }
                if let vector = answers[text]?.vector { return vector }
                _ = mark(answers[text], model.key(of: text), text, rows)
                return [.nan]
            }
        }
        let model = try endpointModel(declaration)
        var requests: [ResultKey: EndpointRequest] = [:]
        let keys = indices.map { row -> [ResultKey]? in
            content[row].map { text in
                model.pieces(of: text).map { piece in
                    let request = model.request(.embed, content: piece)
                    let key = model.key(of: request)
                    requests[key] = request
                    return key
                }
            }
        }
        let answers = try ask(requests, declaration, rows.meter)
        return zip(indices, keys).map { row, keys in
            guard let keys else { return nil }
            let vectors = keys.compactMap { answers[$0]?.vector }
            if vectors.count == keys.count, let first = vectors.first {
                let weights = keys.map { requests[$0]?.estimatedTokens ?? 1 }
                return vectors.count == 1 ? first : Vector.mean(vectors, weights: weights)
            }
            guard let missing = keys.first(where: { answers[$0]?.vector == nil }) else { return nil }
            _ = mark(answers[missing], missing, content[row] ?? "", rows)
            return [.nan]
        }
    }

    /// Notes that an input has no answer, and gives the text that stands for it.
    func mark(_ answer: StoredAnswer?, _ key: ResultKey, _ input: String, _ rows: Rows) -> String {
        let error = answer?.error ?? "there is no answer"
        let start = input.split(whereSeparator: \.isNewline).joined(separator: " ").prefix(80)
        rows.meter.fail(.init(number: key.short, function: rows.function, input: String(start), error: error))
        return "\(InferenceFunction.failureMark)\(key.short): \(error)"
    }

    /// Fails the step when more of its inputs have no answer than the model's declaration allows.
    private func checkFailures(_ declaration: ModelDeclaration, _ meter: InferenceMeter) throws {
        let measures = meter.measures
        guard declaration.maxFailures < 1, measures.failed > 0 else { return }
        // A few rows say little; the share is looked at from twenty on.
        guard measures.rows >= 20, Double(measures.failed) > declaration.maxFailures * Double(measures.rows) else {
            return
        }
        let first = meter.failures.first
        throw DuetError(
            .inferenceFailed,
            "\(measures.failed) of \(measures.rows) inputs got no answer from '\(declaration.name)', more than its "
                + "max_failures of \(declaration.maxFailures) allows",
            hint: "the first: '\(first?.input ?? "")': \(first?.error ?? "")",
            at: declaration.location
        )
    }
}
