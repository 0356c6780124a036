public import DuckKit
package import DuetPipeline
internal import Foundation

/// One style's database file, opened for a run or for reading.
public final class Warehouse: Sendable {
    /// The file.
    public let path: String
    private let database: Database
    /// Where names without a schema are looked for; nil for DuckDB's own default.
    private let schema: String?

    /// The version of the tables that duet keeps beside the data; a file of another version is refused.
    static let format = 2

    /// Opens or creates a warehouse.
    ///
    /// - Parameters:
    ///   - path: The file; its folder is made when missing.
    ///   - settings: How DuckDB may use the machine.
    ///   - isReadOnly: Whether only to read; then the file must exist.
    ///   - functions: Functions that its queries may call.
    ///   - schema: The pipeline's schema for names without one.
    /// - Throws: ``DuetError`` with `WAREHOUSE` when the file cannot be opened, is in use or of another version.
    public init(
        path: String,
        settings: EngineSettings = EngineSettings(),
        isReadOnly: Bool = false,
        functions: [ScalarFunction] = [],
        schema: String = "main"
    ) throws {
        self.path = path
        var configuration = settings.configuration
        if isReadOnly {
            guard FileManager.default.fileExists(atPath: path) else {
                throw DuetError(
                    .warehouse,
                    "there is no warehouse at '\(path)'",
                    hint: "run the pipeline first: duet run"
                )
            }
            configuration["access_mode"] = "READ_ONLY"
        } else {
            try Self.makeFolder(of: path)
        }
        do {
            database = try Database(path: path, configuration: configuration)
            try Self.prepare(database)
            try database.register(functions)
            self.schema = try Self.makeDefault(schema, database, isReadOnly: isReadOnly)
        } catch {
            throw Self.openError(error, path: path)
        }
        if !isReadOnly { try WarehouseState.prepare(try connect(), path: path) }
    }

    /// Opens a warehouse as it is, to look at what a run would do: nothing is written, so that a reader's rights suffice.
    ///
    /// - Parameters:
    ///   - path: The file; where there is none yet, an empty warehouse in memory stands for it.
    ///   - settings: How DuckDB may use the machine.
    ///   - functions: Functions that its queries may call.
    ///   - schema: The pipeline's schema for names without one.
    /// - Returns: The warehouse.
    /// - Throws: ``DuetError`` as the initializer.
    package static func unchanged(
        path: String,
        settings: EngineSettings = EngineSettings(),
        functions: [ScalarFunction] = [],
        schema: String = "main"
    ) throws -> Warehouse {
        let exists = FileManager.default.fileExists(atPath: path)
        let warehouse = try Warehouse(
            path: exists ? path : ":memory:",
            settings: settings,
            isReadOnly: exists,
            functions: functions,
            schema: schema
        )
        guard exists else { return warehouse }
        let connection = try warehouse.connect()
        // One that an earlier duet has made gets the tables that it lacks.
        guard try WarehouseState.isComplete(connection) else {
            return try Warehouse(path: path, settings: settings, functions: functions, schema: schema)
        }
        try WarehouseState.checkFormat(connection, path: path)
        return warehouse
    }

    /// Opens a connection; each thread needs its own.
    public func connect() throws(DuckDBError) -> Connection {
        let connection = try database.connect()
        if let schema { try connection.execute("SET schema = \(SQL.literal(schema))") }
        return connection
    }

    /// Makes the schema that names without one mean.
    ///
    /// - Returns: The schema; nil where DuckDB looks anyway, or where there is none yet that could be looked into.
    private static func makeDefault(
        _ schema: String,
        _ database: Database,
        isReadOnly: Bool
    ) throws(DuckDBError) -> String? {
        guard schema.lowercased() != "main" else { return nil }
        let connection = try database.connect()
        let found = try connection.scalar(
            "SELECT count(*) FROM duckdb_schemas() WHERE lower(schema_name) = lower(?) AND NOT internal "
                + "AND database_name = current_database()",
            [.varchar(schema)]
        )
        if found.int ?? 0 == 0 {
            if isReadOnly { return nil }
            try connection.execute("CREATE SCHEMA IF NOT EXISTS \(SQL.identifier(schema))")
        }
        return schema
    }

    /// A connection to a database in memory, for looking at things.
    ///
    /// - Parameters:
    ///   - functions: Functions that its queries may call.
    ///   - schema: The schema for names without one; it is made.
    /// - Returns: The connection.
    /// - Throws: ``DuckDBError`` when DuckDB gives none.
    public static func scratch(
        functions: [ScalarFunction] = [],
        schema: String = "main"
    ) throws(DuckDBError) -> Connection {
        let database = try Database()
        try prepare(database)
        try database.register(functions)
        let connection = try database.connect()
        if let schema = try makeDefault(schema, database, isReadOnly: false) {
            try connection.execute("SET schema = \(SQL.literal(schema))")
        }
        return connection
    }

    /// Instants are read and shown in UTC, so that no result depends on where it is computed.
    ///
    /// Settings of the whole database are made here, before there is a second connection: DuckDB reads them without a
    /// lock, and a change beside a running query crashes it.
    private static func prepare(_ database: Database) throws(DuckDBError) {
        try database.connect().execute("SET GLOBAL TimeZone = 'UTC'")
    }

    private static func makeFolder(of path: String) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw DuetError(
                .warehouse,
                "cannot make the folder '\(folder)' for the warehouse",
                hint: "check that you may write there and that the disk has room",
                cause: fileInPlace(of: folder).map { "'\($0)' is a file" } ?? error.localizedDescription
            )
        }
    }

    /// A file that stands where a folder should; nil when there is none.
    private static func fileInPlace(of folder: String) -> String? {
        var url = URL(fileURLWithPath: folder)
        while url.path != "/", !FileManager.default.fileExists(atPath: url.path) {
            url = url.deletingLastPathComponent()
        }
        do {
            return try url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == false ? url.path : nil
        } catch {
            // Why the folder cannot be made is told by what tried.
            return nil
        }
    }

    /// Why a warehouse does not open, in words for its user.
    package static func openError(_ error: DuckDBError, path: String) -> DuetError {
        if error.message.contains("Could not set lock") || error.message.contains("Conflicting lock") {
            return DuetError(
                .warehouse,
                "the warehouse '\(path)' is in use by another process",
                hint: "wait for the other run to end, or end it; nothing was changed",
                cause: error.message
            )
        }
        if ErrorTranslation.isDiskFull(error) { return ErrorTranslation.diskFull(error, doing: "opening '\(path)'") }
        let refusals = ["Permission denied", "Operation not permitted", "Read-only file system"]
        if refusals.contains(where: { error.message.contains($0) }) {
            return DuetError(
                .warehouse,
                "the warehouse '\(path)' may not be written",
                hint: "check who owns the file and its folder, or take another place with --home; nothing was changed",
                cause: error.message
            )
        }
        return DuetError(
            .warehouse,
            "the warehouse '\(path)' cannot be opened",
            hint: "if it is not a DuckDB file of this version, move it away; the next run makes a new one",
            cause: error.message
        )
    }
}

/// How DuckDB may use the machine; the same for both styles, or a comparison would not be fair.
public struct EngineSettings: Sendable, Hashable {
    /// Threads; nil for one a core.
    public var threads: Int?
    /// Memory in bytes; nil for DuckDB's own limit.
    public var memoryLimit: Int?

    /// Creates settings.
    public init(threads: Int? = nil, memoryLimit: Int? = nil) {
        self.threads = threads
        self.memoryLimit = memoryLimit
    }

    /// The settings as DuckDB's configuration.
    package var configuration: [String: String] {
        // One of its rules fails on plans that change rules lead to (DuckDB 1.5.5, anti joins); it saves little else.
        var configuration = ["disabled_optimizers": "column_lifetime"]
        if let threads { configuration["threads"] = String(threads) }
        if let memoryLimit { configuration["memory_limit"] = "\(memoryLimit)B" }
        return configuration
    }
}
