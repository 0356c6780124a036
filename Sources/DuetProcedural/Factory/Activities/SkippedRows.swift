internal import DuckKit
internal import DuetExpression
internal import DuetFactory
internal import DuetPipeline
internal import Foundation

/// Rows that a Copy leaves out because they do not fit, and the session log that says so.
///
/// Source: copy-activity-fault-tolerance: rows whose types do not fit, rows with another number of columns, rows whose key is
/// there already; the log's columns and place.
struct SkippedRows {
    /// Whether rows may be left out at all.
    let isOn: Bool
    private let call: ActivityCall
    private let environment: FactoryEnvironment
    private let connection: Connection

    init(_ call: ActivityCall, _ environment: FactoryEnvironment, _ connection: Connection) {
        self.call = call
        self.environment = environment
        self.connection = connection
        isOn = LookupHandler.flag(call["enableSkipIncompatibleRow"]) == true
    }

    private func make() throws {
        try connection.execute("CREATE TEMP TABLE IF NOT EXISTS __duet_skipped (item VARCHAR, message VARCHAR)")
    }

    /// Takes lines that the reader could not read, such as those with too few columns.
    func takeUnreadable(_ report: inout CopyReport) throws {
        try make()
        let isThere = try connection.scalar(
            "SELECT count(*) FROM duckdb_tables() WHERE table_name = '__duet_rejects'"
        )
        guard isThere.int != 0 else { return }
        let count = try connection.execute(
            "INSERT INTO __duet_skipped SELECT any_value(csv_line), any_value(error_message) FROM __duet_rejects GROUP BY file_id, line"
        )
        report.rowsSkipped += count
        report.rowsRead = (report.rowsRead ?? 0) + count
    }

    /// Takes rows out of the copy.
    func take(_ condition: String, because message: String, _ report: inout CopyReport) throws {
        try make()
        report.rowsSkipped += try connection.execute(
            "INSERT INTO __duet_skipped SELECT CAST(to_json(r) AS VARCHAR), \(SQL.literal(message)) FROM __duet_copy AS r WHERE \(condition)"
        )
        try connection.execute("DELETE FROM __duet_copy WHERE \(condition)")
    }

    /// Writes what was left out to the session log.
    func write(_ report: inout CopyReport) throws {
        guard report.rowsSkipped > 0 else { return }
        let path = try path()
        try connection.execute(
            """
            COPY (
              SELECT strftime(current_timestamp, '%Y-%m-%d %H:%M:%S') AS "Timestamp", 'Warning' AS "Level",
                'TabularRowSkip' AS "OperationName", item AS "OperationItem", message AS "Message"
              FROM __duet_skipped
            ) TO \(SQL.literal(path)) (FORMAT csv, HEADER)
            """
        )
        report.logFilePath = path
    }

    /// Where the activity says that its log goes; else beside the run's other files.
    private func path() throws -> String {
        let settings =
            call["logSettings"]?.objectValue?.value(ignoringCase: "logLocationSettings")?.objectValue
            ?? call["redirectIncompatibleRowSettings"]?.objectValue
        let service = settings?.value(ignoringCase: "linkedServiceName")
        let name = service?.objectValue?.value(ignoringCase: "referenceName")?.stringValue ?? service?.stringValue
        guard let name, let place = environment.standIns[name], case .folder(let folder) = place else {
            return "\(try environment.scratch(call))/session-log.csv"
        }
        let given = settings?.value(ignoringCase: "path")?.stringValue ?? ""
        let parts =
            given.split(separator: "/").map(String.init) + [
                "copyactivity-logs", call.activity.name, call.activityRunID,
            ]
        guard !parts.contains("..") else {
            throw ActivityFailure(
                "PathOutsideStandIn",
                "the log's path '\(given)' leads out of its folder",
                isFinal: true
            )
        }
        let whole = "\(folder)/\(parts.joined(separator: "/"))"
        try FileManager.default.createDirectory(atPath: whole, withIntermediateDirectories: true)
        return "\(whole)/session-log.csv"
    }
}
