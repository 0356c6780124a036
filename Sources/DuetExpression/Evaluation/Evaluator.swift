/// Walks a syntax tree.
struct Evaluator {
    let tree: SyntaxTree
    let units: [UInt16]
    let context: any ExpressionContext
    /// Notes what every node gave, when somebody wants to see it.
    let recorder: EvaluationRecorder?

    func evaluate(_ id: SyntaxTree.NodeID) throws(ExpressionError) -> ExpressionValue {
        guard let recorder else { return try compute(id) }
        do {
            let value = try compute(id)
            recorder.outcomes[id] = .value(value)
            return value
        } catch {
            recorder.outcomes[id] = .failure(error)
            throw error
        }
    }

    private func compute(_ id: SyntaxTree.NodeID) throws(ExpressionError) -> ExpressionValue {
        let node = tree.nodes[id]
        switch node.kind {
        case .literal(let value):
            return value
        case .call(let function, let name, let arguments):
            switch function.body {
            case .strict(let body):
                var values: [ExpressionValue] = []
                values.reserveCapacity(arguments.count)
                for argument in arguments { values.append(try evaluate(argument)) }
                do {
                    return try body(FunctionCall(name: name, arguments: values, services: context.services))
                } catch {
                    throw located(error, node.range, values)
                }
            case .choose: return try choose(name, arguments, node.range)
            case .allOf: return try decide(name, arguments, node.range, until: false)
            case .anyOf: return try decide(name, arguments, node.range, until: true)
            case .firstPresent:
                for argument in arguments {
                    let value = try evaluate(argument)
                    if !value.isNull { return value }
                }
                return .null
            }
        case .brokenCall(let failure, _):
            throw located(failure, node.range, [])
        case .root(let root, let arguments):
            return try evaluate(root, arguments, node.range)
        case .path(let base, let shortcut, let segments):
            return try evaluatePath(base, shortcut, segments, node.range)
        case .interpolation(let parts):
            var text = ""
            for part in parts { text += Conversion.text(try evaluate(part)) }
            return .string(text)
        }
    }

    func located(_ failure: Failure, _ range: Range<Int>, _ inputs: [ExpressionValue]) -> ExpressionError {
        ExpressionError(
            failure.code,
            failure.message,
            at: range,
            of: String(decoding: units[range], as: UTF16.self),
            inputs: inputs,
            hint: failure.hint
        )
    }

    // MARK: - Functions that decide what they evaluate

    private func choose(
        _ name: String,
        _ arguments: [SyntaxTree.NodeID],
        _ range: Range<Int>
    ) throws(ExpressionError)
        -> ExpressionValue
    {
        let condition = try evaluate(arguments[0])
        guard case .boolean(let isTrue) = condition else {
            let call = FunctionCall(name: name, arguments: [condition], services: context.services)
            throw located(call.wrongType(0, "the condition", "true or false"), range, [condition])
        }
        return try evaluate(arguments[isTrue ? 1 : 2])
    }

    private func decide(
        _ name: String,
        _ arguments: [SyntaxTree.NodeID],
        _ range: Range<Int>,
        until stop: Bool
    ) throws(ExpressionError) -> ExpressionValue {
        for argument in arguments {
            let value = try evaluate(argument)
            guard case .boolean(let isTrue) = value else {
                let call = FunctionCall(name: name, arguments: [value], services: context.services)
                throw located(call.wrongType(0, "a condition", "true or false"), range, [value])
            }
            if isTrue == stop { return .boolean(stop) }
        }
        return .boolean(!stop)
    }

    // MARK: - Surroundings

    private func evaluate(
        _ root: SyntaxTree.Root,
        _ arguments: [SyntaxTree.NodeID],
        _ range: Range<Int>
    ) throws(ExpressionError) -> ExpressionValue {
        switch root {
        case .pipeline:
            var object = context.systemVariables
            object["parameters"] = .object(context.parameters)
            object["globalParameters"] = .object(context.globalParameters)
            return .object(object)
        case .variables: return try named("variable", arguments[0], range)
        case .activity: return try named("activity", arguments[0], range)
        case .item:
            if let item = context.item { return item }
            throw outside("item()", "a ForEach or Filter", range)
        case .dataset:
            if let dataset = context.dataset { return .object(dataset) }
            throw outside("dataset()", "a dataset", range)
        case .linkedService:
            if let linkedService = context.linkedService { return .object(linkedService) }
            throw outside("linkedService()", "a linked service", range)
        case .trigger:
            if let trigger = context.trigger { return trigger }
            throw outside("trigger()", "a trigger", range)
        case .triggerBody:
            guard let trigger = context.trigger else { throw outside("triggerBody()", "a trigger", range) }
            return trigger.objectValue?.value(ignoringCase: "outputs")?.objectValue?.value(ignoringCase: "body")
                ?? .null
        }
    }

    private func outside(_ name: String, _ place: String, _ range: Range<Int>) -> ExpressionError {
        located(Failure(.missing, "'\(name)' means something only inside \(place)"), range, [])
    }

    private func named(
        _ kind: String,
        _ argument: SyntaxTree.NodeID,
        _ range: Range<Int>
    ) throws(ExpressionError) -> ExpressionValue {
        let value = try evaluate(argument)
        guard case .string(let name) = value else {
            let message = "the name of \(kind == "activity" ? "an" : "a") \(kind) is text, but got "
            throw located(Failure(.type, message + FunctionCall.describe(value)), range, [value])
        }
        let isVariable = kind == "variable"
        if let found = isVariable ? context.variable(named: name) : context.activity(named: name) { return found }
        let hint = Suggestion.hint(for: name, among: isVariable ? context.variableNames : context.activityNames)
        let what = isVariable ? "there is no variable '\(name)'" : "no activity '\(name)' has run before this point"
        throw located(Failure(.missing, what, hint: hint), range, [value])
    }
}
