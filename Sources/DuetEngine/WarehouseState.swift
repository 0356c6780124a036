public import DuckKit
public import DuetPipeline
internal import Foundation

/// The tables that duet keeps in a warehouse beside the data: written in the same transactions as the data they describe.
public enum WarehouseState {
    /// The schema of duet's own tables.
    package static let schema = "duet"
    /// The schema of the rows behind the declarative style's datasets.
    package static let data = "duet_data"
    /// The schema of changes that some reader has still to take over.
    package static let changes = "duet_changes"
    /// The schema of rows that were kept out, with the rule that did it.
    package static let quarantine = "duet_quarantine"

    /// Refuses a warehouse that another version of duet has made.
    static func checkFormat(_ connection: Connection, path: String) throws {
        let version = try connection.scalar("SELECT value FROM duet.meta WHERE key = 'format'").string ?? "?"
        guard version == String(Warehouse.format) else {
            throw DuetError(
                .warehouse,
                "the warehouse '\(path)' has the format \(version), this duet writes \(Warehouse.format)",
                hint: (Int(version) ?? 0 > Warehouse.format ? "a newer duet made it; use that one, or " : "")
                    + "move the file away; the next run makes a new one from the sources"
            )
        }
    }

    /// Whether duet's own tables are there.
    static func isComplete(_ connection: Connection) throws -> Bool { try tables(connection).count == 2 }

    /// Those of duet's own tables that tell whether the others are there.
    private static func tables(_ connection: Connection) throws -> [String] {
        try connection.rows(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'duet' AND table_name IN ('meta', 'required')"
        ).compactMap { $0.first?.string }
    }

    static func prepare(_ connection: Connection, path: String) throws {
        // One look-up first: an existing warehouse must open fast and without writing.
        let existing = try tables(connection)
        if existing.contains("meta") {
            try checkFormat(connection, path: path)
            if !existing.contains("required") { try connection.execute(requiredTable) }
            return
        }
        _ = try connection.transaction {
            try connection.execute(
                """
                CREATE SCHEMA duet;
                CREATE SCHEMA duet_data;
                CREATE SCHEMA duet_changes;
                CREATE SCHEMA duet_quarantine;
                CREATE TABLE duet.meta (key VARCHAR, value VARCHAR);
                CREATE SEQUENCE duet.file_ids;
                CREATE TABLE duet.files (id BIGINT, source VARCHAR, origin VARCHAR, path VARCHAR, content VARCHAR,
                    size BIGINT, etag VARCHAR, last_modified VARCHAR, is_manifest BOOLEAN, landed TIMESTAMP);
                CREATE TABLE duet.datasets (name VARCHAR, kind VARCHAR, definition VARCHAR, version BIGINT,
                    base BIGINT, rows BIGINT, refreshed TIMESTAMP, run VARCHAR);
                CREATE TABLE duet.seen_inputs (reader VARCHAR, input VARCHAR, version BIGINT);
                CREATE TABLE duet.seen_files (reader VARCHAR, file BIGINT, origin VARCHAR);
                CREATE TABLE duet.costs (dataset VARCHAR, kind VARCHAR, changes VARCHAR, seconds DOUBLE);
                CREATE TABLE duet.layouts (dataset VARCHAR, layout VARCHAR);
                CREATE TABLE duet.shapes (query VARCHAR, tree VARCHAR);
                CREATE TABLE duet.answers (question VARCHAR, answer VARCHAR);
                CREATE TABLE duet.runs (id VARCHAR, style VARCHAR, started TIMESTAMP, ended TIMESTAMP, status VARCHAR);
                CREATE TABLE duet.expectations (run VARCHAR, update_number BIGINT, dataset VARCHAR, name VARCHAR,
                    action VARCHAR, passed BIGINT, failed BIGINT, total_passed BIGINT, total_failed BIGINT);
                \(requiredTable);
                INSERT INTO duet.meta VALUES ('format', '\(Warehouse.format)');
                """
            )
        }
    }

    /// Columns without NULL; the table came later than the format, and warehouses without it get it.
    private static let requiredTable =
        "CREATE TABLE IF NOT EXISTS duet.required (dataset VARCHAR, name VARCHAR, since BIGINT)"

    // MARK: - Files

    /// The files of all sources as they were last recorded, manifests apart.
    public static func files(_ connection: Connection) throws -> (files: [LandedFile], manifests: [LandedFile]) {
        var files: [LandedFile] = []
        var manifests: [LandedFile] = []
        let rows = try connection.rows(
            "SELECT id, source, origin, path, content, size, etag, last_modified, is_manifest FROM duet.files ORDER BY id"
        )
        for row in rows {
            var file = LandedFile(
                source: row[1].string ?? "",
                origin: row[2].string ?? "",
                path: row[3].string ?? "",
                content: row[4].string ?? "",
                size: row[5].int ?? 0,
                etag: row[6].string,
                lastModified: row[7].string
            )
            if row[8].bool == true {
                manifests.append(file)
            } else {
                file.id = row[0].int ?? 0
                files.append(file)
            }
        }
        return (files, manifests)
    }

    /// One source's files as recorded, manifest included.
    package static func known(_ connection: Connection, source: String) throws -> [LandedFile] {
        let recorded = try files(connection)
        return (recorded.files + recorded.manifests).filter { $0.source == source }
    }

    /// Records what looking at a source found; files whose content is the known one keep their numbers.
    ///
    /// - Parameters:
    ///   - connection: The connection; the caller has a transaction open.
    ///   - source: The source's name.
    ///   - sync: What was found.
    ///   - known: The source's files as recorded before, manifest included.
    /// - Returns: The files with their numbers.
    /// - Throws: ``DuckDBError`` when it cannot be written.
    package static func record(
        _ connection: Connection,
        source: Source,
        sync: SourceSync,
        known: [LandedFile]
    ) throws -> [LandedFile] {
        let earlier = Dictionary(known.map { ($0.origin, $0) }) { $1 }
        var recorded: [LandedFile] = []
        let keptOrigins = Set(sync.kept.map(\.origin))
        // What is kept has no number, so it is told by its origin.
        var stale = Set(known.filter { $0.id != 0 }.map(\.id))
        for file in sync.files {
            if let before = earlier[file.origin], before.content == file.content {
                stale.remove(before.id)
                var kept = file
                kept.id = before.id
                recorded.append(kept)
                if kept != before { try update(connection, kept) }
                continue
            }
            var added = file
            added.id = try connection.scalar("SELECT nextval('duet.file_ids')").int ?? 0
            try insert(connection, added, isManifest: false)
            recorded.append(added)
        }
        for origin in known.filter({ $0.id == 0 && !keptOrigins.contains($0.origin) }).map(\.origin) {
            try removeKept(connection, source: source.name, origin: origin)
        }
        for kept in sync.kept where earlier[kept.origin] != kept {
            if earlier[kept.origin] != nil { try removeKept(connection, source: source.name, origin: kept.origin) }
            try insert(connection, kept, isManifest: true)
        }
        if !stale.isEmpty {
            try connection.execute(
                "DELETE FROM duet.files WHERE id IN (\(stale.sorted().map(String.init).joined(separator: ", ")))"
                    + " AND NOT is_manifest"
            )
        }
        return recorded
    }

    private static func removeKept(_ connection: Connection, source: String, origin: String) throws {
        try connection.execute(
            "DELETE FROM duet.files WHERE source = ? AND origin = ? AND is_manifest",
            [.varchar(source), .varchar(origin)]
        )
    }

    private static func insert(_ connection: Connection, _ file: LandedFile, isManifest: Bool) throws {
        try connection.execute(
            "INSERT INTO duet.files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, now()::TIMESTAMP)",
            [
                Value(file.id), .varchar(file.source), .varchar(file.origin), .varchar(file.path),
                .varchar(file.content), Value(file.size), Value(file.etag), Value(file.lastModified),
                .boolean(isManifest),
            ]
        )
    }

    private static func update(_ connection: Connection, _ file: LandedFile) throws {
        try connection.execute(
            "UPDATE duet.files SET path = ?, etag = ?, last_modified = ? WHERE id = ?",
            [.varchar(file.path), Value(file.etag), Value(file.lastModified), Value(file.id)]
        )
    }

    // MARK: - Datasets

    /// What the last updates left.
    public static func refreshState(_ connection: Connection) throws -> RefreshState {
        var state = RefreshState()
        for row in try connection.rows("SELECT name, definition, version, base FROM duet.datasets") {
            guard let name = datasetName(row[0]) else { continue }
            state.datasets[name] = .init(
                definition: row[1].string ?? "",
                version: row[2].int ?? 0,
                base: row[3].int ?? 0
            )
        }
        for row in try connection.rows("SELECT reader, input, version FROM duet.seen_inputs") {
            guard let reader = datasetName(row[0]), let input = datasetName(row[1]) else { continue }
            state.datasets[reader]?.seen[input] = row[2].int ?? 0
        }
        for row in try connection.rows("SELECT reader, file FROM duet.seen_files") {
            guard let reader = datasetName(row[0]), let file = row[1].int else { continue }
            state.datasets[reader]?.files.insert(file)
        }
        for row in try requiredRows(connection) {
            guard let dataset = datasetName(row[0]), let column = row[1].string, let since = row[2].int else {
                continue
            }
            state.datasets[dataset]?.required[column] = since
        }
        for row in try connection.rows("SELECT source, id FROM duet.files WHERE NOT is_manifest") {
            guard let source = row[0].string, let file = row[1].int else { continue }
            state.files[source, default: []].insert(file)
        }
        return state
    }

    private static func requiredRows(_ connection: Connection) throws -> [[Value]] {
        do {
            return try connection.rows("SELECT dataset, name, since FROM duet.required")
        } catch let error where error.kind == .catalog {
            // A warehouse that is only looked at may be older than this table.
            return []
        }
    }

    /// The rows each dataset had after its last refresh.
    package static func rowCounts(_ connection: Connection) throws -> [DatasetName: Int] {
        var counts: [DatasetName: Int] = [:]
        for row in try connection.rows("SELECT name, rows FROM duet.datasets") {
            if let name = datasetName(row[0]), let rows = row[1].int { counts[name] = rows }
        }
        return counts
    }

    /// The greatest number that was given to a dataset's update; warehouses made by earlier versions have a sequence.
    package static func lastVersion(_ connection: Connection) throws -> Int {
        try connection.scalar(
            "SELECT greatest((SELECT max(version) FROM duet.datasets), (SELECT max(version) FROM duet.seen_inputs), "
                + "(SELECT max(value::BIGINT) FROM duet.meta WHERE key = '\(droppedVersion)'), (SELECT max(last_value) FROM "
                + "duckdb_sequences() WHERE schema_name = 'duet' AND sequence_name = 'versions'), 0)"
        ).int ?? 0
    }

    /// Under which key the last number is kept when the dataset that has it is dropped: a reader that saw it must not
    /// take a later update for one it has seen.
    package static let droppedVersion = "last version of a dropped dataset"

    /// Records what a dataset was refreshed from; the caller has a transaction open.
    package static func record(
        _ connection: Connection,
        dataset: Dataset,
        state: RefreshState.DatasetState,
        files: [LandedFile],
        rows: Int,
        run: String,
        before: RefreshState.DatasetState?
    ) throws {
        // Values stand in the text: DuckDB plans a statement with parameters twice, which takes longer than to run it.
        let name = SQL.literal(dataset.name.description)
        let isSame = before?.definition == state.definition
        // A statement that asks for the time is planned twice, too.
        let now = Int((Date().timeIntervalSince1970 * 1e6).rounded())
        var values = [
            ("version", "\(state.version)"), ("rows", "\(rows)"), ("run", SQL.literal(run)),
            ("refreshed", "make_timestamp(\(now))"),
        ]
        // What does not change is not written again: each column costs, and definitions are long.
        if before?.base != state.base { values.append(("base", "\(state.base)")) }
        if !isSame {
            values.append(("kind", SQL.literal(dataset.kind.rawValue)))
            values.append(("definition", SQL.literal(state.definition)))
        }
        if before == nil {
            let columns = values.map(\.0).joined(separator: ", ")
            try connection.execute(
                "INSERT INTO duet.datasets (name, \(columns)) VALUES (\(name), \(values.map(\.1).joined(separator: ", ")))"
            )
        } else {
            let list = values.map { "\($0) = \($1)" }.joined(separator: ", ")
            try connection.execute("UPDATE duet.datasets SET \(list) WHERE name = \(name)")
        }
        try recordSeen(connection, reader: name, state.seen, before: before?.seen)
        try recordRequired(connection, dataset: name, state.required, before: before?.required ?? [:])
        if before?.files.isEmpty == false || !files.isEmpty {
            try recordSeenFiles(connection, reader: .varchar(dataset.name.description), files: files)
        }
    }

    private static func recordSeen(
        _ connection: Connection,
        reader name: String,
        _ inputs: [DatasetName: Int],
        before: [DatasetName: Int]?
    ) throws {
        if inputs == before ?? [:] { return }
        if let before, before.count == 1, let (input, version) = inputs.first, inputs.count == 1, before[input] != nil {
            try connection.execute("UPDATE duet.seen_inputs SET version = \(version) WHERE reader = \(name)")
            return
        }
        if before?.isEmpty == false {
            try connection.execute("DELETE FROM duet.seen_inputs WHERE reader = \(name)")
        }
        // One statement for all: each costs more than its rows.
        let seen = inputs.sorted { $0.key < $1.key }
        if !seen.isEmpty {
            let rows = seen.map { "(\(name), \(SQL.literal($0.key.description)), \($0.value))" }
            try connection.execute("INSERT INTO duet.seen_inputs VALUES \(rows.joined(separator: ", "))")
        }
    }

    private static func recordRequired(
        _ connection: Connection,
        dataset name: String,
        _ required: [String: Int],
        before: [String: Int]
    ) throws {
        guard required != before else { return }
        if !before.isEmpty { try connection.execute("DELETE FROM duet.required WHERE dataset = \(name)") }
        guard !required.isEmpty else { return }
        let rows = required.sorted { $0.key < $1.key }.map { "(\(name), \(SQL.literal($0.key)), \($0.value))" }
        try connection.execute("INSERT INTO duet.required VALUES \(rows.joined(separator: ", "))")
    }

    private static func recordSeenFiles(_ connection: Connection, reader: Value, files: [LandedFile]) throws {
        let wanted = Dictionary(files.map { ($0.id, $0) }) { $1 }
        var known: Set<Int> = []
        for row in try connection.rows("SELECT file FROM duet.seen_files WHERE reader = ?", [reader]) {
            if let file = row[0].int { known.insert(file) }
        }
        let gone = known.subtracting(wanted.keys).sorted()
        if !gone.isEmpty {
            let list = gone.map(String.init).joined(separator: ", ")
            try connection.execute("DELETE FROM duet.seen_files WHERE reader = ? AND file IN (\(list))", [reader])
        }
        for file in files where !known.contains(file.id) {
            try connection.execute(
                "INSERT INTO duet.seen_files VALUES (?, ?, ?)",
                [reader, Value(file.id), .varchar(file.origin)]
            )
        }
    }

    private static func datasetName(_ value: Value) -> DatasetName? {
        guard let text = value.string, let dot = text.firstIndex(of: ".") else { return nil }
        return DatasetName(schema: String(text[..<dot]), table: String(text[text.index(after: dot)...]))
    }

    // MARK: - Runs

    /// Notes a run that wrote something and how it ended; the event log has all runs.
    package static func record(
        _ connection: Connection,
        run: String,
        style: String,
        seconds: Double,
        status: String
    ) throws {
        try connection.execute(
            "INSERT INTO duet.runs VALUES (?, ?, (now() - to_seconds(?))::TIMESTAMP, now()::TIMESTAMP, ?)",
            [.varchar(run), .varchar(style), .double(seconds), .varchar(status)]
        )
    }
}
