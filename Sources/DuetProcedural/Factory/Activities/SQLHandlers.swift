internal import DuckKit
internal import DuetEngine
internal import DuetExpression
internal import DuetFactory
internal import DuetPipeline

/// Script: statements on the warehouse.
struct ScriptHandler: ActivityHandler {
    let environment: FactoryEnvironment

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        answer {
            guard let service = call.linkedService else { throw ActivityFailure.noService(call) }
            guard case .schema(let schema, _) = try environment.place(of: service) else {
                throw ActivityFailure("WrongStandIn", "Script needs a linked service mapped to a schema", isFinal: true)
            }
            let connection = try environment.connect(schema: schema)
            let text = SQLText(schema: schema, service: service)
            var sets: [ExpressionValue] = []
            var affected = 0
            for script in call["scripts"]?.arrayValue ?? [] {
                guard let object = script.objectValue, let sql = object.value(ignoringCase: "text")?.stringValue else {
                    continue
                }
                let statement = text.translated(
                    sql,
                    parameters: Self.parameters(object.value(ignoringCase: "parameters"))
                )
                let isQuery = object.value(ignoringCase: "type")?.stringValue?.lowercased() != "nonquery"
                try call.control.interruptible(connection) {
                    guard isQuery else {
                        affected += try Self.execute(statement, connection, call.control)
                        return
                    }
                    let rows = try RowOutput.rows(try connection.query(statement), limit: FactoryLimits.lookupRows)
                    sets.append(["rowCount": .integer(Int64(rows.count)), "rows": .array(rows)])
                }
            }
            return [
                "resultSetCount": .integer(Int64(sets.count)), "recordsAffected": .integer(Int64(affected)),
                "resultSets": .array(sets), "outputParameters": .object(ExpressionObject()), "outputLogs": "",
            ]
        }
    }

    /// Runs statements one by one; one that lost a race against another activity's is run again.
    ///
    /// Activities that run at once may both make a schema that was missing. A statement that stands alone is its own
    /// transaction, of which a lost race leaves nothing.
    static func execute(_ sql: String, _ connection: Connection, _ control: RunControl) throws -> Int {
        var affected = 0
        for statement in try connection.statements(in: sql) {
            var attempt = 1
            while true {
                do {
                    affected += try connection.execute(statement.sql)
                    break
                } catch {
                    guard error.kind == .transaction, error.message.contains("write-write conflict"), attempt < 10
                    else { throw error }
                    // The other has still to commit; on a busy machine that takes more than a moment.
                    control.wait(seconds: 0.001 * Double(1 << attempt))
                    attempt += 1
                }
            }
        }
        return affected
    }

    static func parameters(_ value: ExpressionValue?) -> [String: ExpressionValue] {
        var values = ExpressionObject()
        for element in value?.arrayValue ?? [] {
            if let name = element.objectValue?.value(ignoringCase: "name")?.stringValue { values[name] = element }
        }
        return SQLText.parameters(.object(values))
    }
}

/// SqlServerStoredProcedure: a SQL file run with parameters.
struct StoredProcedureHandler: ActivityHandler {
    let environment: FactoryEnvironment

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        answer {
            let name = call["storedProcedureName"]?.stringValue ?? ""
            var parameters = SQLText.parameters(call["storedProcedureParameters"])
            let (sql, schema) =
                try Self.dynamic(name, call, &parameters, environment)
                ?? environment.procedure(name, of: call.linkedService)
            let connection = try environment.connect(schema: schema)
            let text = SQLText(schema: schema, service: call.linkedService).translated(sql, parameters: parameters)
            // A procedure does all of its work or none, so that a retry begins from the start.
            try call.control.interruptible(connection) {
                _ = try connection.transaction { try connection.execute(text) }
            }
            return ["executionDuration": 0]
        }
    }

    /// SQL Server's own `sp_executesql`, which runs the statement it is handed with the other parameters in it; nil for
    /// any other procedure.
    static func dynamic(
        _ name: String,
        _ call: ActivityCall,
        _ parameters: inout [String: ExpressionValue],
        _ environment: FactoryEnvironment
    ) throws -> (sql: String, schema: String)? {
        guard TableName.last(name).lowercased() == "sp_executesql", let service = call.linkedService,
            case .schema(let schema, _) = try environment.place(of: service),
            let key = parameters.keys.first(where: { ["stmt", "statement"].contains($0.lowercased()) }),
            let statement = parameters.removeValue(forKey: key)?.stringValue
        else { return nil }
        return (statement, schema)
    }
}

/// Lookup: some rows, or one.
struct LookupHandler: ActivityHandler {
    let environment: FactoryEnvironment

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        answer {
            guard let dataset = call.inputs.first else {
                throw ActivityFailure("DatasetNotFound", "Lookup names no dataset", isFinal: true)
            }
            let source = try SourceRelation(
                call["source"]?.objectValue ?? ExpressionObject(),
                dataset,
                call,
                environment
            )
            let result = try call.control.interruptible(source.connection) {
                try source.connection.query(source.limited(FactoryLimits.lookupRows))
            }
            let isFirst = Self.flag(call["firstRowOnly"]) ?? true
            let rows = try RowOutput.rows(result, limit: isFirst ? 1 : FactoryLimits.lookupRows)
            var output = ExpressionObject()
            if isFirst {
                if let row = rows.first { output["firstRow"] = row }
            } else {
                output["count"] = .integer(Int64(rows.count))
                output["value"] = .array(rows)
            }
            let size = ExpressionValue.object(output).json.utf8.count
            guard size <= FactoryLimits.lookupBytes else {
                throw ActivityFailure(
                    "LookupOutputTooLarge",
                    "the rows take \(size) bytes; Lookup returns at most \(FactoryLimits.lookupBytes)",
                    hint: "select fewer columns or rows",
                    isFinal: true
                )
            }
            return .object(output)
        }
    }

    static func count(_ value: ExpressionValue?) -> Int? {
        switch value {
        case .integer(let number)?: Int(number)
        case .string(let text)?: Int(text)
        default: nil
        }
    }

    static func flag(_ value: ExpressionValue?) -> Bool? {
        switch value {
        case .boolean(let flag)?: flag
        case .string(let text)?: text.lowercased() == "true"
        default: nil
        }
    }
}
