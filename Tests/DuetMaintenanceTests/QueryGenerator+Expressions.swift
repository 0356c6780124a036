import DuetMaintenance

extension QueryGenerator {
    /// The kind of one of the columns.
    mutating func kind(_ columns: [Column]) -> Column.Kind { choices.pick(columns).kind }

    /// An expression of a kind; its type is that of the kind.
    mutating func expression(_ kind: Column.Kind, _ columns: [Column]) -> String {
        let same = columns.filter { $0.kind == kind }
        guard !same.isEmpty, !choices.oneIn(12) else { return constant(kind) }
        let column = choices.pick(same).text
        guard choices.oneIn(4) else { return column }
        switch kind {
        case .int: return choices.pick(["\(column) % 2", "coalesce(\(column), 0)", "abs(\(column))"])
        case .big: return "coalesce(\(column), 1)"
        case .decimal: return "CAST(\(column) + 0.25 AS DECIMAL(8,2))"
        case .double: return "(\(column) * 2)"
        case .text: return choices.pick(["upper(\(column))", "coalesce(\(column), 'z')"])
        case .date: return "coalesce(\(column), DATE '2024-01-01')"
        case .bool: return "(NOT \(column))"
        case .code: return "coalesce(\(column), '0')"
        }
    }

    mutating func constant(_ kind: Column.Kind) -> String {
        switch kind {
        case .int: return "CAST(\(choices.below(4)) AS INTEGER)"
        case .big: return "CAST(\(choices.below(4)) AS BIGINT)"
        case .decimal: return "CAST(\(choices.below(8)).25 AS DECIMAL(8,2))"
        case .double: return "CAST(\(choices.below(8)).25 AS DOUBLE)"
        case .text: return choices.pick(["'a'", "'b'"])
        case .date: return "DATE '2024-01-0\(choices.below(3) + 1)'"
        case .bool: return choices.pick(["TRUE", "FALSE"])
        case .code: return choices.pick(["'1'", "'01'"])
        }
    }

    mutating func predicate(_ columns: [Column], depth: Int) -> String {
        if depth > 0, choices.oneIn(3) { return subqueryPredicate(columns) }
        let kind = self.kind(columns)
        let a = expression(kind, columns)
        let simple = choices.pick([
            "\(a) = \(expression(kind, columns))", "\(a) IS NOT NULL", "\(a) >= \(expression(kind, columns))",
            "\(a) IS DISTINCT FROM \(expression(kind, columns))", "\(a) IN (\(constant(kind)), \(constant(kind)))",
            "CAST(\(a) AS VARCHAR) LIKE '%\(choices.below(3))%'", "CAST(\(a) AS VARCHAR) NOT LIKE '%1%'",
        ])
        guard choices.oneIn(4) else { return simple }
        return "(\(simple) \(choices.pick(["AND", "OR"])) \(predicate(columns, depth: depth - 1)))"
    }

    mutating func subqueryPredicate(_ columns: [Column]) -> String {
        let inner = relation(depth: 1)
        let kinds = Column.Kind.allCases.filter { kind in
            columns.contains { $0.kind == kind } && inner.columns.contains { $0.kind == kind }
        }
        guard !kinds.isEmpty else { return "EXISTS (SELECT 1 FROM \(inner.text))" }
        let kind = choices.pick(kinds)
        let outerColumn = choices.pick(columns.filter { $0.kind == kind }).text
        let innerColumn = choices.pick(inner.columns.filter { $0.kind == kind }).text
        let local = choices.oneIn(2) ? "" : " AND \(predicate(inner.columns, depth: 0))"
        var tie = "\(innerColumn) = \(outerColumn)"
        if choices.oneIn(5) {
            tie = "\(choices.pick(inner.columns.filter { kind.comparable.contains($0.kind) }).text) = \(outerColumn)"
        }
        if choices.oneIn(2) { return dependentPredicate(columns, inner, kind) }
        let number = expression(.int, inner.columns)
        let outerNumber = expression(.int, columns)
        switch choices.below(11) {
        case 0: return "\(outerColumn) IN (SELECT \(innerColumn) FROM \(inner.text) WHERE TRUE\(local))"
        case 1: return "EXISTS (SELECT 1 FROM \(inner.text) WHERE \(tie)\(local))"
        case 2: return "NOT EXISTS (SELECT 1 FROM \(inner.text) WHERE \(tie)\(local))"
        case 3: return "\(outerColumn) NOT IN (SELECT \(innerColumn) FROM \(inner.text) WHERE TRUE\(local))"
        case 4: return "EXISTS (SELECT 1 FROM \(inner.text) WHERE \(tie) AND \(number) < \(outerNumber))"
        case 5:
            let call = choices.pick(["min", "max", "sum", "count", "avg"])
            return "\(outerNumber) <= (SELECT \(call)(\(number)) FROM \(inner.text) WHERE \(tie)\(local))"
        case 6: return "\(outerNumber) >= \(uncorrelatedScalar())"
        case 8:
            // At most one row, or DuckDB refuses the query.
            let distinct = choices.pick(["", "DISTINCT "])
            let ties = choices.pick([" AND \(tie)", ""])
            return "\(outerNumber) <= (SELECT \(distinct)\(number) FROM \(inner.text) WHERE \(number) = "
                + "\(choices.below(3))\(ties)\(local))"
        case 9:
            let other = predicate(inner.columns, depth: 0)
            return "(SELECT count(*) FROM \(inner.text) WHERE (\(tie)\(local)) OR (\(tie) AND \(other))) > "
                + "\(choices.below(3))"
        case 7: return "(\(outerNumber) > 2 OR EXISTS (SELECT 1 FROM \(inner.text) WHERE \(tie)\(local)))"
        default:
            return
                "(\(outerNumber) = 1 OR \(outerColumn) IN (SELECT \(innerColumn) FROM \(inner.text) WHERE TRUE\(local)))"
        }
    }

    mutating func uncorrelatedScalar() -> String {
        let inner = relation(depth: 1)
        let number = expression(.int, inner.columns)
        return "(SELECT \(choices.pick(["count", "min", "max", "avg"]))(\(number)) FROM \(inner.text))"
    }

    /// A count or sum for each row, of kind `big`.
    mutating func scalarSubquery(_ columns: [Column]) -> String {
        let inner = relation(depth: 0)
        let kinds = Column.Kind.allCases.filter { kind in
            columns.contains { $0.kind == kind } && inner.columns.contains { $0.kind == kind }
        }
        guard !kinds.isEmpty else { return "CAST(0 AS BIGINT)" }
        let kind = choices.pick(kinds)
        let tie =
            "\(choices.pick(inner.columns.filter { $0.kind == kind }).text) = "
            + choices.pick(columns.filter { $0.kind == kind }).text
        let number = expression(.int, inner.columns)
        if choices.oneIn(2) { return "CAST(\(dependentScalar(columns, inner, kind)) AS BIGINT)" }
        return choices.pick([
            "CAST((SELECT count(*) FROM \(inner.text) WHERE \(tie)) AS BIGINT)",
            "CAST((SELECT sum(\(number)) FROM \(inner.text) WHERE \(tie)) AS BIGINT)",
            "CAST((SELECT max(\(number)) FROM \(inner.text)) AS BIGINT)",
        ])
    }

    /// An aggregate over the columns.
    mutating func aggregate(_ columns: [Column], only: [Column.Kind]? = nil) -> (String, Column.Kind) {
        let kind = self.kind(columns)
        let argument = expression(kind, columns)
        let filter = choices.oneIn(5) ? " FILTER (WHERE \(predicate(columns, depth: 0)))" : ""
        var forms: [(String, Column.Kind)] = [
            ("CAST(count(*)\(filter) AS BIGINT)", .big), ("CAST(count(\(argument))\(filter) AS BIGINT)", .big),
            ("CAST(count(DISTINCT \(argument))\(filter) AS BIGINT)", .big),
        ]
        if kind == .int || kind == .big {
            forms.append(("CAST(sum(\(argument))\(filter) AS BIGINT)", .big))
        }
        if only == nil {
            forms += [("min(\(argument))\(filter)", kind), ("max(\(argument))\(filter)", kind)]
            if kind == .decimal { forms.append(("CAST(sum(\(argument))\(filter) AS DECIMAL(8,2))", .decimal)) }
            if kind == .double { forms.append(("sum(\(argument))\(filter)", .double)) }
            if kind.isNumber { forms.append(("avg(\(argument))\(filter)", .double)) }
            if kind == .text {
                forms.append(("string_agg(\(argument), ',' ORDER BY \(argument))\(filter)", .text))
            }
            if kind == .bool { forms += [("bool_and(\(argument))\(filter)", .bool), ("bool_or(\(argument))", .bool)] }
            if kind == .int { forms.append(("CAST(list(\(argument) ORDER BY \(argument)) AS VARCHAR)", .text)) }
        }
        return choices.pick(forms)
    }
}
