import DuetMaintenance

/// Subqueries that depend on the rows around them by more than equalities, and those in FROM.
extension QueryGenerator {
    /// A condition that ties rows of a subquery to those around it; both have columns of the kind.
    private mutating func tie(_ columns: [Column], _ inner: [Column], _ kind: Column.Kind) -> String {
        let isMixed = choices.oneIn(5)
        let own = choices.pick(inner.filter { isMixed ? kind.comparable.contains($0.kind) : $0.kind == kind }).text
        let outer = choices.pick(columns.filter { $0.kind == kind }).text
        let first = "\(own) \(choices.pick(["<", "<=", "<>", "=", "=", "IS NOT DISTINCT FROM", ">="])) \(outer)"
        guard choices.oneIn(3) else { return first }
        let other = "\(expression(.int, inner)) \(choices.pick(["<", ">=", "<>", "="])) \(expression(.int, columns))"
        return choices.pick(["\(first) AND \(other)", "(\(first) OR \(other))"])
    }

    /// A condition with such a subquery.
    mutating func dependentPredicate(_ columns: [Column], _ inner: Source, _ kind: Column.Kind) -> String {
        let tie = tie(columns, inner.columns, kind)
        let number = expression(.int, inner.columns)
        let outer = expression(.int, columns)
        let own = choices.pick(inner.columns.filter { $0.kind == kind }).text
        let value = choices.pick(columns.filter { $0.kind == kind }).text
        let from = "FROM \(inner.text) WHERE \(tie)"
        let comparison = choices.pick(["=", "<>", "<", "<=", ">", ">="])
        switch choices.below(12) {
        case 0: return "EXISTS (SELECT 1 \(from))"
        case 1: return "NOT EXISTS (SELECT 1 \(from))"
        case 2: return "\(value) NOT IN (SELECT \(own) \(from))"
        case 3: return "coalesce(\(value) IN (SELECT \(own) \(from)), \(choices.pick(["TRUE", "FALSE"])))"
        case 4: return "\(value) \(comparison) \(choices.pick(["ANY", "ALL"])) (SELECT \(own) \(from))"
        case 5: return "\(value) \(comparison) \(choices.pick(["ANY", "ALL"])) (SELECT \(own) FROM \(inner.text))"
        case 6: return "(\(outer) > 2 OR EXISTS (SELECT 1 \(from)))"
        case 7: return "EXISTS (SELECT \(own) \(from) GROUP BY \(own) HAVING count(*) > 1)"
        case 8:
            let third = relation(depth: 0)
            let deep =
                "\(expression(.int, third.columns)) >= \(number) AND \(expression(.int, third.columns)) = \(outer)"
            return "EXISTS (SELECT 1 \(from) AND EXISTS (SELECT 1 FROM \(third.text) WHERE \(deep)))"
        case 9:
            let other = relation(depth: 0)
            return "\(outer) IN (SELECT \(number) \(from) UNION \(choices.pick(["", "ALL "]))"
                + "SELECT \(expression(.int, other.columns)) FROM \(other.text))"
        default: return "\(outer) \(comparison) \(dependentScalar(columns, inner, kind))"
        }
    }

    /// A number for each row around it.
    mutating func dependentScalar(_ columns: [Column], _ inner: Source, _ kind: Column.Kind) -> String {
        let tie = tie(columns, inner.columns, kind)
        let number = expression(.int, inner.columns)
        let outer = expression(.int, columns)
        let from = "FROM \(inner.text) WHERE \(tie)"
        switch choices.below(10) {
        case 8: return "(SELECT sum(count(*)) OVER () \(from))"
        case 0, 1: return "(SELECT \(choices.pick(["count", "min", "max", "sum"]))(\(number)) \(from))"
        case 2: return "(SELECT count(*) \(from))"
        case 3: return "(SELECT sum(\(number) + \(outer)) \(from))"
        case 4: return "(SELECT count(DISTINCT \(number)) + \(choices.below(3)) \(from))"
        case 5:
            let direction = choices.pick(["ASC", "DESC NULLS LAST"])
            return "(SELECT \(number) \(from) ORDER BY 1 \(direction) LIMIT 1)"
        case 6: return "(SELECT sum(\(number)) \(from) HAVING count(*) > \(choices.below(3)))"
        // At most one row, or DuckDB refuses the query.
        case 7: return "(SELECT DISTINCT \(number) \(from) AND \(number) = \(choices.below(4)))"
        default: return "(SELECT max(e) FROM unnest([\(outer), \(choices.below(4))]) AS u(e))"
        }
    }

    /// A query or call in FROM that uses columns of what stands before it.
    mutating func lateral(_ before: Source) -> Source {
        let alias = fresh("l")
        if choices.oneIn(3) {
            let number = expression(.int, before.columns)
            let list = choices.pick(["range(\(number))", "[\(number), \(expression(.int, before.columns))]"])
            let numbered = list.hasPrefix("[") && choices.oneIn(4)
            let call = "unnest(\(list))\(numbered ? " WITH ORDINALITY" : "") AS \(alias)(\(numbered ? "e, o" : "e"))"
            let columns = (numbered ? ["e", "o"] : ["e"]).map { name in
                Column(text: "CAST(\(alias).\(name) AS INTEGER)", kind: .int)
            }
            let join = choices.pick(["CROSS JOIN \(call)", "LEFT JOIN \(call) ON TRUE"])
            return Source(text: "\(before.text) \(join)", columns: before.columns + columns)
        }
        let inner = relation(depth: choices.oneIn(4) ? 1 : 0)
        let kinds = Column.Kind.allCases.filter { kind in
            before.columns.contains { $0.kind == kind } && inner.columns.contains { $0.kind == kind }
        }
        guard !kinds.isEmpty else { return before }
        let kind = choices.pick(kinds)
        let from = "FROM \(inner.text) WHERE \(tie(before.columns, inner.columns, kind))"
        let body = lateralBody(before.columns, inner.columns, from)
        let columns = body.kinds.enumerated().map { Column(text: "\(alias).l\($0.offset)", kind: $0.element) }
        let names = columns.indices.map { "l\($0)" }.joined(separator: ", ")
        let item = "LATERAL (\(body.sql)) \(alias)(\(names))"
        let on = choices.pick(["TRUE", "TRUE", "\(columns[0].text) IS NOT NULL"])
        let join = choices.pick(["CROSS JOIN \(item)", "JOIN \(item) ON \(on)", "LEFT JOIN \(item) ON \(on)"])
        return Source(text: "\(before.text) \(join)", columns: before.columns + columns)
    }

    private mutating func lateralBody(
        _ columns: [Column],
        _ inner: [Column],
        _ from: String
    ) -> (sql: String, kinds: [Column.Kind]) {
        let first = choices.pick(inner)
        let second = choices.pick(inner)
        let number = expression(.int, inner)
        let outer = expression(.int, columns)
        switch choices.below(8) {
        case 0: return ("SELECT \(first.text), \(number) + \(outer) \(from)", [first.kind, .int])
        case 1:
            return (
                "SELECT CAST(count(*) AS BIGINT), CAST(sum(\(number) + \(outer)) AS BIGINT), max(\(first.text)) \(from)",
                [.big, .big, first.kind]
            )
        case 2:
            return (
                "SELECT \(first.text), CAST(count(*) AS BIGINT), min(\(second.text)) \(from) GROUP BY \(first.text)",
                [first.kind, .big, second.kind]
            )
        case 3, 4:
            let direction = choices.pick(["ASC", "DESC NULLS LAST"])
            let offset = choices.oneIn(4) ? " OFFSET 1" : ""
            return (
                "SELECT \(first.text), \(second.text) \(from) ORDER BY 1 \(direction), 2 LIMIT \(choices.below(2) + 1)\(offset)",
                [first.kind, second.kind]
            )
        case 5: return ("SELECT DISTINCT \(first.text), \(outer) \(from)", [first.kind, .int])
        case 6:
            let order = inner.map(\.text).joined(separator: ", ")
            return (
                "SELECT \(first.text), CAST(rank() OVER (ORDER BY \(order)) AS BIGINT) \(from)", [first.kind, .big]
            )
        default:
            let operation = choices.pick(["UNION ALL", "UNION", "EXCEPT", "INTERSECT ALL"])
            return ("SELECT \(number) \(from) \(operation) SELECT \(outer)", [.int])
        }
    }
}
