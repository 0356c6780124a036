internal import DuetExpression
internal import DuetFactory

/// Activities on the run's variables and on its return value.
extension ActivityExecution {
    func setVariable(_ name: String, _ template: ExpressionTemplate) throws(ExpressionError) {
        let value = try template.evaluate(in: context)
        input = ["variableName": .string(name), "value": value]
        guard var variable = state.variables[name.lowercased()] else { return end(.failure(unknown(name))) }
        guard let converted = VariableType.converted(value, to: variable.type) else {
            return end(.failure(mismatch(variable, value)))
        }
        variable.value = converted
        state.variables[name.lowercased()] = variable
        end(.success(["name": .string(variable.name), "value": converted]))
    }

    func appendVariable(_ name: String, _ template: ExpressionTemplate) throws(ExpressionError) {
        let value = try template.evaluate(in: context)
        input = ["variableName": .string(name), "value": value]
        // Taken out while it grows, so that appending to a long array does not copy it each time.
        guard var variable = state.variables.removeValue(forKey: name.lowercased()) else {
            return end(.failure(unknown(name)))
        }
        if variable.value.unknown != nil {
            state.variables[name.lowercased()] = variable
            return end(.success(["name": .string(variable.name), "value": value]))
        }
        guard case .array(var elements) = variable.value else {
            state.variables[name.lowercased()] = variable
            let message =
                "the variable '\(variable.name)' is of type \(variable.type); only an Array can be appended to"
            return end(.failure(ActivityFailure("InvalidVariableType", message, isFinal: true)))
        }
        variable.value = .null
        elements.append(value)
        variable.value = .array(elements)
        state.variables[name.lowercased()] = variable
        end(.success(["name": .string(variable.name), "value": value]))
    }

    func setReturnValue(_ values: [(key: String, value: CompiledActivity.ReturnValue)]) throws(ExpressionError) {
        var object = ExpressionObject()
        for (key, value) in values { object[key] = try evaluated(value) }
        input = ["variableName": "pipelineReturnValue", "value": .object(object)]
        for (key, value) in zip(object.names, object.values) { state.returnValue[key] = value }
        end(.success(["name": "pipelineReturnValue", "value": .object(object)]))
    }

    private func evaluated(_ value: CompiledActivity.ReturnValue) throws(ExpressionError) -> ExpressionValue {
        switch value {
        case .value(let template): return try template.evaluate(in: context)
        case .list(let elements):
            var values: [ExpressionValue] = []
            for element in elements { values.append(try evaluated(element)) }
            return .array(values)
        }
    }

    private func unknown(_ name: String) -> ActivityFailure {
        ActivityFailure(
            "VariableNotFound",
            "the pipeline declares no variable '\(name)'",
            hint: "declare it under \"variables\"",
            isFinal: true
        )
    }

    private func mismatch(_ variable: RunState.Variable, _ value: ExpressionValue) -> ActivityFailure {
        ActivityFailure(
            "InvalidVariableType",
            "the variable '\(variable.name)' is of type \(variable.type) and cannot hold the "
                + "\(value.unknown?.type ?? value.typeName) \(value.showingUnknowns.json.prefix(100))",
            hint: variable.type.lowercased() == "string" ? "convert it with string(…)" : nil,
            isFinal: true
        )
    }
}

/// The types of parameters and variables, and what fits them.
enum VariableType {
    /// The value as the type has it; nil when it does not fit.
    static func converted(_ value: ExpressionValue, to type: String) -> ExpressionValue? {
        if let unknown = value.unknown { return isPossible(unknown, type.lowercased()) ? value : nil }
        return switch (type.lowercased(), value) {
        case ("string", .string), ("securestring", .string): value
        case ("bool", .boolean), ("boolean", .boolean): value
        case ("bool", .string(let text)), ("boolean", .string(let text)): boolean(text)
        case ("int", .integer), ("integer", .integer): value
        case ("int", .string(let text)), ("integer", .string(let text)): Int64(text).map { .integer($0) }
        case ("int", .float(let number)), ("integer", .float(let number)):
            number == number.rounded() && number.magnitude < 9e15 ? .integer(Int64(number)) : nil
        case ("float", .float), ("float", .integer): value
        case ("float", .string(let text)): Double(text).map { .float($0) }
        case ("array", .array): value
        case ("object", .object), ("object", .array), ("object", .null): value
        // A parameter may be left null whatever its type.
        case (_, .null): value
        case ("string", _), ("securestring", _), ("bool", _), ("boolean", _), ("int", _), ("integer", _), ("float", _),
            ("array", _), ("object", _):
            nil
        default: value
        }
    }

    /// Whether a value that nobody knows may fit.
    private static func isPossible(_ value: UnknownValue, _ type: String) -> Bool {
        let names: [String] =
            switch type {
            case "string", "securestring": ["String"]
            case "bool", "boolean": ["Boolean", "String"]
            case "int", "integer", "float": ["Integer", "Float", "String"]
            case "array": ["Array"]
            case "object": ["Object", "Array"]
            default: []
            }
        return names.isEmpty || names.contains(where: value.isPossibly)
    }

    private static func boolean(_ text: String) -> ExpressionValue? {
        switch text.lowercased() {
        case "true": true
        case "false": false
        default: nil
        }
    }

    /// What a variable holds before it is set.
    static func initial(_ type: String) -> ExpressionValue {
        switch type.lowercased() {
        case "array": []
        case "bool", "boolean": false
        case "int", "integer": 0
        default: ""
        }
    }
}
