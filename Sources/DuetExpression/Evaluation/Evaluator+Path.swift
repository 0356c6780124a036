extension Evaluator {
    /// Follows the selections after a call, one by one.
    ///
    /// This is a loop, not recursion, so that a chain of thousands of selections needs no deep stack.
    func evaluatePath(
        _ base: SyntaxTree.NodeID,
        _ shortcut: SyntaxTree.Shortcut?,
        _ segments: [SyntaxTree.Segment],
        _ range: Range<Int>
    ) throws(ExpressionError) -> ExpressionValue {
        var value: ExpressionValue
        var position = 0
        if let shortcut, let found = resolve(shortcut) {
            value = found
            position = shortcut.length
        } else {
            value = try evaluate(base)
        }
        while position < segments.count {
            let segment = segments[position]
            let part = range.lowerBound..<segment.end
            let isEnd = segment.isNullSafe && value.isNull
            let start = position > 0 ? segments[position - 1].end : tree.nodes[base].range.upperBound
            if hasUnknowns, let found = try unknownPart(of: value, segment, range, before: start) {
                value = found
                position += 1
                continue
            }
            switch segment.key {
            case .name(let name):
                value = try member(name, of: value, segment, part)
            case .computed(let node):
                value = try element(try evaluate(node), of: value, segment, part)
            }
            // A null-safe selection from null ends the chain: what follows is not even looked at.
            if isEnd { return .null }
            position += 1
        }
        return value
    }

    /// What is selected from an unknown value, or by one; nil when all of it is known.
    private func unknownPart(
        of value: ExpressionValue,
        _ segment: SyntaxTree.Segment,
        _ range: Range<Int>,
        before start: Int
    ) throws(ExpressionError) -> ExpressionValue? {
        guard let unknown = value.unknown else {
            guard case .computed(let node) = segment.key, try evaluate(node).unknown != nil else { return nil }
            return .unknown(UnknownValue(source(range.lowerBound..<segment.end)))
        }
        if case .name(let name) = segment.key, let known = unknown.members.value(ignoringCase: name) { return known }
        guard !unknown.isComposed else { return .unknown(UnknownValue(source(range.lowerBound..<segment.end))) }
        return .unknown(UnknownValue(unknown.text + source(start..<segment.end)))
    }

    private func resolve(_ shortcut: SyntaxTree.Shortcut) -> ExpressionValue? {
        switch shortcut {
        case .parameter(let name): context.parameter(named: name)
        case .globalParameter(let name): context.globalParameter(named: name)
        case .system(let name): context.systemVariable(named: name)
        }
    }

    private func element(
        _ key: ExpressionValue,
        of value: ExpressionValue,
        _ segment: SyntaxTree.Segment,
        _ range: Range<Int>
    ) throws(ExpressionError) -> ExpressionValue {
        switch (value, key) {
        case (_, .string(let name)):
            return try member(name, of: value, segment, range)
        case (.array(let values), .integer(let index)):
            if index >= 0, index < values.count { return values[Int(index)] }
            if segment.isNullSafe { return .null }
            let bounds = values.isEmpty ? "is empty" : "has the indexes 0 to \(values.count - 1)"
            throw located(
                Failure(.missing, "there is no element \(index): the array \(bounds)", hint: Self.nullSafeHint),
                range,
                [key]
            )
        case (.null, .integer) where segment.isNullSafe:
            return .null
        case (.object, _):
            throw located(Failure(.access, "an object is selected from by name, not by \(describe(key))"), range, [key])
        case (.array, _):
            throw located(
                Failure(.access, "an array is selected from by an integer, not by \(describe(key))"),
                range,
                [key]
            )
        default:
            throw noMembers(value, "[\(key.json)]", range)
        }
    }

    private func describe(_ value: ExpressionValue) -> String { FunctionCall.describe(value) }

    private static let nullSafeHint = "with '?' before the selection it gives null instead"

    private func member(
        _ name: String,
        of value: ExpressionValue,
        _ segment: SyntaxTree.Segment,
        _ range: Range<Int>
    ) throws(ExpressionError) -> ExpressionValue {
        switch value {
        case .object(let object):
            if let found = object.value(ignoringCase: name) { return found }
            if segment.isNullSafe { return .null }
            let hint = Suggestion.hint(for: name, among: object.names)
            throw located(Failure(.missing, missing(name, object), hint: hint ?? Self.nullSafeHint), range, [])
        case .null where segment.isNullSafe:
            return .null
        case .array:
            throw located(
                Failure(
                    .access,
                    "'\(name)' cannot be selected from an array",
                    hint: "take an element first, as in [0] or first()"
                ),
                range,
                []
            )
        default:
            throw noMembers(value, "'\(name)'", range)
        }
    }

    private func missing(_ name: String, _ object: ExpressionObject) -> String {
        if object.isEmpty { return "there is no '\(name)': the object is empty" }
        let names = object.names.prefix(20).map { "'\($0)'" }.joined(separator: ", ")
        return "there is no '\(name)'; there are \(names)\(object.count > 20 ? " and others" : "")"
    }

    private func noMembers(_ value: ExpressionValue, _ what: String, _ range: Range<Int>) -> ExpressionError {
        let hint = value.isNull ? Self.nullSafeHint : nil
        let kind = value.isNull ? "null" : describe(value)
        return located(Failure(.access, "\(what) cannot be selected from \(kind)", hint: hint), range, [value])
    }
}
