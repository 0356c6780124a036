internal import DuckKit
public import DuetPipeline
internal import Foundation

/// Looks after a result store between runs.
public struct StoreAdministration: Sendable {
    /// What a store holds of one model.
    public struct Entry: Sendable, Hashable {
        /// The model with its version.
        public var model: String
        /// Answers kept.
        public var answers: Int
        /// Inputs without an answer.
        public var failed: Int
        /// Tokens that were read and written for the answers.
        public var tokensIn: Int
        /// Tokens that were written.
        public var tokensOut: Int
        /// Calls made in all.
        public var calls: Int
        /// Seconds that the calls took.
        public var seconds: Double

        /// The entry as JSON.
        public var json: JSONValue {
            [
                "model": .string(model), "answers": .integer(Int64(answers)), "failed": .integer(Int64(failed)),
                "tokens_in": .integer(Int64(tokensIn)), "tokens_out": .integer(Int64(tokensOut)),
                "calls": .integer(Int64(calls)), "seconds": .double(seconds),
            ]
        }
    }

    private let path: String

    /// Looks after the store in a file.
    public init(path: String) { self.path = path }

    private func open<T: Sendable>(_ body: @Sendable (Connection) throws -> T) throws -> T {
        guard FileManager.default.fileExists(atPath: path) else {
            throw DuetError(
                .warehouse,
                "there is no result store at '\(path)'",
                hint: "a run that calls a model makes it; --home names another folder"
            )
        }
        let store = try ResultStore(path: path)
        let result = try store.withTables(body)
        try store.close()
        guard let result else { throw DuetError(.internalFault, "the result store closed by itself") }
        return result
    }

    /// What the store holds, model by model.
    public func entries() throws -> [Entry] {
        try open { connection in
            try connection.rows(
                """
                SELECT coalesce(r.model, m.model), coalesce(answers, 0), coalesce(failed, 0), coalesce(tokens_in, 0),
                    coalesce(tokens_out, 0), coalesce(calls, 0), coalesce(seconds, 0)
                FROM (
                    SELECT model, count(*) FILTER (WHERE error IS NULL) AS answers,
                        count(*) FILTER (WHERE error IS NOT NULL) AS failed, sum(tokens_in)::BIGINT AS tokens_in,
                        sum(tokens_out)::BIGINT AS tokens_out
                    FROM results GROUP BY model
                ) r FULL JOIN models m USING (model) ORDER BY 1
                """
            ).map { row in
                var seconds = 0.0
                if case .double(let number) = row[6] { seconds = number }
                return Entry(
                    model: row[0].string ?? "",
                    answers: row[1].int ?? 0,
                    failed: row[2].int ?? 0,
                    tokensIn: row[3].int ?? 0,
                    tokensOut: row[4].int ?? 0,
                    calls: row[5].int ?? 0,
                    seconds: seconds
                )
            }
        }
    }

    /// Forgets answers of models that no pipeline given has any more, in that version.
    ///
    /// - Parameter pipelines: All pipelines that share the store.
    /// - Returns: The answers forgotten.
    /// - Throws: ``DuetError`` when a model's files are missing or the store is in use.
    public func prune(keeping pipelines: [Pipeline]) throws -> Int {
        var kept: Set<String> = []
        for pipeline in pipelines {
            let service = InferenceService(models: pipeline.models, folder: pipeline.folder, store: path)
            for model in pipeline.models { kept.insert(try service.storedIdentity(of: model)) }
        }
        let list = kept.sorted().map { SQL.literal($0) }.joined(separator: ", ")
        let condition = kept.isEmpty ? "true" : "model NOT IN (\(list))"
        return try open { connection in
            let removed = try connection.execute("DELETE FROM results WHERE \(condition)")
            try connection.execute("DELETE FROM models WHERE \(condition)")
            return removed
        }
    }

    /// Declares a model's answers invalid: they are forgotten, and the next update of every dataset that calls the model
    /// asks anew.
    ///
    /// - Parameters:
    ///   - name: The model, as pipeline.yml declares it.
    ///   - pipeline: The pipeline that declares it.
    /// - Returns: The answers forgotten.
    /// - Throws: ``DuetError`` for a model that is not declared, or a store in use.
    public func invalidate(_ name: String, of pipeline: Pipeline) throws -> Int {
        guard let model = pipeline.models.first(where: { $0.name == name }) else {
            throw DuetError(
                .unknownModel,
                "the pipeline has no model '\(name)'",
                hint: Suggestion.hint(for: name, among: pipeline.models.map(\.name), noun: "models")
            )
        }
        let identity = try InferenceService(models: pipeline.models, folder: pipeline.folder, store: path)
            .storedIdentity(of: model)
        let removed = try open { connection in
            try connection.execute("DELETE FROM results WHERE model = ?", [.varchar(identity)])
        }
        try Generations(store: path).advance(name)
        return removed
    }

    /// Forgets which inputs of a pipeline's models have no answer, so that they are asked about again when their rows are
    /// made anew.
    ///
    /// Failures of other pipelines stay, also where they declare a model alike: they share its answers, and each knows for
    /// itself what it got none for. Failures that an earlier version of duet kept are everybody's, and forgotten too.
    ///
    /// - Parameter pipeline: The pipeline.
    /// - Returns: The inputs forgotten.
    /// - Throws: ``DuetError`` when a model's files are missing or the store is in use.
    public func forgetFailures(of pipeline: Pipeline) throws -> Int {
        let service = InferenceService(models: pipeline.models, folder: pipeline.folder, store: path)
        let own = try Set(pipeline.models.map(service.storedIdentity)).sorted().map { SQL.literal($0) }
        guard !own.isEmpty else { return 0 }
        return try open { connection in
            try connection.execute(
                "DELETE FROM results WHERE error IS NOT NULL AND model IN (\(own.joined(separator: ", "))) "
                    + "AND (pipeline = ? OR pipeline IS NULL)",
                [.varchar(pipeline.name)]
            )
        }
    }
}
