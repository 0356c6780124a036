public import DuckKit
internal import DuetPipeline
internal import Foundation

/// One style's database file, opened for a run or for reading.
public final class Warehouse: Sendable {
    /// The file.
    public let path: String
    private let database: Database

    /// The version of the tables that duet keeps beside the data; a file of another version is refused.
    static let format = 2

    /// Opens or creates a warehouse.
    ///
    /// - Parameters:
    ///   - path: The file; its folder is made when missing.
    ///   - settings: How DuckDB may use the machine.
    ///   - isReadOnly: Whether only to read; then the file must exist.
    ///   - functions: Functions that its queries may call.
    /// - Throws: ``DuetError`` with `WAREHOUSE` when the file cannot be opened, is in use or of another version.
    public init(
        path: String,
        settings: EngineSettings = EngineSettings(),
        isReadOnly: Bool = false,
        functions: [ScalarFunction] = []
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
        } catch {
            throw Self.openError(error, path: path)
        }
        if !isReadOnly { try WarehouseState.prepare(try connect(), path: path) }
    }

    /// Opens a connection; each thread needs its own.
    public func connect() throws(DuckDBError) -> Connection { try database.connect() }

    /// A connection to a database in memory, for looking at things.
    ///
    /// - Parameter functions: Functions that its queries may call.
    /// - Returns: The connection.
    /// - Throws: ``DuckDBError`` when DuckDB gives none.
    public static func scratch(functions: [ScalarFunction] = []) throws(DuckDBError) -> Connection {
        let database = try Database()
        try prepare(database)
        try database.register(functions)
        return try database.connect()
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
                cause: error.localizedDescription
            )
        }
    }

    private static func openError(_ error: DuckDBError, path: String) -> DuetError {
        if error.message.contains("Could not set lock") || error.message.contains("Conflicting lock") {
            return DuetError(
                .warehouse,
                "the warehouse '\(path)' is in use by another process",
                hint: "wait for the other run to end, or end it; nothing was changed",
                cause: error.message
            )
        }
        if ErrorTranslation.isDiskFull(error) { return ErrorTranslation.diskFull(error, doing: "opening '\(path)'") }
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
