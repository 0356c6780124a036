import DuetMaintenance

/// A column of a generated query.
struct GeneratedColumn {
    /// As it is written in the query.
    var text: String
    var kind: Kind
    /// Whether it holds no NULL.
    var isRequired = false
    /// Whether its values are all different.
    var isUnique = false

    var isNeverNull: Bool { isRequired || isUnique }

    /// The kinds of values; within one kind, expressions may be mixed freely.
    enum Kind: Int, CaseIterable {
        case int
        case big
        case decimal
        case double
        case text
        case date
        case bool
        /// Numbers as text, of which several equal the same number.
        case code

        var type: String {
            switch self {
            case .int: "INTEGER"
            case .big: "BIGINT"
            case .decimal: "DECIMAL(8,2)"
            case .double: "DOUBLE"
            case .text, .code: "VARCHAR"
            case .date: "DATE"
            case .bool: "BOOLEAN"
            }
        }

        /// Kinds whose values can be compared with those of this one, not each value equal to one of the other only.
        var comparable: [Kind] {
            switch self {
            case .int: [.int, .int, .code, .big, .double]
            case .big: [.big, .double, .decimal, .code]
            case .double: [.double, .big, .decimal]
            case .decimal: [.decimal, .double]
            case .code: [.code, .int, .big]
            case .text, .date, .bool: [self]
            }
        }

        var isNumber: Bool { rawValue <= Kind.double.rawValue }
    }
}

/// Generates queries over given tables, of every shape the library has a rule for and some it has none for.
///
/// Queries are deterministic: order matters only over all columns, floating point values are multiples of a quarter.
struct QueryGenerator {
    typealias Column = GeneratedColumn

    var choices: Choices
    let tables: [(name: String, columns: [Column])]
    private var aliasCount = 0
    private var hasColumnAlias = false
    private var commonTables: [(name: String, columns: [Column])] = []

    init(choices: Choices, tables: [(name: String, columns: [Column])]) {
        self.choices = choices
        self.tables = tables
    }

    /// A FROM clause and the columns it shows.
    struct Source {
        var text: String
        var columns: [Column]
    }

    mutating func fresh(_ stem: String) -> String {
        aliasCount += 1
        return "\(stem)\(aliasCount)"
    }

    // MARK: Queries

    /// A whole query.
    mutating func query() -> (sql: String, columns: [Column]) {
        var with = ""
        if choices.oneIn(5) {
            let body = select(depth: 1)
            let name = fresh("w")
            commonTables = [
                (name, body.columns.enumerated().map { Column(text: "c\($0.offset)", kind: $0.element.kind) })
            ]
            with = "WITH \(name)(\(body.columns.indices.map { "c\($0)" }.joined(separator: ", "))) AS (\(body.sql)) "
        }
        let body = choices.oneIn(6) ? setOperation(depth: 2) : select(depth: 2)
        return (with + body.sql, body.columns)
    }

    private mutating func setOperation(depth: Int) -> (sql: String, columns: [Column]) {
        let left = select(depth: depth - 1, limit: false)
        let operation = choices.pick([
            "UNION ALL", "UNION", "INTERSECT", "EXCEPT", "EXCEPT ALL", "INTERSECT ALL", "UNION ALL BY NAME",
        ])
        let source = self.source(depth: depth - 1)
        let items = left.columns.enumerated().map { index, column in
            "\(expression(column.kind, source.columns)) AS c\(index)"
        }
        let right = "SELECT \(items.joined(separator: ", ")) FROM \(source.text)"
        return ("(\(left.sql)) \(operation) (\(right))", left.columns)
    }

    /// One SELECT; its columns are named c0, c1 and so on.
    mutating func select(depth: Int, limit: Bool = true) -> (sql: String, columns: [Column]) {
        let source = self.source(depth: depth)
        let condition = choices.oneIn(2) ? " WHERE \(predicate(source.columns, depth: depth))" : ""
        switch choices.below(10) {
        case 0...2: return plain(source, condition, limit: limit)
        case 3...6: return grouped(source, condition, depth: depth, limit: limit)
        case 7: return windowed(source, condition)
        case 8: return distinct(source, condition)
        default: return groupingSets(source, condition)
        }
    }

    private func list(_ items: [(String, Column.Kind)]) -> (String, [Column]) {
        (
            items.enumerated().map { "\($0.element.0) AS c\($0.offset)" }.joined(separator: ", "),
            items.enumerated().map { Column(text: "c\($0.offset)", kind: $0.element.1) }
        )
    }

    private mutating func plain(_ source: Source, _ condition: String, limit: Bool) -> (sql: String, columns: [Column])
    {
        var items: [(String, Column.Kind)] = []
        for _ in 0...choices.below(3) {
            let kind = self.kind(source.columns)
            items.append((expression(kind, source.columns), kind))
        }
        if choices.oneIn(8) {
            let number = expression(.int, source.columns)
            items.append(("unnest([\(number), 1])", .int))
        }
        if choices.oneIn(6) { items.append((scalarSubquery(source.columns), .big)) }
        let (text, columns) = list(items)
        let sql = "SELECT \(text) FROM \(source.text)\(condition)"
        return (limit ? limited(sql, columns) : sql, columns)
    }

    private mutating func limited(_ sql: String, _ columns: [Column]) -> String {
        guard choices.oneIn(8) else { return sql }
        let direction = choices.pick(["ASC", "DESC NULLS LAST"])
        var keys = columns.map { "\($0.text) \(direction)" }.joined(separator: ", ")
        // Within an expression the name is that of a column of FROM first.
        if let number = columns.first(where: { $0.kind == .int }), choices.oneIn(4) {
            keys = "\(number.text) % 2 \(direction), \(keys)"
        }
        return "\(sql) ORDER BY \(keys) LIMIT \(choices.below(4) + 1)"
    }

    private mutating func grouped(
        _ source: Source,
        _ condition: String,
        depth: Int,
        limit: Bool
    ) -> (sql: String, columns: [Column]) {
        var items: [(String, Column.Kind)] = []
        var keys: [String] = []
        for _ in 0..<choices.below(3) {
            let kind = self.kind(source.columns)
            let key = expression(kind, source.columns)
            if keys.contains(key) || Int(key) != nil || key.hasPrefix("NULL") { continue }
            keys.append(key)
            // A key may be left out of the select list.
            if !choices.oneIn(6) { items.append((key, kind)) }
        }
        for _ in 0...choices.below(3) { items.append(aggregate(source.columns)) }
        let grouped = source.columns.filter { keys.contains($0.text) }
        if !grouped.isEmpty, choices.oneIn(10) { items.append((scalarSubquery(grouped), .big)) }
        let (text, columns) = list(items)
        var sql = "SELECT \(text) FROM \(source.text)\(condition)"
        if !keys.isEmpty { sql += " GROUP BY \(keys.joined(separator: ", "))" }
        if choices.oneIn(4) {
            let call = aggregate(source.columns, only: [.int, .big])
            sql += " HAVING \(call.0) \(choices.pick([">", "<", "="])) \(choices.below(4))"
        } else if let named = columns.first(where: { $0.kind == .int || $0.kind == .big }), choices.oneIn(8) {
            sql += " HAVING \(named.text) \(choices.pick([">", "<", "="])) \(choices.below(4))"
        } else if !grouped.isEmpty, choices.oneIn(10) {
            sql += " HAVING \(subqueryPredicate(grouped))"
        } else if depth > 1, choices.oneIn(10) {
            sql += " HAVING count(*) >= \(uncorrelatedScalar())"
        }
        return (limit ? limited(sql, columns) : sql, columns)
    }

    private mutating func groupingSets(_ source: Source, _ condition: String) -> (sql: String, columns: [Column]) {
        let first = choices.pick(source.columns)
        let second = choices.pick(source.columns)
        var items: [(String, Column.Kind)] = [(first.text, first.kind)]
        if first.text != second.text { items.append((second.text, second.kind)) }
        let keys = items.map(\.0)
        items.append(aggregate(source.columns))
        if choices.oneIn(2) { items.append(("grouping(\(keys.joined(separator: ", ")))", .big)) }
        let form = choices.pick([
            "ROLLUP (\(keys.joined(separator: ", ")))", "CUBE (\(keys.joined(separator: ", ")))",
            "GROUPING SETS ((\(keys[0])), (\(keys[keys.count - 1])), ())",
        ])
        let (text, columns) = list(items)
        return ("SELECT \(text) FROM \(source.text)\(condition) GROUP BY \(form)", columns)
    }

    private mutating func windowed(_ source: Source, _ condition: String) -> (sql: String, columns: [Column]) {
        var items = source.columns.prefix(3).map { ($0.text, $0.kind) }
        // Ties in the order of all columns are equal rows, so any order among them gives the same rows.
        let order = "ORDER BY " + source.columns.map(\.text).joined(separator: ", ")
        let partition = choices.oneIn(8) ? "" : "PARTITION BY \(choices.pick(source.columns).text) "
        let number = source.columns.first { $0.kind == .int }?.text ?? "1"
        items.append(
            (
                choices.pick([
                    "count(*) OVER (\(partition))", "sum(\(number)) OVER (\(partition))",
                    "rank() OVER (\(partition)\(order))", "sum(\(number)) OVER (\(partition)\(order))",
                    "row_number() OVER (\(partition)\(order))",
                    "lag(\(number)) OVER (\(partition)\(order))", "max(\(number)) OVER (\(partition))",
                ]),
                .big
            )
        )
        let (text, columns) = list(items)
        var sql = "SELECT \(text) FROM \(source.text)\(condition)"
        if choices.oneIn(3) {
            sql += " QUALIFY row_number() OVER (\(partition)\(order)) <= \(choices.below(3) + 1)"
        }
        return (sql, columns)
    }

    private mutating func distinct(_ source: Source, _ condition: String) -> (sql: String, columns: [Column]) {
        if choices.oneIn(3) {
            let key = choices.pick(source.columns)
            let other = choices.pick(source.columns)
            let order = ([key] + source.columns).map(\.text).joined(separator: ", ")
            let (text, columns) = list([(key.text, key.kind), (other.text, other.kind)])
            return (
                "SELECT DISTINCT ON (\(key.text)) \(text) FROM \(source.text)\(condition) ORDER BY \(order)", columns
            )
        }
        var items: [(String, Column.Kind)] = []
        for _ in 0...choices.below(2) {
            let kind = self.kind(source.columns)
            items.append((expression(kind, source.columns), kind))
        }
        let (text, columns) = list(items)
        return ("SELECT DISTINCT \(text) FROM \(source.text)\(condition)", columns)
    }

    // MARK: FROM

    mutating func relation(depth: Int) -> Source {
        var alias = fresh("r")
        if choices.oneIn(30), !hasColumnAlias {
            // The name of a column too.
            hasColumnAlias = true
            alias = "k"
        }
        let choice = depth > 0 ? choices.below(6) : 0
        if choice == 5, let table = commonTables.first {
            return Source(text: "\(table.name) \(alias)", columns: qualified(table.columns, alias))
        }
        if choice == 4 {
            let inner = select(depth: depth - 1)
            return Source(text: "(\(inner.sql)) \(alias)", columns: qualified(inner.columns, alias))
        }
        let table = choices.pick(tables)
        return Source(text: "\(table.name) \(alias)", columns: qualified(table.columns, alias))
    }

    private func qualified(_ columns: [Column], _ alias: String) -> [Column] {
        columns.map { Column(text: "\(alias).\($0.text)", kind: $0.kind) }
    }

    mutating func source(depth: Int) -> Source {
        var result = relation(depth: depth)
        if choices.oneIn(10) { return lateral(result) }
        for _ in 0..<choices.pick([0, 0, 0, 1, 1, 1, 2]) {
            let other = relation(depth: depth - 1)
            let on = joinCondition(result.columns, other.columns)
            switch choices.below(8) {
            case 0, 1:
                let both = result.columns + other.columns
                let more = depth > 0 && choices.oneIn(12) ? " AND \(subqueryPredicate(both))" : ""
                result = Source(text: "\(result.text) JOIN \(other.text) ON \(on)\(more)", columns: both)
            case 2, 3:
                result = Source(
                    text: "\(result.text) LEFT JOIN \(other.text) ON \(on)",
                    columns: result.columns + other.columns
                )
            case 4:
                result = Source(
                    text: "\(result.text) RIGHT JOIN \(other.text) ON \(on)",
                    columns: result.columns + other.columns
                )
            case 5:
                result = Source(
                    text: "\(result.text) FULL JOIN \(other.text) ON \(on)",
                    columns: result.columns + other.columns
                )
            case 6: result.text = "\(result.text) SEMI JOIN \(other.text) ON \(on)"
            default: result.text = "\(result.text) ANTI JOIN \(other.text) ON \(on)"
            }
        }
        if choices.oneIn(12) { return lateral(result) }
        return result
    }

    /// An equality, sometimes with more.
    private mutating func joinCondition(_ left: [Column], _ right: [Column]) -> String {
        let kinds = Column.Kind.allCases.filter { kind in
            left.contains { $0.kind == kind } && right.contains { $0.kind == kind }
        }
        guard !kinds.isEmpty else { return "TRUE" }
        let kind = choices.pick(kinds)
        let a = choices.pick(left.filter { $0.kind == kind })
        let b = choices.pick(right.filter { $0.kind == kind })
        var text = "\(a.text) = \(b.text)"
        if choices.oneIn(5) {
            let others = right.filter { kind.comparable.contains($0.kind) }
            text = "\(a.text) = \(choices.pick(others).text)"
        }
        if choices.oneIn(4) {
            let c = choices.pick(left.filter { $0.kind == kind })
            let d = choices.pick(right.filter { $0.kind == kind })
            text += choices.pick([
                " AND \(c.text) <> \(d.text)", " AND \(d.text) IS NOT NULL", " AND \(c.text) IS NOT NULL",
                " AND (\(c.text) < \(d.text) OR \(c.text) IS NULL)",
            ])
        }
        return text
    }
}
