internal import DuckKit
internal import DuetFactory

/// Functions over the elements of arrays and maps.
extension DataFlowWriter {
    func overArray(_ name: String, _ values: [DataFlowExpression], at offset: Int) throws -> Written? {
        guard values.count >= 2 else { return nil }
        if name == "maploop" {
            var inner = self
            inner.words["#index"] = Written(sql: "duet_index", category: .number)
            let body = try inner.sql(values[1])
            return Written(sql: "list_transform(range(1, \(try sql(values[0])) + 1), duet_index -> \(body))")
        }
        let array = try sql(values[0])
        var inner = self
        inner.words["#item"] = Written(sql: "duet_item", category: elementCategory(values[0]))
        inner.words["#index"] = Written(sql: "duet_index")
        switch name {
        case "map": return Written(sql: "list_transform(\(array), duet_item -> \(try inner.sql(values[1])))")
        case "mapindex":
            return Written(sql: "list_transform(\(array), (duet_item, duet_index) -> \(try inner.sql(values[1])))")
        case "mapif" where values.count == 3:
            let (condition, body) = (try inner.sql(values[1]), try inner.sql(values[2]))
            return Written(
                sql:
                    "list_transform(list_filter(\(array), (duet_item, duet_index) -> \(condition)), (duet_item, duet_index) -> \(body))"
            )
        case "find":
            return Written(sql: "(list_filter(\(array), duet_item -> \(try inner.sql(values[1]))))[1]")
        case "sort": return try sorted(array, by: values[1], at: offset)
        case "filter": return Written(sql: "list_filter(\(array), duet_item -> \(try inner.sql(values[1])))")
        case "any", "exists", "contains":
            // With a condition on the elements, or with the element itself.
            guard try inner.sql(values[1]).contains("duet_item") else {
                return Written(sql: "coalesce(list_contains(\(array), \(try sql(values[1]))), false)")
            }
            return Written(sql: "(len(list_filter(\(array), duet_item -> \(try inner.sql(values[1])))) > 0)")
        case "reduce" where values.count >= 3:
            inner.words["#acc"] = Written(sql: "duet_acc", category: try write(values[1]).category)
            let step = try inner.sql(values[2])
            let reduced = "list_reduce(list_prepend(\(try sql(values[1])), \(array)), (duet_acc, duet_item) -> \(step))"
            guard values.count > 3 else { return Written(sql: reduced) }
            inner.words["#result"] = Written(sql: reduced)
            return Written(sql: try inner.sql(values[3]))
        default: throw DataFlowError("duet does not run '\(name)'", at: offset)
        }
    }

    /// `sort(array, comparator)`, where the comparator compares the same value of both elements.
    ///
    /// SQL sorts by values, not by a comparison: `compare(f(#item1), f(#item2))` and
    /// `iif(f(#item1) >= f(#item2), 1, -1)` say by which.
    private func sorted(_ array: String, by comparator: DataFlowExpression, at offset: Int) throws -> Written {
        func key(_ expression: DataFlowExpression, _ item: String) throws -> String? {
            var inner = self
            inner.words["#" + item] = Written(sql: "duet_item")
            // The other element has no word, so an expression that names both is refused.
            guard case .success(let sql) = Result(catching: { try inner.sql(expression) }) else { return nil }
            return sql
        }
        var pair: (first: DataFlowExpression, second: DataFlowExpression)?
        var isDescending = false
        switch comparator.kind {
        case .call("compare", let arguments, _):
            if arguments.count == 2, case .value(let a) = arguments[0], case .value(let b) = arguments[1] {
                pair = (a, b)
            }
        case .call("iif", let arguments, _):
            if arguments.count == 3, case .value(let condition) = arguments[0], case .value(let value) = arguments[1],
                case .binary(let sign, let a, let b) = condition.kind, [">", ">=", "<", "<="].contains(sign)
            {
                pair = (a, b)
                let isNegative = if case .unary("-", _) = value.kind { true } else { false }
                isDescending = sign.hasPrefix("<") != isNegative
            }
        default: break
        }
        if let pair {
            if let a = try key(pair.first, "item1"), let b = try key(pair.second, "item2"), a == b {
                return Written(sql: Self.sorting(array, a, isDescending))
            }
            if let a = try key(pair.first, "item2"), let b = try key(pair.second, "item1"), a == b {
                return Written(sql: Self.sorting(array, a, !isDescending))
            }
        }
        throw DataFlowError(
            "duet sorts arrays by a value of each element, not by this comparison",
            at: comparator.offset,
            hint: "write compare(f(#item1), f(#item2)) with the same f"
        )
    }

    private static func sorting(_ array: String, _ key: String, _ isDescending: Bool) -> String {
        let keyed = "list_transform(\(array), duet_item -> struct_pack(k := \(key), v := duet_item))"
        return "list_transform(list_sort(\(keyed), '\(isDescending ? "DESC" : "ASC")', 'NULLS FIRST'), e -> e.v)"
    }

    /// What kind of values an array holds, where that can be seen.
    private func elementCategory(_ array: DataFlowExpression) -> Category {
        switch array.kind {
        case .array(let elements): return elements.first.map(category) ?? .other
        case .column(let name, let stream):
            if case .list(let element)? = find(name, stream)?.column.type { return Self.category(element) }
        case .call("array", let arguments, nil):
            if case .value(let first)? = arguments.first { return category(first) }
        case .call("split", _, nil), .call("regexsplit", _, nil), .call("bynames", _, nil),
            .call("columnnames", _, nil):
            return .text
        default: break
        }
        return .other
    }

    /// What kind of keys and values a map holds; nil for what is not seen to be a map.
    func mapCategories(_ map: DataFlowExpression) -> (key: Category, value: Category)? {
        switch map.kind {
        case .array(let elements):
            guard case .binary("->", let key, let value)? = elements.first?.kind else { return nil }
            return (category(key), category(value))
        case .column(let name, let stream):
            guard case .map(let key, let value)? = find(name, stream)?.column.type else { return nil }
            return (Self.category(key), Self.category(value))
        case .call("associate", _, nil), .call("keyvalues", _, nil), .call("reassociate", _, nil):
            return (.other, .other)
        default: return nil
        }
    }

    private func category(_ expression: DataFlowExpression) -> Category {
        // What cannot be written is told where it stands.
        if case .success(let written) = Result(catching: { try write(expression) }) { written.category } else { .other }
    }

    func overMap(_ name: String, _ values: [DataFlowExpression], at offset: Int) throws -> Written? {
        switch name {
        case "associate":
            let keys = try stride(from: 0, to: values.count - 1, by: 2).map { try sql(values[$0]) }
            let contents = try stride(from: 1, to: values.count, by: 2).map { try sql(values[$0]) }
            return Written(sql: "map([\(keys.joined(separator: ", "))], [\(contents.joined(separator: ", "))])")
        case "at" where values.count == 2: return Written(sql: "(\(try sql(values[0])))[\(try sql(values[1]))]")
        case "mapassociation" where values.count == 2, "reassociate" where values.count == 2:
            let map = try sql(values[0])
            var inner = self
            let categories = mapCategories(values[0])
            inner.words["#key"] = Written(sql: "duet_entry.key", category: categories?.key ?? .other)
            inner.words["#value"] = Written(sql: "duet_entry.value", category: categories?.value ?? .other)
            let list = "list_transform(map_entries(\(map)), duet_entry -> \(try inner.sql(values[1])))"
            return Written(sql: name == "reassociate" ? "map(map_keys(\(map)), \(list))" : list)
        default: return nil
        }
    }
}
