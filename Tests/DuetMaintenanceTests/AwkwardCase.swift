import DuckKit
import DuetMaintenance
import Foundation

/// A query written by hand under random changes of tables with awkward values: infinite numbers and those that are none,
/// empty and nested values, texts that are equal as numbers, letters beyond ASCII.
struct AwkwardCase {
    static let values: [String: [String]] = [
        "INTEGER": ["NULL", "0", "1", "2", "3", "1", "2"],
        "BIGINT": ["NULL", "0", "1", "2", "9007199254740992", "9007199254740993"],
        "DECIMAL(8,2)": ["NULL", "0", "1", "1.5", "2", "2.25"],
        "VARCHAR": ["NULL", "''", "'a'", "'A'", "'b'", "'1'", "'01'", "'é'", "'2'"],
        "DOUBLE": ["NULL", "0.0", "1.0", "2.0", "1.5", "'NaN'", "'Infinity'", "'-Infinity'", "9007199254740992"],
        "INTEGER[]": ["NULL", "[]", "[1]", "[1, 2]", "[NULL]", "[2, 1, 1]"],
        "STRUCT(p INTEGER, q VARCHAR)": [
            "NULL", "{'p': 1, 'q': 'a'}", "{'p': NULL, 'q': NULL}", "{'p': 1, 'q': NULL}", "{'p': 2, 'q': 'a'}",
        ],
    ]

    private static func table(
        _ name: String,
        _ columns: [(String, String)],
        neverNull: Set<String> = [],
        key: String? = nil
    ) -> TestTable {
        TestTable(
            name: name,
            columns: columns.map { ViewColumn(name: $0.0, type: $0.1) },
            neverNull: neverNull,
            uniqueKey: key
        )
    }

    static let tables = [
        table("t", [("k", "INTEGER"), ("a", "INTEGER"), ("d", "DECIMAL(8,2)"), ("s", "VARCHAR"), ("x", "DOUBLE")]),
        table("u", [("k", "INTEGER"), ("b", "INTEGER"), ("s", "VARCHAR")]),
        table("v", [("b", "INTEGER"), ("c", "BIGINT")]),
        table("c", [("id", "INTEGER"), ("l", "INTEGER[]"), ("st", "STRUCT(p INTEGER, q VARCHAR)")]),
        table("p", [("id", "INTEGER"), ("g", "INTEGER"), ("n", "INTEGER")], neverNull: ["id", "n"], key: "id"),
    ]

    let query: String
    private var random: SplitMix
    /// The values of each row that is there, as SQL.
    private var rows: [String: [[String]]] = [:]

    init(_ query: String, seed: UInt64) {
        self.query = query
        random = SplitMix(state: seed)
    }

    private mutating func row(_ table: TestTable, _ others: [[String]]) -> [String]? {
        var row: [String] = []
        for column in table.columns {
            var values = Self.values[column.type] ?? []
            if table.neverNull.contains(column.name) { values.removeAll { $0 == "NULL" } }
            if column.name == table.uniqueKey {
                values = (0..<6).map(String.init).filter { value in !others.contains { $0[row.count] == value } }
            }
            guard let value = values.randomElement(using: &random) else { return nil }
            row.append(value)
        }
        return row
    }

    private static func sql(_ row: [String], _ table: TestTable) -> String {
        zip(row, table.columns).map { "CAST(\($0) AS \($1.type))" }.joined(separator: ", ")
    }

    private mutating func changes(_ table: TestTable) -> [(row: String, weight: Int)] {
        var own = rows[table.name] ?? []
        defer { rows[table.name] = own }
        var changes: [(row: String, weight: Int)] = []
        func take(_ row: [String], _ weight: Int) { changes.append((Self.sql(row, table), weight)) }
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1: break
        case 2:
            for row in own { take(row, -1) }
            own = []
        case 3, 4:
            for _ in 0..<Int.random(in: 1..<4, using: &random) {
                guard let new = row(table, own) else { continue }
                own.append(new)
                take(new, 1)
            }
        default:
            // Rows go, and some of them come back with another value in one column.
            for _ in 0..<Int.random(in: 1..<4, using: &random) where !own.isEmpty {
                let old = own.remove(at: Int.random(in: 0..<own.count, using: &random))
                take(old, -1)
                guard Bool.random(using: &random), let other = row(table, own) else { continue }
                var new = old
                let position = Int.random(in: 0..<old.count, using: &random)
                new[position] = other[position]
                own.append(new)
                take(new, 1)
            }
        }
        return changes
    }

    /// Runs the case.
    ///
    /// - Parameters:
    ///   - connection: Where to; tables of a run before are replaced.
    ///   - updates: How many updates there are.
    /// - Returns: The view as it is kept; nil when DuckDB refuses the query with these rows.
    /// - Throws: What is wrong with the view.
    mutating func run(_ connection: Connection, updates: Int = 6) throws -> Harness? {
        let used = Self.tables.filter { table in
            query.range(of: "\\b\(table.name)\\b", options: .regularExpression) != nil
        }
        for table in used {
            let columns = table.columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
            _ = try connection.execute("CREATE OR REPLACE TABLE \(table.name)(\(columns))")
            var own: [[String]] = []
            for _ in 0..<Int.random(in: 0..<7, using: &random) { if let new = row(table, own) { own.append(new) } }
            for row in own { _ = try connection.execute("INSERT INTO \(table.name) VALUES (\(Self.sql(row, table)))") }
            rows[table.name] = own
        }
        do {
            let harness = try Harness(connection: connection, tables: used, query: query)
            for _ in 0..<updates {
                var all: [String: [(row: String, weight: Int)]] = [:]
                for table in used { all[table.name] = changes(table) }
                do {
                    try harness.update(all)
                } catch {
                    throw Wrong("\(error)\n\(all)\n" + harness.log.joined(separator: ";\n"))
                }
            }
            return harness
        } catch {
            guard Self.accepts(query, connection) else { return nil }
            throw error
        }
    }

    private static func accepts(_ query: String, _ connection: Connection) -> Bool {
        do {
            _ = try connection.execute(query)
            return true
        } catch {
            return false
        }
    }
}
