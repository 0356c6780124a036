internal import DuckKit
internal import DuetExpression
internal import DuetFactory

/// Transformations between structures and their text: parse, stringify.
///
/// Source: data-flow-parse, data-flow-stringify. XML is read only, as in the service.
extension DataFlowRun {
    func parse(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        if step.format == "xml" { return try parseXML(step, input) }
        let writer = writer(input)
        let isDelimited = try isDelimited(step)
        var new: [DataFlowItem] = []
        for (target, value, type) in conversions(step) {
            let text = "CAST(\(try writer.sql(value)) AS VARCHAR)"
            let sql = isDelimited ? try delimited(text, type, step) : json(text, type)
            new.append(DataFlowItem(name: try targetName(target, writer), sql: sql))
        }
        try convert(step, input, to: new)
    }

    private func parseXML(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        let writer = writer(input)
        let conversions = conversions(step)
        let texts = try conversions.map { "CAST(\(try writer.sql($0.value)) AS VARCHAR)" }
        let rest = try computed(step, input, texts, columns: conversions.count) { rows in
            rows.map { row in
                zip(row, conversions).map { value, conversion in
                    value.string.flatMap { XMLShape.json($0, conversion.type) }
                }
            }
        }
        let new = try conversions.enumerated().map { number, conversion in
            DataFlowItem(
                name: try targetName(conversion.target, writer),
                sql: json("r.a\(number)", conversion.type)
            )
        }
        guard !new.isEmpty else { throw noColumn(step) }
        try define(step.name, replaced(items(input, alias: "l"), by: new), rest, isFixed: true, step: step)
    }

    /// Makes a table of rows with text columns `a0`, `a1` … that are computed outside of SQL.
    ///
    /// The work is given the values of all rows, which are SQL over the input, and gives the texts in the same order.
    /// What comes back is `FROM …` with the input's rows as `l` and the new columns as `r`.
    func computed(
        _ step: DataFlowScript.Step,
        _ input: DataFlowStream,
        _ values: [String],
        columns: Int,
        _ work: ([[Value]]) throws -> [[String?]]
    ) throws -> String {
        let relation = newRelation()
        record.compute(relation, step: step.name)
        let answers = "__duet_answers_\(prefix)\(newNumber())"
        do {
            try connection.execute(
                "CREATE OR REPLACE TEMP TABLE \(relation) AS SELECT *, row_number() OVER () AS __duet_number FROM \(input.relation)"
            )
            let list = values.isEmpty ? "" : ", \(values.joined(separator: ", "))"
            let rows = try connection.rows("SELECT __duet_number\(list) FROM \(relation) ORDER BY 1")
            let texts = try work(rows.map { Array($0.dropFirst()) })
            let names = (0..<columns).map { ", a\($0) VARCHAR" }.joined()
            try connection.execute(
                "CREATE OR REPLACE TEMP TABLE \(SQL.identifier(answers)) (__duet_number BIGINT\(names))"
            )
            let appender = try connection.appender(table: answers, schema: "main", catalog: "temp")
            for (row, texts) in zip(rows, texts) {
                try appender.appendRow([row[0]] + texts.map { $0.map(Value.varchar) ?? .null })
            }
            try appender.close()
        } catch let error as DuckDBError {
            throw DataFlowError("'\(step.name)' cannot be computed: \(error.message.prefix(400))", at: step.offset)
        }
        return "FROM \(relation) AS l JOIN \(SQL.identifier(answers)) AS r ON l.__duet_number = r.__duet_number"
    }

    private func noColumn(_ step: DataFlowScript.Step) -> DataFlowError {
        DataFlowError("'\(step.name)' names no column", at: step.offset, hint: "write column = expression ? type")
    }

    func stringify(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        let writer = writer(input)
        let isDelimited = try isDelimited(step)
        var new: [DataFlowItem] = []
        for (target, value, _) in conversions(step) {
            let sql = try writer.sql(value)
            // As Spark writes it, a member without a value is left out.
            let text =
                isDelimited
                ? try line(of: value, sql, step) : "CAST(json_merge_patch('{}', to_json(\(sql))) AS VARCHAR)"
            new.append(
                DataFlowItem(
                    name: try targetName(target, writer),
                    sql: "CASE WHEN (\(sql)) IS NOT NULL THEN \(text) END"
                )
            )
        }
        try convert(step, input, to: new)
    }

    private func convert(_ step: DataFlowScript.Step, _ input: DataFlowStream, to new: [DataFlowItem]) throws {
        guard !new.isEmpty else { throw noColumn(step) }
        try define(step.name, replaced(items(input), by: new), "FROM \(input.relation)", step: step)
    }

    private func conversions(
        _ step: DataFlowScript.Step
    ) -> [(target: DataFlowExpression, value: DataFlowExpression, type: DataFlowType)] {
        step.arguments.compactMap { argument in
            if case .converted(let target, let value, let type) = argument { (target, value, type) } else { nil }
        }
    }

    private func isDelimited(_ step: DataFlowScript.Step) throws -> Bool {
        switch step.format ?? "json" {
        case "json": return false
        case "delimited": return true
        case let format:
            throw DataFlowError(
                "'\(step.name)' is a '\(step.kind)' of '\(format)', which duet does not run",
                at: step.offset,
                hint: step.kind == "parse" ? "it runs json, xml and delimited" : "it runs json and delimited"
            )
        }
    }

    // MARK: - JSON

    /// The value of a JSON text; null where the text is no JSON, and members it does not fit become null, as in Spark.
    func json(_ text: String, _ type: DataFlowType) -> String {
        var document = "CAST(\(text) AS JSON)"
        // Of a list of documents the first is taken where one is asked for.
        if case .structure = type {
            document =
                "CASE json_type(\(document)) WHEN 'ARRAY' THEN json_extract(\(document), '$[0]') ELSE \(document) END"
        }
        let structure = SQL.literal(Self.structure(type).json)
        return "CASE WHEN json_valid(\(text)) THEN json_transform(\(document), \(structure)) END"
    }

    /// A type as DuckDB's json_transform takes it.
    private static func structure(_ type: DataFlowType) -> ExpressionValue {
        switch type {
        case .structure(let fields):
            .object(ExpressionObject(fields.map { ($0.name, structure($0.type)) }))
        case .array(let element): [structure(element)]
        case .simple, .map, .formatted: .string(DataFlowTypes.sql(type))
        }
    }

    // MARK: - Delimited text

    private func setting(_ step: DataFlowScript.Step, _ name: String) throws -> String? {
        guard let value = step.property(name) else { return nil }
        return try constant(try DataFlowWriter([], self).sql(value), at: value.offset).string
    }

    /// The first line as a structure, or every line as a list of them, as the type says.
    private func delimited(_ text: String, _ type: DataFlowType, _ step: DataFlowScript.Step) throws -> String {
        let (row, isList): (DataFlowType, Bool) = if case .array(let row) = type { (row, true) } else { (type, false) }
        guard case .structure(let members) = row else {
            throw DataFlowError("'\(step.name)' must parse delimited text as (name as type, …)", at: step.offset)
        }
        let line = try DelimitedLine(
            delimiter: setting(step, "columnDelimiter") ?? ",",
            quote: setting(step, "quoteChar") ?? "\""
        )
        let hasHeader = step.flag("columnNamesAsHeader") == true
        let null = SQL.literal(try setting(step, "nullValue") ?? "")
        let lines = "list_filter(regexp_split_to_array(\(text), '\\r?\\n'), l -> l <> '')"
        let rows = hasHeader ? "(\(lines))[2:]" : lines
        let header = "list_transform(\(line.fields("(\(lines))[1]")), h -> lower(h))"
        let fields = members.enumerated().map { number, member in
            let name = SQL.literal(member.name.lowercased())
            let place = hasHeader ? "list_position(\(header), \(name))" : "\(number + 1)"
            return "\(SQL.identifier(member.name)) := "
                + DataFlowTypes.cast("nullif(f[\(place)], \(null))", to: member.type)
        }
        let packed = "struct_pack(\(fields.joined(separator: ", ")))"
        let list = "list_transform(list_transform(\(rows), l -> \(line.fields("l"))), f -> \(packed))"
        return "CASE WHEN \(text) IS NOT NULL THEN \(isList ? list : "(\(list))[1]") END"
    }

    /// A structure's values in a line.
    private func line(of value: DataFlowExpression, _ sql: String, _ step: DataFlowScript.Step) throws -> String {
        let type = try connection.describe("SELECT \(sql) AS v FROM \(try stream(step.inputs[0], for: step).relation)")
            .first
        guard case .structure(let members)? = type?.type else {
            throw DataFlowError(
                "'\(step.name)' can write a structure as delimited text, nothing else",
                at: value.offset
            )
        }
        let delimiter = SQL.literal(try setting(step, "columnDelimiter") ?? ",")
        let quote = SQL.literal(try setting(step, "quoteChar") ?? "\"")
        let parts = members.map { member in
            let text = "coalesce(CAST((\(sql)).\(SQL.identifier(member.name)) AS VARCHAR), '')"
            return
                "CASE WHEN contains(\(text), \(delimiter)) OR contains(\(text), \(quote)) OR contains(\(text), chr(10)) "
                + "THEN \(quote) || replace(\(text), \(quote), \(quote) || \(quote)) || \(quote) ELSE \(text) END"
        }
        return "concat_ws(\(delimiter), \(parts.joined(separator: ", ")))"
    }
}

/// The SQL that cuts one line of delimited text.
private struct DelimitedLine {
    let delimiter: String
    /// Empty when nothing is quoted.
    let quote: String

    /// The values of a line, a list of texts.
    ///
    /// The delimiter becomes a character that no text holds and is found together with the value behind it, so that
    /// an empty value has its place too.
    func fields(_ line: String) -> String {
        let delimiter = SQL.literal(delimiter)
        let cut = "chr(1) || replace(\(line), \(delimiter), chr(1))"
        guard let scalar = quote.unicodeScalars.first else {
            return "regexp_extract_all(\(cut), '\\x01([^\\x01]*)', 1)"
        }
        let q = "\\x{\(String(scalar.value, radix: 16))}"
        let pattern = SQL.literal("\\x01(\(q)(?:[^\(q)]|\(q)\(q))*\(q)|[^\\x01]*)")
        let mark = SQL.literal(String(scalar))
        let bare = "replace(substring(v, 2, length(v) - 2), \(mark) || \(mark), \(mark))"
        return "list_transform(regexp_extract_all(\(cut), \(pattern), 1), v -> CASE WHEN length(v) > 1 AND "
            + "starts_with(v, \(mark)) AND ends_with(v, \(mark)) THEN replace(\(bare), chr(1), \(delimiter)) "
            + "ELSE v END)"
    }
}
