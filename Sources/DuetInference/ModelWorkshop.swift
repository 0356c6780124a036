internal import DuckKit
public import DuetPipeline
internal import Foundation
internal import Synchronization

/// Trains heads and measures models on labelled rows.
public struct ModelWorkshop: Sendable {
    /// How well a model's labels agree with known ones.
    public struct Evaluation: Sendable, Hashable {
        /// The labels, known and answered, in order.
        public var labels: [String]
        /// How often each known label (first) was answered with each label (second).
        public var confusion: [[Int]]
        /// Rows per second, loading of the model left out.
        public var rowsPerSecond: Double

        /// Rows looked at.
        public var rows: Int { confusion.reduce(0) { $0 + $1.reduce(0, +) } }
        /// The share of rows with the right label.
        public var accuracy: Double {
            rows == 0 ? 0 : Double(labels.indices.reduce(0) { $0 + confusion[$1][$1] }) / Double(rows)
        }

        /// The evaluation as JSON.
        public var json: JSONValue {
            [
                "rows": .integer(Int64(rows)), "accuracy": .double(accuracy), "rows_per_second": .double(rowsPerSecond),
                "labels": .array(labels.map { .string($0) }),
                "confusion": .array(confusion.map { .array($0.map { .integer(Int64($0)) }) }),
            ]
        }
    }

    private let pipeline: Pipeline
    private let modelFolder = ModelFolder()

    /// Works on a pipeline's models.
    public init(_ pipeline: Pipeline) { self.pipeline = pipeline }

    private func model(_ name: String, withoutHead: Bool) throws -> EmbeddedModel {
        guard var declaration = pipeline.models.first(where: { $0.name == name }) else {
            throw DuetError(
                .unknownModel,
                "there is no model '\(name)'",
                hint: Suggestion.hint(for: name, among: pipeline.models.map(\.name), noun: "models")
            )
        }
        guard declaration.backend == .embedded else {
            throw DuetError(
                .unknownModel,
                "the model '\(name)' is an endpoint, and only embedded models have heads",
                at: declaration.location
            )
        }
        if withoutHead { declaration.head = nil }
        return try EmbeddedModel(declaration, folder: pipeline.folder, models: modelFolder)
    }

    /// Trains a head.
    ///
    /// - Parameters:
    ///   - name: The model, as pipeline.yml declares it.
    ///   - query: Rows of a text and its label, as a query; paths in it are relative to the pipeline's folder.
    /// - Returns: The head.
    /// - Throws: ``DuetError`` when the query fails, or its rows have fewer than two labels.
    public func train(_ name: String, on query: String) throws -> Head {
        let model = try model(name, withoutHead: true)
        let rows = try labelled(query)
        guard Set(rows.map(\.label)).count > 1 else {
            throw DuetError(
                .wrongValue,
                "the rows have fewer than two labels; nothing can be told apart with them",
                hint: "the query must give a text and a label in each row"
            )
        }
        let vectors = try vectors(of: rows.map(\.text), model)
        return HeadTraining(vectors: vectors, labels: rows.map(\.label))
            .head(encoder: try modelFolder.identity(of: model.declaration.model))
    }

    /// Holds a model's labels against known ones.
    ///
    /// - Parameters:
    ///   - name: The model, as pipeline.yml declares it, with its head if it has one.
    ///   - query: Rows of a text and its label, as for ``train(_:on:)``.
    /// - Returns: How they agree.
    /// - Throws: ``DuetError`` when the query fails or the model cannot be used.
    public func evaluate(_ name: String, on query: String) throws -> Evaluation {
        let model = try model(name, withoutHead: false)
        let rows = try labelled(query)
        let known = Set(rows.map(\.label)).sorted()
        _ = try model.encoder()
        let start = ContinuousClock.now
        let vectors = try vectors(of: rows.map(\.text), model)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let numbers = Dictionary(uniqueKeysWithValues: known.enumerated().map { ($1, $0) })
        var confusion = known.map { _ in known.map { _ in 0 } }
        for (row, vector) in zip(rows, vectors) {
            guard let answer = try model.label(of: vector, among: known), let column = numbers[answer],
                let line = numbers[row.label]
            else { continue }
            confusion[line][column] += 1
        }
        return Evaluation(labels: known, confusion: confusion, rowsPerSecond: Double(rows.count) / max(seconds, 1e-9))
    }

    /// A text as an encoder reads it, and what the model makes of it.
    public struct Encoded: Sendable {
        /// The text.
        public var text: String
        /// The label it is known to have.
        public var label: String
        /// The numbers of its tokens; empty for encoders that keep them to themselves.
        public var tokens: [Int64]
        /// The vector.
        public var vector: [Float]
        /// The label that the model gives it, among those that are known.
        public var answer: String?

        /// The text with everything as JSON.
        public var json: JSONValue {
            [
                "text": .string(text), "label": .string(label), "tokens": .array(tokens.map { .integer($0) }),
                "vector": .array(vector.map { .double(Double($0)) }), "answer": answer.map { .string($0) } ?? .null,
            ]
        }
    }

    /// The tokens, vectors and labels of texts, to be held against another implementation.
    ///
    /// - Parameters:
    ///   - name: The model, as pipeline.yml declares it.
    ///   - query: Rows of a text and its label, as for ``train(_:on:)``.
    /// - Returns: The texts in the query's order.
    /// - Throws: ``DuetError`` when the query fails or the model cannot be used.
    public func encoded(_ name: String, _ query: String) throws -> [Encoded] {
        let model = try model(name, withoutHead: false)
        let rows = try labelled(query)
        let known = Set(rows.map(\.label)).sorted()
        let encoder = try model.encoder()
        let vectors = try vectors(of: rows.map(\.text), model)
        return try zip(rows, vectors).map { row, vector in
            Encoded(
                text: row.text,
                label: row.label,
                tokens: encoder.prepare(row.text, limit: encoder.maximumTokens).tokens,
                vector: vector,
                answer: try model.label(of: vector, among: known)
            )
        }
    }

    private func labelled(_ query: String) throws(DuetError) -> [(text: String, label: String)] {
        do {
            let connection = try Database().connect()
            try connection.execute("SET file_search_path = \(SQL.literal(pipeline.folder))")
            return try connection.rows(query).compactMap { row in
                guard row.count == 2, let text = row[0].string, let label = row[1].string else { return nil }
                return (text, label)
            }
        } catch {
            throw DuetError(
                .sqlExecution,
                "the query for labelled rows fails: \(error.message)",
                hint: "it must give two columns: the text and its label; paths are relative to the pipeline's folder"
            )
        }
    }

    /// Encodes texts in the same batches as a run makes, and nothing else: what a run is held against.
    ///
    /// - Parameters:
    ///   - name: The model, as pipeline.yml declares it.
    ///   - texts: The texts.
    /// - Returns: Their vectors.
    /// - Throws: ``DuetError`` when the model cannot be used.
    public func encode(_ name: String, _ texts: [String]) throws -> [[Float]] {
        try vectors(of: texts, try model(name, withoutHead: true))
    }

    /// The vectors of texts, in the same batches as a run makes.
    private func vectors(of texts: [String], _ model: EmbeddedModel) throws -> [[Float]] {
        let encoder = try model.encoder()
        let limit = min(model.declaration.maxInputTokens ?? encoder.maximumTokens, encoder.maximumTokens)
        let prepared = texts.map { encoder.prepare($0, limit: limit) }
        let order = prepared.indices.sorted { (prepared[$0].tokenCount, $0) > (prepared[$1].tokenCount, $1) }
        let size = model.declaration.batchSize
        let batches = stride(from: 0, to: order.count, by: size).map { Array(order[$0..<min($0 + size, order.count)]) }
        let result = Mutex([[Float]](repeating: [], count: texts.count))
        try model.concurrently(batches.count) { number in
            let batch = batches[number]
            let vectors = try encoder.encode(batch.map { prepared[$0] })
            result.withLock { result in
                for (row, vector) in zip(batch, vectors) { result[row] = vector }
            }
        }
        return result.withLock { $0 }
    }
}
