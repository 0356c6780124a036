internal import DuckKit
internal import DuetPipeline
internal import Foundation
internal import Synchronization

/// What models have answered, found again by what they were asked: a DuckDB file that all pipelines of a home share, or
/// nothing but the memory of one run.
///
/// An answer is found by every pipeline that asks the same; that there was none is known to the pipeline that asked.
///
/// Results are kept as they come: in a journal first, in the tables when there are many and when the store closes.
package final class ResultStore: Sendable {
    fileprivate struct State {
        var connection: Connection
        var journal: Journal?
        /// What came since the tables were last added to.
        var fresh: [ResultKey: (answer: StoredAnswer, model: String, pipeline: String?)] = [:]
        var stored: Int
        /// The pipeline that asks.
        let pipeline: String?
        /// Whether there may be failures of the pipeline.
        var hasFailures = false
        /// Whether what comes is for this run alone.
        var isReadOnly = false
    }

    private let state: Mutex<State?>
    /// Results held in memory before they go to the tables.
    private static let most = 20_000

    /// Opens or creates a store.
    ///
    /// - Parameters:
    ///   - path: The file; nil for a store that is gone when it closes.
    ///   - isReadOnly: Whether answers that come are for this run alone.
    ///   - pipeline: The pipeline that asks, whose failures are kept apart; nil keeps them as everybody's.
    /// - Throws: ``DuetError`` with `WAREHOUSE` when another run has it or it cannot be opened.
    package init(path: String?, isReadOnly: Bool = false, pipeline: String? = nil) throws {
        let journal = try path.map(Journal.init(store:))
        do {
            let database = try Database(path: path)
            let connection = try database.connect()
            // Small statements by the thousand: handing them to other threads costs more than these would save.
            try connection.execute("SET threads = 1")
            try connection.execute(
                """
                CREATE TABLE IF NOT EXISTS results (key UHUGEINT, model VARCHAR, text VARCHAR, vector BLOB, error VARCHAR,
                    tokens_in BIGINT, tokens_out BIGINT, kept TIMESTAMP);
                ALTER TABLE results ADD COLUMN IF NOT EXISTS pipeline VARCHAR;
                CREATE TABLE IF NOT EXISTS models (model VARCHAR, calls BIGINT, seconds DOUBLE, used TIMESTAMP);
                """
            )
            state = Mutex(State(connection: connection, journal: journal, stored: 0, pipeline: pipeline))
            try takeJournal()
            state.withLock { $0?.recount() }
            state.withLock { $0?.isReadOnly = isReadOnly }
        } catch let error as DuckDBError {
            throw DuetError(
                .warehouse,
                "the result store '\(path ?? "in memory")' cannot be opened",
                hint: "if it is not a DuckDB file of this version, move it away; what it held is asked for again",
                cause: error.message
            )
        }
    }

    /// Takes over what an earlier process wrote and could not put into the tables.
    private func takeJournal() throws {
        try state.withLock { state in
            guard let journal = state?.journal else { return }
            for line in try journal.lines() {
                guard let (key, model, pipeline, answer) = StoredAnswer.read(line: String(line)) else { continue }
                state?.fresh[key] = (answer, model, pipeline)
            }
            try state?.flush()
        }
    }

    /// The answers there are.
    package func find(_ keys: [ResultKey]) throws -> [ResultKey: StoredAnswer] {
        try state.withLock { state in
            guard let open = state else { return [:] }
            var found: [ResultKey: StoredAnswer] = [:]
            var missing: [ResultKey] = []
            var failures: [ResultKey: ResultKey] = [:]
            for key in keys {
                if let fresh = open.fresh[key] {
                    found[key] = fresh.answer
                    continue
                }
                if open.hasFailures, let failure = open.pipeline.map(key.failure) {
                    if let fresh = open.fresh[failure] {
                        found[key] = fresh.answer
                        continue
                    }
                    failures[failure] = key
                }
                missing.append(key)
            }
            guard !missing.isEmpty, open.stored > 0 else { return found }
            let result = try open.rows(missing + failures.keys)
            while let chunk = try result.nextChunk() {
                for row in try chunk.rows() {
                    guard case .uhugeint(let number) = row[0] else { continue }
                    var answer = StoredAnswer(text: row[1].string, error: row[3].string)
                    if case .blob(let bytes) = row[2] { answer.vector = StoredAnswer.vector(bytes: bytes) }
                    answer.tokensIn = row[4].int ?? 0
                    answer.tokensOut = row[5].int ?? 0
                    let key = ResultKey(number: number)
                    // Another pipeline may have got an answer since.
                    if let asked = failures[key] { found[asked] = found[asked] ?? answer } else { found[key] = answer }
                }
            }
            return found
        }
    }

    /// Keeps answers; they outlive the process from here on.
    package func keep(_ answers: [(key: ResultKey, answer: StoredAnswer)], model: String) throws {
        try state.withLock { state in
            guard state != nil else { return }
            let entries = answers.map { key, answer in
                let pipeline = answer.error == nil ? nil : state?.pipeline
                return (key: pipeline.map(key.failure) ?? key, answer: answer, pipeline: pipeline)
            }
            if let journal = state?.journal, state?.isReadOnly == false {
                try journal.append(
                    entries.map { $0.answer.line(key: $0.key, model: model, pipeline: $0.pipeline) }.joined()
                )
            }
            for entry in entries {
                state?.fresh[entry.key] = (entry.answer, model, entry.pipeline)
                if entry.pipeline != nil { state?.hasFailures = true }
            }
            if let count = state?.fresh.count, count >= Self.most { try state?.flush() }
        }
    }

    /// Notes that a model was called, for estimates and for pruning.
    func note(model: String, calls: Int, seconds: Double) throws {
        try state.withLock { state in
            guard let connection = state?.connection, state?.isReadOnly == false else { return }
            let changed = try connection.execute(
                "UPDATE models SET calls = calls + ?, seconds = seconds + ?, used = now()::TIMESTAMP WHERE model = ?",
                [Value(calls), .double(seconds), .varchar(model)]
            )
            guard changed == 0 else { return }
            try connection.execute(
                "INSERT INTO models VALUES (?, ?, ?, now()::TIMESTAMP)",
                [.varchar(model), Value(calls), .double(seconds)]
            )
        }
    }

    /// Runs statements over the tables, all results being in them.
    func withTables<T: Sendable>(_ body: @Sendable (Connection) throws -> T) throws -> T? {
        try state.withLock { state in
            try state?.flush()
            guard let connection = state?.connection else { return nil }
            defer { state?.recount() }
            return try body(connection)
        }
    }

    /// Puts everything into the tables and closes; later calls find nothing.
    ///
    /// To be called by a thread that lives on: DuckDB 1.5.5 crashes when a thread that is ending closes a database.
    package func close() throws {
        try state.withLock { state in
            defer { state = nil }
            try state?.flush()
            try state?.journal?.close()
        }
    }
}

extension ResultStore.State {
    fileprivate mutating func flush() throws {
        guard !isReadOnly else { return }
        if !fresh.isEmpty {
            try connection.transaction {
                try connection.execute(
                    "CREATE OR REPLACE TEMP TABLE fresh AS SELECT * EXCLUDE (kept) FROM results LIMIT 0"
                )
                let appender = try connection.appender(table: "fresh", schema: "main", catalog: "temp")
                for (key, entry) in fresh {
                    try appender.appendRow([
                        .uhugeint(key.number), .varchar(entry.model), Value(entry.answer.text),
                        entry.answer.vectorBytes.map { .blob($0) } ?? .null, Value(entry.answer.error),
                        Value(entry.answer.tokensIn), Value(entry.answer.tokensOut), Value(entry.pipeline),
                    ])
                }
                try appender.close()
                try connection.execute("DELETE FROM results WHERE key IN (SELECT key FROM fresh)")
                if hasFailures, let pipeline {
                    // What has an answer now is no failure any more.
                    let answered = fresh.filter { $0.value.answer.error == nil }.map { $0.key.failure(of: pipeline) }
                    try connection.execute(
                        "DELETE FROM results WHERE key IN (SELECT unnest(?))",
                        [.list(answered.map { .uhugeint($0.number) })]
                    )
                }
                try connection.execute("INSERT INTO results BY NAME SELECT *, now()::TIMESTAMP AS kept FROM fresh")
                try connection.execute("DROP TABLE fresh")
            }
            fresh = [:]
            recount()
        }
        try journal?.empty()
    }

    /// The rows of some keys.
    fileprivate func rows(_ keys: [ResultKey]) throws -> QueryResult {
        let select = "SELECT key, text, vector, error, tokens_in, tokens_out FROM results"
        guard keys.count > 16 else {
            return try connection.query(
                "\(select) WHERE key IN (SELECT unnest(?))",
                [.list(keys.map { .uhugeint($0.number) })]
            )
        }
        // DuckDB turns the numbers of a long parameter into text and back; those of a table it takes as they are.
        try connection.execute("CREATE OR REPLACE TEMP TABLE asked (key UHUGEINT)")
        let appender = try connection.appender(table: "asked", schema: "main", catalog: "temp")
        for key in keys { try appender.appendRow([.uhugeint(key.number)]) }
        try appender.close()
        return try connection.query("\(select) SEMI JOIN asked USING (key)")
    }

    fileprivate mutating func recount() {
        do {
            stored = try connection.scalar("SELECT count(*) FROM results").int ?? stored
            guard let pipeline else { return }
            hasFailures =
                try connection.scalar(
                    "SELECT count(*) FROM results WHERE error IS NOT NULL AND pipeline = ?",
                    [.varchar(pipeline)]
                ).int ?? 0 > 0
        } catch {
            // Only whether there are any matters, and asking for them in vain costs little.
            stored = max(stored, 1)
            hasFailures = pipeline != nil
        }
    }
}
