/// Conversions and comparisons between the four types of XPath.
extension XPathEvaluator {
    func boolean(_ value: XPathValue) -> Bool {
        switch value {
        case .boolean(let value): value
        case .number(let number): number != 0 && !number.isNaN
        case .string(let string): !string.isEmpty
        case .nodes(let nodes): !nodes.isEmpty
        }
    }

    func number(_ value: XPathValue) -> Double {
        switch value {
        case .boolean(let value): value ? 1 : 0
        case .number(let number): number
        case .string(let string): Self.number(string)
        case .nodes: Self.number(string(value))
        }
    }

    static func number(_ text: String) -> Double {
        let trimmed = Whitespace.trim(text)
        // The language of paths knows neither exponents nor commas nor a plus.
        let isPlain = trimmed.utf8.enumerated().allSatisfy { position, byte in
            (byte >= 0x30 && byte <= 0x39) || byte == 0x2E || (byte == 0x2D && position == 0)
        }
        return isPlain ? NumberText.parse(trimmed) ?? .nan : .nan
    }

    func string(_ value: XPathValue) -> String {
        switch value {
        case .boolean(let value): value ? "true" : "false"
        case .number(let number): NumberText.text(number)
        case .string(let string): string
        case .nodes(let nodes): nodes.first.map { string($0) } ?? ""
        }
    }

    func compare(_ comparison: XPathExpression.Comparison, _ left: XPathValue, _ right: XPathValue) -> Bool {
        switch (left, right) {
        case (.nodes(let a), .nodes(let b)):
            let texts = b.map { string($0) }
            return a.contains { node in
                let text = string(node)
                return texts.contains { compare(comparison, .string(text), .string($0)) }
            }
        case (.nodes(let nodes), .boolean), (.boolean, .nodes(let nodes)):
            let isLeft = if case .nodes = left { true } else { false }
            let truth = XPathValue.boolean(!nodes.isEmpty)
            return isLeft ? compareSimple(comparison, truth, right) : compareSimple(comparison, left, truth)
        case (.nodes(let nodes), _):
            return nodes.contains { compareSimple(comparison, convert(string($0), like: right), right) }
        case (_, .nodes(let nodes)):
            return nodes.contains { compareSimple(comparison, left, convert(string($0), like: left)) }
        default: return compareSimple(comparison, left, right)
        }
    }

    private func convert(_ text: String, like other: XPathValue) -> XPathValue {
        if case .number = other { .number(Self.number(text)) } else { .string(text) }
    }

    private func compareSimple(
        _ comparison: XPathExpression.Comparison,
        _ left: XPathValue,
        _ right: XPathValue
    ) -> Bool {
        switch comparison {
        case .equal: return areEqual(left, right)
        case .notEqual:
            if case .string(let a) = left, case .string(let b) = right { return !a.isExactly(b) }
            if case .boolean = left { return boolean(left) != boolean(right) }
            if case .boolean = right { return boolean(left) != boolean(right) }
            return number(left) != number(right)
        case .less: return number(left) < number(right)
        case .lessOrEqual: return number(left) <= number(right)
        case .greater: return number(left) > number(right)
        case .greaterOrEqual: return number(left) >= number(right)
        }
    }

    private func areEqual(_ left: XPathValue, _ right: XPathValue) -> Bool {
        switch (left, right) {
        case (.boolean, _), (_, .boolean): boolean(left) == boolean(right)
        case (.number, _), (_, .number): number(left) == number(right)
        default: string(left).isExactly(string(right))
        }
    }
}
