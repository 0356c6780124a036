internal import DuckKit
internal import DuetEngine
internal import DuetExpression
internal import DuetFactory
internal import DuetPipeline
internal import Foundation

/// SQL that pipelines carry, made to run on the warehouse.
///
/// Only what can be told from the text alone is changed: `[name]` becomes `"name"`, `dbo.` the stand-in's schema, and
/// `@name` a parameter's value. T-SQL beyond that is the user's to rewrite, and fails with DuckDB's message.
struct SQLText {
    let schema: String
    let isSQLServer: Bool

    init(schema: String, service: ResolvedLinkedService?) {
        self.schema = schema
        let type = service?.type.lowercased() ?? ""
        isSQLServer = type.isEmpty || type.contains("sqlserver") || type.contains("azuresql")
    }

    /// The text with its names and parameters replaced.
    func translated(_ text: String, parameters: [String: ExpressionValue] = [:]) -> String {
        let known = Dictionary(
            parameters.map { ($0.key.lowercased(), $0.value) },
            uniquingKeysWith: { first, _ in first }
        )
        var output = ""
        var rest = text[...]
        while let character = rest.first {
            switch character {
            case "'", "\"":
                let end = rest.dropFirst().firstIndex(of: character) ?? rest.index(before: rest.endIndex)
                output += rest[...end]
                rest = rest[rest.index(after: end)...]
            case "-" where rest.hasPrefix("--"):
                let end = rest.firstIndex(where: \.isNewline) ?? rest.endIndex
                output += rest[..<end]
                rest = rest[end...]
            case "[" where isSQLServer:
                if let end = rest.firstIndex(of: "]"), Self.isName(rest[rest.index(after: rest.startIndex)..<end]),
                    !Self.isIndexed(output)
                {
                    output += name(
                        String(rest[rest.index(after: rest.startIndex)..<end]),
                        rest[rest.index(after: end)...]
                    )
                    rest = rest[rest.index(after: end)...]
                } else {
                    output.append(character)
                    rest = rest.dropFirst()
                }
            case "@":
                let word = rest.dropFirst().prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                if let value = known[word.lowercased()] {
                    output += Self.literal(value)
                    rest = rest[word.endIndex...]
                } else {
                    output.append(character)
                    rest = rest.dropFirst()
                }
            case _ where character.isLetter || character == "_":
                let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                let after = rest[word.endIndex...]
                let isSchema = isSQLServer && word.lowercased() == "dbo" && after.first == "."
                output += isSchema ? SQL.identifier(schema) : String(word)
                rest = after
            default:
                output.append(character)
                rest = rest.dropFirst()
            }
        }
        return output
    }

    private func name(_ name: String, _ after: Substring) -> String {
        SQL.identifier(name.lowercased() == "dbo" && after.first == "." ? schema : name)
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.first, first.isLetter || first == "_" else { return false }
        return text.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == " " || $0 == "-" }
    }

    /// Whether a bracket here selects from what stands before it, as in `list[i]`.
    private static func isIndexed(_ before: String) -> Bool {
        guard let last = before.last else { return false }
        return last.isLetter || last.isNumber || last == "_" || last == ")" || last == "]"
    }

    /// A value as SQL; text is always quoted, so that no value can become part of a statement.
    static func literal(_ value: ExpressionValue) -> String {
        switch value {
        case .null: "NULL"
        case .boolean(let flag): flag ? "true" : "false"
        case .integer(let number): "\(number)"
        case .float(let number): number.isFinite ? "\(number)" : "NULL"
        case .string(let text): SQL.literal(text)
        case .array, .object: SQL.literal(value.json)
        }
    }

    /// The values of `{"name": {"value": …, "type": …}}`.
    static func parameters(_ value: ExpressionValue?) -> [String: ExpressionValue] {
        guard let object = value?.objectValue else { return [:] }
        var values: [String: ExpressionValue] = [:]
        for (name, entry) in zip(object.names, object.values) {
            let inner = entry.objectValue?.value(ignoringCase: "value") ?? (entry.objectValue == nil ? entry : .null)
            let type = entry.objectValue?.value(ignoringCase: "type")?.stringValue
            values[name.hasPrefix("@") ? String(name.dropFirst()) : name] = converted(inner, to: type)
        }
        return values
    }

    private static func converted(_ value: ExpressionValue, to type: String?) -> ExpressionValue {
        guard case .string(let text) = value, let type = type?.lowercased() else { return value }
        if type.hasPrefix("int") { return Int64(text).map { .integer($0) } ?? value }
        if ["decimal", "double", "single", "float"].contains(type) { return Double(text).map { .float($0) } ?? value }
        if type.hasPrefix("bool") { return .boolean(text.lowercased() == "true") }
        return value
    }
}

extension FactoryEnvironment {
    /// The text of a stored procedure's file.
    func procedure(_ name: String, of service: ResolvedLinkedService?) throws -> (sql: String, schema: String) {
        guard let service else {
            throw ActivityFailure(
                "NoLinkedService",
                "the stored procedure '\(name)' names no linked service",
                isFinal: true
            )
        }
        guard case .schema(let schema, let folder) = try place(of: service) else {
            throw ActivityFailure(
                "WrongStandIn",
                "a stored procedure needs a linked service mapped to a schema",
                isFinal: true
            )
        }
        guard let folder else {
            throw ActivityFailure(
                "ProcedureNotFound",
                "stand-ins.yml says no folder for the stored procedures of '\(service.name)'",
                hint: "add 'procedures: FOLDER' to its stand-in, with a file NAME.sql for each",
                isFinal: true
            )
        }
        let full = name.split(separator: ".").map { TableName.last(String($0)) }.joined(separator: ".")
        for candidate in [full, TableName.last(name)] where !candidate.contains("/") && !candidate.contains("..") {
            if let data = FileManager.default.contents(atPath: "\(folder)/\(candidate).sql") {
                return (String(decoding: data, as: UTF8.self), schema)
            }
        }
        throw ActivityFailure(
            "ProcedureNotFound",
            "there is no file for the stored procedure '\(name)'",
            hint: "write its SQL to \(folder)/\(TableName.last(name)).sql; @name reads a parameter",
            isFinal: true
        )
    }

    /// A connection whose unqualified names mean a schema, which is made when it is missing.
    func connect(schema: String) throws -> Connection {
        let connection = try warehouse.connect()
        try make(schema: schema, connection)
        try connection.execute("SET schema = \(SQL.literal(schema))")
        return connection
    }

    /// Makes a schema when it is missing.
    func make(schema: String, _ connection: Connection) throws {
        var attempt = 1
        while true {
            do {
                try connection.execute("CREATE SCHEMA IF NOT EXISTS \(SQL.identifier(schema))")
                return
            } catch {
                // Two activities made it at the same time; by now it is there.
                guard error.kind == .transaction, attempt < 5 else { throw error }
                attempt += 1
            }
        }
    }
}
