/// The function library of XPath 1.0.
extension XPathEvaluator {
    private static let counts: [String: ClosedRange<Int>] = [
        "last": 0...0, "position": 0...0, "count": 1...1, "local-name": 0...1, "namespace-uri": 0...1, "name": 0...1,
        "string": 0...1, "concat": 2...Int.max, "starts-with": 2...2, "contains": 2...2, "substring-before": 2...2,
        "substring-after": 2...2, "substring": 2...3, "string-length": 0...1, "normalize-space": 0...1,
        "translate": 3...3, "boolean": 1...1, "not": 1...1, "true": 0...0, "false": 0...0, "lang": 1...1,
        "number": 0...1, "sum": 1...1, "floor": 1...1, "ceiling": 1...1, "round": 1...1,
    ]

    /// Refuses unknown functions, wrong numbers of arguments, and plain values where nodes are needed.
    static func check(_ name: String, _ arguments: [XPathExpression]) throws(XMLFault) {
        guard let count = counts[name] else { throw XMLFault(message: "there is no function '\(name)'") }
        guard count.contains(arguments.count) else {
            throw XMLFault(message: "'\(name)' got \(arguments.count) arguments")
        }
        guard ["count", "sum", "local-name", "namespace-uri", "name"].contains(name) else { return }
        for argument in arguments {
            switch argument {
            case .path, .union: continue
            default: throw XMLFault(message: "'\(name)' takes a set of nodes")
            }
        }
    }

    func call(_ name: String, _ arguments: [XPathExpression], _ context: Context) throws(XMLFault) -> XPathValue {
        switch name {
        case "last": return .number(Double(context.size))
        case "position": return .number(Double(context.position))
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        default: break
        }
        var values: [XPathValue] = []
        for argument in arguments { values.append(try evaluate(argument, context)) }
        let subject = values.first ?? .nodes([context.node])
        if case .nodes(let nodes) = subject, let result = onNodes(name, nodes) { return result }
        let texts = values.map { string($0) }
        switch name {
        case "string": return .string(string(subject))
        case "boolean": return .boolean(boolean(subject))
        case "not": return .boolean(!boolean(subject))
        case "number": return .number(number(subject))
        case "floor": return .number(number(subject).rounded(.down))
        case "ceiling": return .number(number(subject).rounded(.up))
        case "round": return .number(Self.round(number(subject)))
        case "string-length": return .number(Double(string(subject).utf16.count))
        case "normalize-space":
            let words = string(subject).split { $0 == " " || $0 == "\t" || $0.isNewline }
            return .string(words.joined(separator: " "))
        case "lang": return .boolean(isLanguage(texts[0], context.node))
        default: return onTexts(name, texts, values)
        }
    }

    private func onNodes(_ name: String, _ nodes: [XPathNode]) -> XPathValue? {
        switch name {
        case "count": .number(Double(nodes.count))
        case "sum": .number(nodes.reduce(0) { $0 + Self.number(string($1)) })
        case "name": .string(nodes.first.map { self.name($0) } ?? "")
        case "local-name": .string(nodes.first.map { XMLTree.localName(self.name($0)) } ?? "")
        case "namespace-uri": .string(nodes.first.map { namespaceURI($0) } ?? "")
        default: nil
        }
    }

    private func onTexts(_ name: String, _ texts: [String], _ values: [XPathValue]) -> XPathValue {
        switch name {
        case "concat": return .string(texts.joined())
        case "starts-with": return .boolean(texts[0].utf8.starts(with: texts[1].utf8))
        case "contains": return .boolean(StringFunctions.contains(texts[0], texts[1]))
        case "substring-before", "substring-after":
            let parts = texts[1].isEmpty ? [] : StringFunctions.parts(texts[0], texts[1])
            guard parts.count > 1 else { return .string(name == "substring-after" && texts[1].isEmpty ? texts[0] : "") }
            if name == "substring-before" { return .string(parts[0]) }
            return .string(parts.dropFirst().joined(separator: texts[1]))
        case "substring": return .string(substring(texts[0], values))
        default: return .string(translate(texts[0], texts[1], texts[2]))
        }
    }

    private func substring(_ text: String, _ values: [XPathValue]) -> String {
        let count = text.utf16.count
        let start = Self.round(number(values[1]))
        let end = values.count > 2 ? start + Self.round(number(values[2])) : .infinity
        // Positions count from 1, and a comparison with NaN is never true.
        let kept = (0..<count).filter { Double($0 + 1) >= start && Double($0 + 1) < end }
        guard let first = kept.first, let last = kept.last else { return "" }
        return text.utf16Slice(first..<last + 1)
    }

    private func translate(_ text: String, _ from: String, _ to: String) -> String {
        let targets = Array(to.unicodeScalars)
        var map: [Unicode.Scalar: Unicode.Scalar?] = [:]
        for (index, scalar) in from.unicodeScalars.enumerated() where map[scalar] == nil {
            map.updateValue(index < targets.count ? targets[index] : nil, forKey: scalar)
        }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if let target = map[scalar] {
                if let target { result.append(target) }
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    /// Rounds halves up, and keeps the sign of what becomes zero.
    private static func round(_ number: Double) -> Double {
        if number >= -0.5, number < 0 { return -0.0 }
        return (number + 0.5).rounded(.down)
    }

    private func isLanguage(_ language: String, _ node: XPathNode) -> Bool {
        var current: XMLTree.NodeID
        switch node {
        case .tree(let id), .attribute(let id, _), .namespace(let id, _): current = id
        }
        while current > 0 {
            if let attribute = tree.nodes[current].attributes.last(where: { $0.name == "xml:lang" }) {
                let actual = CaseMapping.lower(attribute.value)
                let wanted = CaseMapping.lower(language)
                return actual == wanted || actual.hasPrefix(wanted + "-")
            }
            current = tree.nodes[current].parent
        }
        return false
    }
}
