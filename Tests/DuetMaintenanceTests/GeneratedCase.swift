import DuckKit
import DuetMaintenance

/// A generated case: tables with rows, a query, and updates.
struct GeneratedCase {
    typealias Rows = [String: [(row: String, weight: Int)]]

    var tables: [TestTable]
    var start: Rows
    let query: String
    var updates: [Rows]
    /// The choices it was made from.
    let taken: [Int]

    init(choices: Choices) {
        var choices = choices
        var generated: [(name: String, columns: [GeneratedColumn])] = []
        for index in 0..<2 + choices.below(2) {
            var columns = [GeneratedColumn(text: "k", kind: .int)]
            for kind in GeneratedColumn.Kind.allCases where choices.oneIn(2) {
                columns.append(GeneratedColumn(text: "\(kind)_\(index)", kind: kind))
            }
            for position in columns.indices { columns[position].isRequired = choices.oneIn(3) }
            columns[0].isUnique = choices.oneIn(3)
            generated.append(("t\(index)", columns))
        }
        tables = generated.map { table in
            TestTable(
                name: table.name,
                columns: table.columns.map { ViewColumn(name: $0.text, type: $0.kind.type) },
                neverNull: Set(table.columns.filter(\.isNeverNull).map(\.text)),
                uniqueKey: table.columns.first(where: \.isUnique)?.text
            )
        }
        // The rows that are there, so that updates can take them away again.
        var current: [String: [String]] = [:]
        var first: Rows = [:]
        for table in generated {
            var rows: [String] = []
            for _ in 0..<choices.below(7) { if let row = Self.row(table.columns, rows, &choices) { rows.append(row) } }
            current[table.name] = rows
            first[table.name] = rows.map { ($0, 1) }
        }
        start = first
        var generator = QueryGenerator(choices: choices, tables: generated)
        query = generator.query().sql
        choices = generator.choices
        var all: [Rows] = []
        for _ in 0...choices.below(4) {
            var changes: Rows = [:]
            for table in generated {
                var rows = current[table.name] ?? []
                changes[table.name] = Self.changes(table.columns, &rows, &choices)
                current[table.name] = rows
            }
            all.append(changes)
        }
        updates = all
        taken = choices.taken
    }

    private static func changes(
        _ columns: [GeneratedColumn],
        _ rows: inout [String],
        _ choices: inout Choices
    ) -> [(row: String, weight: Int)] {
        var changes: [(row: String, weight: Int)] = []
        switch choices.below(6) {
        case 0, 1: return []
        case 2:
            for _ in 0...choices.below(3) {
                guard let row = row(columns, rows, &choices) else { continue }
                rows.append(row)
                changes.append((row, 1))
            }
        case 3:
            // Everything goes; some of it comes back, as itself.
            changes = rows.map { ($0, -1) }
            let back = rows.filter { _ in choices.oneIn(3) }
            changes += back.map { ($0, 1) }
            rows = back
        case 4:
            // Rows get another value in one column, which the view may not read.
            for _ in 0...choices.below(2) where !rows.isEmpty {
                let old = rows.remove(at: choices.below(rows.count))
                guard let new = Self.replaced(old, columns, rows, &choices) else {
                    rows.append(old)
                    continue
                }
                rows.append(new)
                changes += [(old, -1), (new, 1)]
            }
        default:
            for _ in 0...choices.below(3) {
                if !rows.isEmpty, !choices.oneIn(3) { changes.append((rows.remove(at: choices.below(rows.count)), -1)) }
                if choices.oneIn(2), let row = row(columns, rows, &choices) {
                    rows.append(row)
                    changes.append((row, 1))
                }
            }
        }
        return changes
    }

    /// A row that may stand beside others; nil when no value is left for a key.
    private static func row(_ columns: [GeneratedColumn], _ others: [String], _ choices: inout Choices) -> String? {
        var columns = columns
        var key: String?
        if let first = columns.first, first.isUnique {
            let taken = Set(others.map(Self.key))
            let free = (0..<8).map(String.init).filter { !taken.contains($0) }
            if free.isEmpty { return nil }
            key = choices.pick(free)
            columns.removeFirst()
        }
        let values = columns.map { column in
            if !column.isRequired, choices.oneIn(6) { return "NULL" }
            switch column.kind {
            case .int, .big: return "\(choices.below(4))"
            case .decimal: return "\(choices.below(3)).\(choices.pick(["00", "25", "10"]))"
            case .double: return "\(choices.below(3)).\(choices.pick(["0", "25", "5"]))"
            case .text: return choices.pick(["'a'", "'b'", "'c'"])
            case .date: return "DATE '2024-01-0\(choices.below(3) + 1)'"
            case .bool: return choices.pick(["TRUE", "FALSE"])
            case .code: return choices.pick(["'1'", "'01'", "'2'"])
            }
        }
        return ((key.map { [$0] } ?? []) + values).joined(separator: ", ")
    }

    /// A row with the value of one column taken from another; nil when there is none, or it has no value left for a key.
    private static func replaced(
        _ old: String,
        _ columns: [GeneratedColumn],
        _ others: [String],
        _ choices: inout Choices
    ) -> String? {
        guard let other = row(columns, others, &choices) else { return nil }
        var values = old.split(separator: ", ").map(String.init)
        let position = choices.below(values.count)
        if position == 0, columns.first?.isUnique == true { return old }
        values[position] = String(other.split(separator: ", ")[position])
        return values.joined(separator: ", ")
    }

    /// The value of a row's first column.
    static func key(_ row: String) -> String { String(row.prefix { $0 != "," }) }

    /// Whether DuckDB takes the query at all; a generated one may not fit together.
    func prepare(_ connection: Connection) throws {
        for table in tables {
            let columns = table.columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
            _ = try connection.execute("CREATE OR REPLACE TABLE \(table.name)(\(columns))")
            let rows = (start[table.name] ?? []).map { "(\($0.row))" }.joined(separator: ", ")
            if !rows.isEmpty { _ = try connection.execute("INSERT INTO \(table.name) VALUES \(rows)") }
        }
    }

    /// Runs the case.
    ///
    /// - Parameters:
    ///   - connection: Where to.
    ///   - breaking: What the statements of the rules are turned into before they run.
    /// - Returns: The view as it is kept; nil when DuckDB refuses the query.
    /// - Throws: What is wrong with the view.
    func run(_ connection: Connection, breaking: @escaping (String) -> String = { $0 }) throws -> Harness? {
        try prepare(connection)
        let harness: Harness
        do {
            harness = try Harness(connection: connection, tables: tables, query: query, breaking: breaking)
        } catch {
            if !accepts(connection) { return nil }
            throw error
        }
        for update in updates {
            do {
                try harness.update(update)
            } catch {
                if !accepts(connection) { return nil }
                // Several rows for one value may be of no consequence once the optimiser knows what the value is compared
                // with, and then DuckDB does not look. An update that refuses them is followed by the query itself.
                if "\(error)".contains("more than one row returned"), !accepts(connection, asWritten: true) {
                    return nil
                }
                throw Wrong("\(error)\n" + harness.log.joined(separator: ";\n"))
            }
        }
        return harness
    }

    private func accepts(_ connection: Connection, asWritten: Bool = false) -> Bool {
        do {
            if asWritten { try connection.execute("PRAGMA disable_optimizer") }
            defer {
                // What fails here makes cases slow, and not wrong.
                if asWritten {
                    do { try connection.execute("PRAGMA enable_optimizer") } catch {}
                }
            }
            _ = try connection.execute(query)
            return true
        } catch {
            return false
        }
    }

    /// The case as SQL that can be pasted into DuckDB: tables, the view, and after each update what the view must be.
    var text: String {
        var lines: [String] = []
        for table in tables {
            let columns = table.columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
            lines.append("CREATE TABLE \(table.name)(\(columns));")
            for (row, _) in start[table.name] ?? [] { lines.append("INSERT INTO \(table.name) VALUES (\(row));") }
        }
        lines += ["CREATE VIEW kept AS", "\(query);"]
        for (index, update) in updates.enumerated() {
            lines.append("-- update \(index + 1)")
            for table in tables {
                for (row, weight) in update[table.name] ?? [] {
                    for _ in 0..<abs(weight) { lines.append(Self.statement(table, row, isNew: weight > 0)) }
                }
            }
            lines.append("FROM kept;")
        }
        return lines.joined(separator: "\n")
    }

    /// One row that comes or goes, of several equal ones only one.
    private static func statement(_ table: TestTable, _ row: String, isNew: Bool) -> String {
        if isNew { return "INSERT INTO \(table.name) VALUES (\(row));" }
        let names = table.columns.map(\.name)
        let equal = names.map { "r.\($0) IS NOT DISTINCT FROM g.\($0)" }.joined(separator: " AND ")
        return "DELETE FROM \(table.name) WHERE rowid = (SELECT min(r.rowid) FROM \(table.name) AS r, "
            + "(VALUES (\(row))) AS g(\(names.joined(separator: ", "))) WHERE \(equal));"
    }
}
