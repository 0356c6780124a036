internal import DuckKit
internal import DuetFactory

extension DataFlowWriter {
    func call(
        _ name: String,
        _ arguments: [DataFlowArgument],
        sink: String?,
        at offset: Int
    ) throws -> Written {
        if let sink { return try cached(sink, name, arguments, at: offset) }
        let values = try arguments.map { argument in
            guard case .value(let value) = argument else {
                throw DataFlowError("'\(name)' takes expressions only", at: offset)
            }
            return value
        }
        if let written = try special(name, values, at: offset) { return written }
        guard let form = DataFlowFunctions.form(name, values.count) else {
            let isKnown = DataFlowFunctions.isKnown(name)
            throw DataFlowError(
                isKnown
                    ? "'\(name)' does not take \(values.count) arguments"
                    : "duet does not know the function '\(name)'",
                at: offset
            )
        }
        var inner = self
        if form.kind != .scalar {
            inner.over = nil
            inner.only = nil
        }
        var sql = DataFlowFunctions.filled(form, try values.map(inner.sql))
        if form.kind != .scalar {
            if let only {
                sql =
                    sql.contains(" FILTER (WHERE ")
                    ? sql.replacing(" FILTER (WHERE ", with: " FILTER (WHERE \(only) AND ")
                    : "\(sql) FILTER (WHERE \(only))"
            }
            if let over { sql = "\(sql) OVER (\(over))" }
        }
        return Written(sql: sql, category: form.isText ? .text : .other)
    }

    func special(_ name: String, _ values: [DataFlowExpression], at offset: Int) throws -> Written? {
        switch name {
        case "null": return Written(sql: "NULL")
        case "byname", "byposition": return try looked(name, values, at: offset)
        case "bypath": return try followed(values, at: offset)
        case "bynames":
            let columns = try flow.texts(try sql(values.first ?? .init(kind: .array([]), offset: offset))).map {
                find($0)?.reference ?? "NULL"
            }
            return Written(sql: "[\(columns.map { "CAST(\($0) AS VARCHAR)" }.joined(separator: ", "))]")
        case "columnnames":
            let names = try visible(of: values.first).map { SQL.literal($0.column.name) }
            return Written(sql: "[\(names.joined(separator: ", "))]")
        case "columns", "origincolumns":
            let columns = try visible(of: values.first).map { "CAST(\($0.reference) AS VARCHAR)" }
            return Written(sql: "[\(columns.joined(separator: ", "))]")
        case "iserror", "haserror":
            guard let errors = hidden(DataFlowStream.errors) else { return Written(sql: "false") }
            guard let id = values.first else { return Written(sql: "(len(\(errors)) > 0)") }
            return Written(sql: "list_contains(\(errors), \(try sql(id)))")
        case "isinsert", "isupdate", "isupsert", "isdelete":
            guard let mark = hidden(DataFlowStream.rowMark) else { return Written(sql: "\(name == "isinsert")") }
            let number = ["isinsert", "isupdate", "isupsert", "isdelete"].firstIndex(of: name) ?? 0
            return Written(sql: "(\(mark) = \(number))")
        case "case": return try cases(values)
        case "concat":
            return Written(sql: "(\(try values.map(sql).joined(separator: " || ")))", category: .text)
        case "concatws":
            return Written(sql: "concat_ws(\(try values.map(sql).joined(separator: ", ")))", category: .text)
        case "md5", "sha1", "sha2", "crc32": return try hashed(name, values, at: offset)
        case "todate", "totimestamp": return try moment(name, values, at: offset)
        case "tostring": return try text(values)
        case "todecimal":
            let numbers = try values.dropFirst().prefix(2).map(sql)
            let value = try sql(values.first ?? .init(kind: .call("null", [], sink: nil), offset: offset))
            let scale = numbers.count > 1 ? numbers[1] : numbers.isEmpty ? "2" : "0"
            return Written(sql: "try_cast(\(value) AS DECIMAL(\(numbers.first ?? "10"), \(scale)))", category: .number)
        case "in" where values.count == 2:
            return Written(sql: "coalesce(list_contains(\(try sql(values[0])), \(try sql(values[1]))), false)")
        case "minus" where values.count == 2:
            return try write(.init(kind: .binary("-", values[0], values[1]), offset: offset))
        case "map", "filter", "any", "exists", "contains", "mapindex", "sort", "reduce", "find", "mapif", "maploop":
            return try overArray(name, values, at: offset)
        case "associate", "mapassociation", "reassociate", "at": return try overMap(name, values, at: offset)
        case "size" where values.count == 1:
            let isMap = mapCategories(values[0]) != nil
            return Written(sql: "\(isMap ? "cardinality" : "len")(\(try sql(values[0])))", category: .number)
        case "isdate" where values.count < 3, "istimestamp" where values.count < 3:
            let type = name == "isdate" ? "todate" : "totimestamp"
            return Written(sql: "(\(try moment(type, values, at: offset).sql) IS NOT NULL)")
        case "round" where (1...3).contains(values.count): return try rounded(values)
        default: return try metadata(name, values, at: offset)
        }
    }

    var visible: [Source] { sources.filter { !$0.column.isHidden } }

    /// The columns that have come through a stream; all of them where none is named.
    func visible(of stream: DataFlowExpression?) throws -> [Source] {
        guard let stream, let name = try flow.constant(try sql(stream), at: stream.offset).string else {
            return visible
        }
        return visible.filter { $0.column.streams.contains(name.lowercased()) }
    }

    func hidden(_ name: String) -> String? {
        sources.first { $0.column.isHidden && $0.column.physical == name }?.reference
    }

    func looked(_ name: String, _ values: [DataFlowExpression], at offset: Int) throws -> Written {
        guard let first = values.first else { throw DataFlowError("'\(name)' needs a column", at: offset) }
        let key = try flow.constant(try sql(first), at: first.offset)
        let stream = values.count > 1 ? try flow.constant(try sql(values[1]), at: offset).string : nil
        let found =
            name == "byposition"
            ? key.int.flatMap { visible.indices.contains($0 - 1) ? visible[$0 - 1] : nil }
            : find(key.string ?? "", stream)
        // A column that is not there is null, which is what makes drifting schemas work.
        guard let found else { return Written(sql: "CAST(NULL AS VARCHAR)", category: .text) }
        return Written(sql: found.reference, category: Self.category(found.column.type))
    }

    private func cases(_ values: [DataFlowExpression]) throws -> Written {
        var sql = "CASE"
        var rest = values[...]
        var isText = false
        while rest.count >= 2, let condition = rest.popFirst(), let value = rest.popFirst() {
            let written = try write(value)
            isText = isText || written.category == .text
            sql += " WHEN \(try self.sql(condition)) THEN \(written.sql)"
        }
        if let last = rest.first { sql += " ELSE \(try self.sql(last))" }
        return Written(sql: "(\(sql) END)", category: isText ? .text : .other)
    }

    /// A hash of the values' texts, one after the other; the bits of `sha2` come first.
    private func hashed(_ name: String, _ values: [DataFlowExpression], at offset: Int) throws -> Written {
        var rest = values[...]
        if name == "sha2" {
            let bits = try flow.constant(
                try sql(rest.popFirst() ?? .init(kind: .integer(256), offset: offset)),
                at: offset
            )
            guard bits.int == 256 || bits.int == 0 else {
                throw DataFlowError("sha2 is there with 256 bits", at: offset, hint: "write sha2(256, …)")
            }
        }
        let pieces = try rest.map { value in
            if case .call("bynames", _, _) = value.kind { return "array_to_string(\(try sql(value)), '')" }
            if case .call("columns", _, _) = value.kind { return "array_to_string(\(try sql(value)), '')" }
            return "coalesce(CAST(\(try sql(value)) AS VARCHAR), '')"
        }
        let text = "(\(pieces.joined(separator: " || ")))"
        let function = ["md5": "md5", "sha1": "sha1", "sha2": "sha256"][name]
        return function.map { Written(sql: "\($0)\(text)", category: .text) }
            ?? Written(sql: "CAST(hash\(text) AS BIGINT)", category: .number)
    }

    private func moment(_ name: String, _ values: [DataFlowExpression], at offset: Int) throws -> Written {
        guard let first = values.first else { throw DataFlowError("'\(name)' needs a value", at: offset) }
        let type = name == "todate" ? "DATE" : "TIMESTAMP"
        let value = try write(first)
        guard values.count > 1, value.category != .moment else {
            return Written(sql: "try_cast(\(value.sql) AS \(type))", category: .moment)
        }
        let pattern = DatePattern.strftime(try flow.constant(try sql(values[1]), at: values[1].offset).string ?? "")
        let parsed = "try_strptime(CAST(\(value.sql) AS VARCHAR), \(SQL.literal(pattern)))"
        return Written(sql: "CAST(\(parsed) AS \(type))", category: .moment)
    }

    private func text(_ values: [DataFlowExpression]) throws -> Written {
        guard let first = values.first else { return Written(sql: "''", category: .text) }
        let value = try write(first)
        guard values.count > 1 else { return Written(sql: "CAST(\(value.sql) AS VARCHAR)", category: .text) }
        let format = try flow.constant(try sql(values[1]), at: values[1].offset).string ?? ""
        if value.category == .number {
            guard let pattern = NumberPattern(format) else {
                throw DataFlowError(
                    "'\(format)' is no pattern of a number that duet writes",
                    at: values[1].offset,
                    hint: "write 0, # and , before the point and 0 and # behind it, such as '#,##0.00'"
                )
            }
            return Written(sql: pattern.sql(value.sql), category: .text)
        }
        let pattern = DatePattern.strftime(format)
        return Written(sql: "strftime(\(value.sql), \(SQL.literal(pattern)))", category: .text)
    }

    /// `sink#output().column`, `sink#lookup(key).column`: what a cached sink holds.
    private func cached(
        _ sink: String,
        _ name: String,
        _ arguments: [DataFlowArgument],
        at offset: Int
    ) throws -> Written {
        guard let cache = flow.caches[sink.lowercased()] else {
            throw DataFlowError("there is no cached sink '\(sink)' before this place", at: offset)
        }
        switch name {
        case "output": return Written(sql: "(SELECT c FROM \(cache.relation) AS c LIMIT 1)")
        case "outputs": return Written(sql: "(SELECT list(c) FROM \(cache.relation) AS c)")
        case "lookup", "mlookup":
            var conditions: [String] = []
            for (_, argument) in zip(cache.keys, arguments) {
                guard case .value(let value) = argument else { continue }
                conditions.append("__duet_key\(conditions.count) = \(try sql(value))")
            }
            guard !conditions.isEmpty, conditions.count == arguments.count else {
                throw DataFlowError("'\(sink)' has \(cache.keys.count) keys to look up by", at: offset)
            }
            // The sink's columns are renamed, since those of the rows that look may have the same names.
            let columns = cache.keys.enumerated().map { ", c.\(SQL.identifier($1)) AS __duet_key\($0)" }.joined()
            let rows =
                "FROM (SELECT c AS __duet_row\(columns) FROM \(cache.relation) AS c) WHERE "
                + conditions.joined(separator: " AND ")
            return Written(
                sql: name == "lookup"
                    ? "(SELECT __duet_row \(rows) LIMIT 1)" : "coalesce((SELECT list(__duet_row) \(rows)), [])"
            )
        default: throw DataFlowError("duet does not know '\(sink)#\(name)'", at: offset)
        }
    }
}
