/// Walks a syntax tree.
struct Evaluator {
    let tree: SyntaxTree
    let units: [UInt16]
    let context: any ExpressionContext
    /// Notes what every node gave, when somebody wants to see it.
    let recorder: EvaluationRecorder?
    /// Whether values may be unknown, which is looked for only then.
    let hasUnknowns: Bool

    init(tree: SyntaxTree, units: [UInt16], context: any ExpressionContext, recorder: EvaluationRecorder?) {
        self.tree = tree
        self.units = units
        self.context = context
        self.recorder = recorder
        hasUnknowns = context.hasUnknowns
    }

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
                if hasUnknowns, let unknown = UnknownResult.value(function.name, values, text: source(node.range)) {
                    return unknown
                }
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
            if hasUnknowns {
                var values: [ExpressionValue] = []
                for part in parts { values.append(try evaluate(part)) }
                if values.contains(where: \.containsUnknown) { return UnknownResult.composed(values) }
                return .string(values.map(Conversion.text).joined())
            }
            var text = ""
            for part in parts { text += Conversion.text(try evaluate(part)) }
            return .string(text)
        }
    }

    /// A part of the text as written.
    func source(_ range: Range<Int>) -> String { String(decoding: units[range], as: UTF16.self) }

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
        if hasUnknowns, let unknown = condition.unknown, unknown.isPossibly("Boolean") {
            return eitherOf(arguments[1], arguments[2], range)
        }
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
        var isUnknown = false
        for argument in arguments {
            let value = try evaluate(argument)
            if hasUnknowns, let unknown = value.unknown, unknown.isPossibly("Boolean") {
                isUnknown = true
                continue
            }
            guard case .boolean(let isTrue) = value else {
                let call = FunctionCall(name: name, arguments: [value], services: context.services)
                throw located(call.wrongType(0, "a condition", "true or false"), range, [value])
            }
            if isTrue == stop { return .boolean(stop) }
        }
        return isUnknown ? .unknown(UnknownValue(source(range), type: "Boolean")) : .boolean(!stop)
    }

    /// What `if` gives when nobody knows which: both branches are looked at, and one may well fail.
    private func eitherOf(
        _ first: SyntaxTree.NodeID,
        _ second: SyntaxTree.NodeID,
        _ range: Range<Int>
    ) -> ExpressionValue {
        let values = [first, second].compactMap { branch in
            Result { () throws(ExpressionError) in try evaluate(branch) }.value
        }
        if values.count == 2, values[0] == values[1] { return values[0] }
        let types = values.map { $0.unknown.map(\.type) ?? $0.typeName }
        return .unknown(UnknownValue(source(range), type: types.count == 2 && types[0] == types[1] ? types[0] : nil))
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
        if hasUnknowns, value.unknown != nil { return .unknown(UnknownValue(source(range))) }
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

extension UnknownValue {
    /// Whether the value may turn out to be of this type.
    public func isPossibly(_ name: String) -> Bool { type == nil || type == name }
}

extension Result {
    /// The value; nil for a failure.
    fileprivate var value: Success? { if case .success(let value) = self { value } else { nil } }
}
