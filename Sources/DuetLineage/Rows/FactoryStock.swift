import DuckKit
import DuetEngine
import DuetEvents
import DuetPipeline
import Foundation

/// Why rows cannot be followed through an activity.
struct TraceGap: Error {
    let reason: String
}

/// Rows that an activity read or wrote, where they can be looked at.
struct FactoryStock {
    enum Kind: Equatable {
        /// A table of the warehouse, as it is.
        case table
        /// A table that has been written again since, made once more from what had been written into it.
        case rebuilt
        /// Files.
        case files
    }

    /// What it is called.
    var name: String
    var kind: Kind
    /// The table to read; SQL.
    var table: String
    /// Its columns.
    var columns: [ColumnDescription]
    /// Who wrote it.
    var writers: [FactoryHistory.Write]

    /// What tells it from other stocks.
    var key: String { "\(table) \(writers.first?.position ?? -1)" }
    /// When it was last written to.
    var position: Int { writers.map(\.position).max() ?? -1 }

    /// The rows with the column that tells them apart at the end.
    func select(identifier: String, restriction: String) -> String {
        let list = columns.map { "s.\(SQL.identifier($0.name))" }.joined(separator: ", ")
        return "SELECT \(list), s.__rowid AS \(SQL.identifier(identifier)) "
            + "FROM (SELECT *, rowid AS __rowid FROM \(table)) AS s\(restriction)"
    }
}

/// Finds what activities of a factory read, and makes again what is no longer there.
final class FactoryStocks {
    let work: RowWorkspace
    let history: FactoryHistory
    private var made: [String: FactoryStock] = [:]
    private var scanned: [Recipe.Scan: FactoryStock] = [:]
    private var tables: [String: (name: String, isView: Bool)] = [:]
    private var columns: [String: [ColumnDescription]] = [:]

    init(_ work: RowWorkspace, _ history: FactoryHistory) throws {
        self.work = work
        self.history = history
        for row in try work.connection.rows(
            "SELECT schema_name || '.' || table_name, false FROM duckdb_tables() WHERE NOT internal AND NOT temporary "
                + "UNION ALL SELECT schema_name || '.' || view_name, true FROM duckdb_views() "
                + "WHERE NOT internal AND NOT temporary"
        ) {
            guard let name = row[0].string else { continue }
            tables[name.lowercased()] = (name, row[1].bool ?? false)
        }
    }

    /// The names of the tables there are.
    var names: [String] {
        tables.values.filter { !$0.isView && !$0.name.hasPrefix("duet.") }.map(\.name).sorted()
    }

    /// A table as it is now; nil when there is none.
    func table(_ name: String) throws -> FactoryStock? {
        guard let known = tables[name.lowercased()], !known.isView else { return nil }
        return FactoryStock(
            name: known.name,
            kind: .table,
            table: Self.quoted(known.name),
            columns: try describe(known.name),
            writers: history.writers(of: name.lowercased(), before: .max)
        )
    }

    /// A view's query; nil when it is none.
    func view(_ name: String) throws -> JSONValue? {
        guard let known = tables[name.lowercased()], known.isView else { return nil }
        let sql =
            try work.connection.scalar(
                "SELECT sql FROM duckdb_views() WHERE schema_name || '.' || view_name = ? AND NOT temporary",
                [.varchar(known.name)]
            ).string ?? ""
        let tokens = try SQLToken.tokens(of: SourceFile(path: "", text: sql))
        guard let place = tokens.firstIndex(where: { $0.isWord("AS") }), place + 1 < tokens.count,
            !tokens[..<place].contains(where: { $0.isSymbol("(") })
        else { throw TraceGap(reason: "the view '\(known.name)' names its columns by place") }
        var query = String(decoding: Array(sql.utf8)[tokens[place + 1].range.lowerBound...], as: UTF8.self)
        while query.last == ";" || query.last?.isWhitespace == true { query.removeLast() }
        return try QueryAnalysis.tree(of: query, work.connection)["statements"]?.array?.first?["node"]
    }

    private static func quoted(_ name: String) -> String {
        let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
        return parts.count == 2 ? SQL.qualified(parts[0], parts[1]) : SQL.identifier(name)
    }

    func describe(_ name: String) throws -> [ColumnDescription] {
        if let found = columns[name] { return found }
        let found = try work.connection.describe("SELECT * FROM \(Self.quoted(name))")
        columns[name] = found
        return found
    }

    /// What a reader found in a table: the table, if nothing has been written to it since, or else it is made again.
    ///
    /// - Throws: ``TraceGap`` when neither can be.
    func table(_ name: String, read reader: FactoryHistory.Write) throws -> FactoryStock {
        let key = name.lowercased()
        if let other = history.meanwhile(key, reader) {
            throw TraceGap(reason: "'\(name)' was written by '\(other.activity)' while it was read")
        }
        let writers = history.writers(of: key, before: reader.position)
        if history.later(key, than: reader) == nil, var stock = try table(name) {
            stock.writers = writers
            return stock
        }
        let gone =
            history.later(key, than: reader).map {
                "'\(name)' has been written again since, by '\($0.activity)' at \($0.time),"
            } ?? "'\(name)' is no longer there,"
        guard !writers.isEmpty else { throw TraceGap(reason: "\(gone) and the log does not tell what was in it") }
        return try rebuilt(name, writers, gone)
    }

    private func rebuilt(_ name: String, _ writers: [FactoryHistory.Write], _ gone: String) throws -> FactoryStock {
        let known = "\(name.lowercased()) \(writers.first?.position ?? -1)"
        if let stock = made[known] { return stock }
        var parts: [String] = []
        for writer in writers.reversed() {
            guard writer.effect != .change else {
                throw TraceGap(reason: "\(gone) and '\(writer.activity)' had changed rows of it")
            }
            do {
                let query = try FactoryQuery(writer, self)
                let list = query.columns.enumerated().map { "q.c\($0.offset) AS \(SQL.identifier($0.element.name))" }
                parts.append(
                    "SELECT \(list.joined(separator: ", ")) FROM (\(query.sql)) "
                        + "AS q(\(query.columns.indices.map { "c\($0)" }.joined(separator: ", ")))"
                )
            } catch let gap as TraceGap {
                throw TraceGap(reason: "\(gone) and cannot be made again: \(gap.reason)")
            }
        }
        let made = try work.table("again", parts.joined(separator: " UNION ALL BY NAME "))
        let stock = FactoryStock(
            name: tables[name.lowercased()]?.name ?? name,
            kind: .rebuilt,
            table: made.name,
            columns: try work.connection.describe("SELECT * FROM \(made.name)"),
            writers: writers
        )
        self.made[known] = stock
        return stock
    }

    /// The rows of files, if these are as they were read.
    ///
    /// - Throws: ``TraceGap`` when one has changed or gone.
    func files(_ scan: Recipe.Scan, read reader: FactoryHistory.Write) throws -> FactoryStock {
        if let stock = scanned[scan] { return stock }
        for file in scan.files {
            let found = Result { try FileManager.default.attributesOfItem(atPath: file.path) }
            guard case .success(let now) = found else {
                throw TraceGap(reason: "the file '\(file.path)' is no longer there")
            }
            let modified = (now[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            guard now[.size] as? Int == file.size, abs(modified - file.modified) < 0.001 else {
                throw TraceGap(reason: "the file '\(file.path)' has changed since it was read")
            }
        }
        let rows = try work.table("files", scan.query)
        let numbers = try work.table(
            "numbers",
            "SELECT rowid AS id, \(Self.fileColumn) AS path, "
                + "row_number() OVER (PARTITION BY \(Self.fileColumn) ORDER BY rowid) AS number FROM \(rows.name)"
        )
        var seen: Set<Int> = []
        let writers = scan.files.compactMap { history.writers(of: $0.path, before: reader.position).first }
            .filter { seen.insert($0.position).inserted }.sorted { $0.position > $1.position }
        let stock = FactoryStock(
            name: scan.dataset,
            kind: .files,
            table: rows.name,
            columns: try work.connection.describe("SELECT * FROM \(rows.name)").filter { $0.name != Self.fileColumn },
            writers: writers
        )
        self.numbers[rows.name] = numbers.name
        scanned[scan] = stock
        return stock
    }

    /// For a table of files' rows the table of each row's `path` and `number` in the file, by `id`.
    private(set) var numbers: [String: String] = [:]
    /// The column that scans have for the path of each row's file.
    static let fileColumn = "__duet_file"
}
