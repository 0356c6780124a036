internal import DuetExpression
internal import DuetPipeline

/// What the expressions of an ARM template can read, and what they give.
///
/// A deployment's own values are not known here; where one is missing, text carries `{name}` in its place, the same
/// wherever it is used, so that a reference still finds what it names.
struct TemplateScope {
    /// What an expression gives.
    enum Outcome {
        case value(ExpressionValue)
        /// Text with `{…}` for its parts that only a deployment knows.
        case text(String)
        /// Something only a deployment knows; what to show in its place.
        case unknown(String)

        /// The value as text, with `{…}` for what is unknown.
        var text: String {
            switch self {
            case .value(.string(let text)): text
            case .value(let value): value.json
            case .text(let text): text
            case .unknown(let name): "{\(name)}"
            }
        }
    }

    private var parameters: [String: JSONNode] = [:]
    private var variables: [String: JSONNode] = [:]
    private static let deepest = 32

    /// The scope of a template.
    ///
    /// - Parameters:
    ///   - template: The object with `parameters` and `variables`.
    ///   - given: Values handed to it, which count before its defaults.
    init(_ template: JSONNode, given: [String: JSONNode] = [:]) {
        for member in template["parameters"]?.members ?? [] {
            parameters[member.name.lowercased()] = member.value["defaultValue"]
        }
        parameters.merge(given) { _, given in given }
        for member in template["variables"]?.members ?? [] { variables[member.name.lowercased()] = member.value }
    }

    /// The value with every template expression in it replaced by what it gives; what is unknown stays as written,
    /// except in a name, where it becomes text.
    func resolved(_ node: JSONNode, isName: Bool = false) -> JSONNode { resolved(node, isName: isName, depth: 0) }

    private func resolved(_ node: JSONNode, isName: Bool, depth: Int) -> JSONNode {
        switch node.kind {
        case .string(let text) where text.hasPrefix("[["):
            return JSONNode(JSONNode.Kind.string(String(text.dropFirst())), at: node.offset)
        case .string(let text) where text.hasPrefix("[") && text.hasSuffix("]"):
            guard let tree = TemplateExpression(parsing: text[...].dropFirst().dropLast()) else { return node }
            switch value(of: tree, depth: depth) {
            case .value(let value): return JSONNode(copying: value, at: node.offset)
            case .text(let text): return JSONNode(JSONNode.Kind.string(text), at: node.offset)
            case .unknown(let name): return isName ? JSONNode(JSONNode.Kind.string("{\(name)}"), at: node.offset) : node
            }
        case .array(let elements):
            return JSONNode(
                JSONNode.Kind.array(elements.map { resolved($0, isName: false, depth: depth) }),
                at: node.offset
            )
        case .object(let members):
            let resolvedMembers = members.map { member in
                let name = member.name.lowercased()
                return JSONNode.Member(
                    name: member.name,
                    offset: member.offset,
                    value: resolved(member.value, isName: name == "referencename" || name == "name", depth: depth)
                )
            }
            return JSONNode(JSONNode.Kind.object(resolvedMembers), at: node.offset)
        default: return node
        }
    }

    private func value(of tree: TemplateExpression, depth: Int) -> Outcome {
        guard depth < Self.deepest else { return .unknown("nested too deep") }
        switch tree {
        case .literal(let value): return .value(value)
        case .member(let base, let name):
            guard case .value(let value) = self.value(of: base, depth: depth + 1) else {
                return .unknown(tree.shown)
            }
            return value.objectValue?.value(ignoringCase: name).map { .value($0) } ?? .unknown(tree.shown)
        case .index(let base, let index):
            guard case .value(let value) = self.value(of: base, depth: depth + 1),
                case .value(let key) = self.value(of: index, depth: depth + 1)
            else { return .unknown(tree.shown) }
            if case .integer(let number) = key, let elements = value.arrayValue, elements.indices.contains(Int(number))
            {
                return .value(elements[Int(number)])
            }
            if let name = key.stringValue, let found = value.objectValue?.value(ignoringCase: name) {
                return .value(found)
            }
            return .unknown(tree.shown)
        case .call(let name, let arguments): return call(name, arguments, tree, depth: depth)
        }
    }

    private func call(
        _ name: String,
        _ arguments: [TemplateExpression],
        _ tree: TemplateExpression,
        depth: Int
    ) -> Outcome {
        switch name {
        case "parameters", "variables":
            guard case .literal(.string(let key))? = arguments.first,
                let node = (name == "parameters" ? parameters : variables)[key.lowercased()]
            else { return .unknown(tree.shown) }
            return outcome(of: resolved(node, isName: false, depth: depth + 1), tree)
        case "if":
            guard arguments.count == 3, case .value(.boolean(let isTrue)) = value(of: arguments[0], depth: depth + 1)
            else { return .unknown(tree.shown) }
            return value(of: arguments[isTrue ? 1 : 2], depth: depth + 1)
        case "null": return .value(.null)
        default: break
        }
        let outcomes = arguments.map { value(of: $0, depth: depth + 1) }
        var values: [ExpressionValue] = []
        for case .value(let value) in outcomes { values.append(value) }
        let isKnown = values.count == outcomes.count
        switch name {
        case "concat" where !isKnown: return .text(outcomes.map(\.text).joined())
        case "format":
            let text = Self.formatted(outcomes.map(\.text))
            return isKnown ? .value(.string(text)) : .text(text)
        case "createobject" where isKnown && values.count % 2 == 0:
            let members = stride(from: 0, to: values.count, by: 2).map {
                (values[$0].stringValue ?? "", values[$0 + 1])
            }
            return .value(.object(ExpressionObject(members)))
        default:
            guard isKnown, let value = Self.function(name, values) else { return .unknown(tree.shown) }
            return .value(value)
        }
    }

    private func outcome(of node: JSONNode, _ tree: TemplateExpression) -> Outcome {
        // What could not be resolved stands there as written.
        if let text = node.string, text.hasPrefix("["), text.hasSuffix("]") { return .unknown(tree.shown) }
        return .value(node.expressionValue)
    }

    /// Functions that the two languages share are evaluated by the expression language of pipelines.
    private static func function(_ name: String, _ values: [ExpressionValue]) -> ExpressionValue? {
        guard Expression.functionNames.contains(where: { $0.lowercased() == name }) else { return nil }
        let arguments = values.indices.map { "item()[\($0)]" }.joined(separator: ", ")
        let text = "@\(name)(\(arguments))"
        guard case .success(let expression) = Result(catching: { try Expression(parsing: text) }),
            case .success(let value) = Result(catching: { try expression.evaluate(in: Arguments(values)) })
        else { return nil }
        return value
    }

    /// `{0}`, `{1}` … of the first text replaced by the others; two braces stand for one.
    private static func formatted(_ texts: [String]) -> String {
        var result = ""
        var rest = (texts.first ?? "")[...]
        while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            result += rest[..<brace]
            let tail = rest[rest.index(after: brace)...]
            let number = tail.prefix { $0.isNumber }
            let after = tail[number.endIndex...]
            if tail.first == rest[brace] {
                result.append(rest[brace])
                rest = tail.dropFirst()
            } else if rest[brace] == "{", let place = Int(number), texts.indices.contains(place + 1),
                after.first == "}"
            {
                result += texts[place + 1]
                rest = after.dropFirst()
            } else {
                result.append(rest[brace])
                rest = tail
            }
        }
        return result + rest
    }

    private struct Arguments: ExpressionContext {
        let item: ExpressionValue?
        var services: ExpressionServices { .system }
        init(_ values: [ExpressionValue]) { item = .array(values) }
    }
}

/// An expression of an ARM template, parsed.
indirect enum TemplateExpression {
    case literal(ExpressionValue)
    case call(String, [TemplateExpression])
    case member(TemplateExpression, String)
    case index(TemplateExpression, TemplateExpression)

    /// Nil for text that is no expression of the language.
    init?(parsing text: Substring) {
        var parser = Parser(rest: text)
        guard let tree = parser.expression(depth: 0), parser.isAtEnd else { return nil }
        self = tree
    }

    /// What stands for it where its value is not known; without slashes, which separate names.
    var shown: String {
        switch self {
        case .literal(.string(let text)): text.replacing("/", with: "_")
        case .literal(let value): value.json
        case .call(let name, let arguments):
            if ["parameters", "variables"].contains(name), let first = arguments.first {
                first.shown
            } else {
                "\(name)(\(arguments.map(\.shown).joined(separator: ",")))"
            }
        case .member(let base, let name): "\(base.shown).\(name)"
        case .index(let base, let index): "\(base.shown).\(index.shown)"
        }
    }

    private struct Parser {
        var rest: Substring
        private static let deepest = 64

        init(rest: Substring) { self.rest = rest }

        var isAtEnd: Bool {
            mutating get {
                skipSpace()
                return rest.isEmpty
            }
        }

        mutating func expression(depth: Int) -> TemplateExpression? {
            guard depth < Self.deepest, var tree = primary(depth: depth) else { return nil }
            while true {
                if take(".") {
                    guard let name = word() else { return nil }
                    tree = .member(tree, name)
                } else if take("[") {
                    guard let index = expression(depth: depth + 1), take("]") else { return nil }
                    tree = .index(tree, index)
                } else {
                    return tree
                }
            }
        }

        private mutating func primary(depth: Int) -> TemplateExpression? {
            skipSpace()
            guard let first = rest.first else { return nil }
            if first == "'" { return string() }
            if first.isNumber || first == "-" {
                let text = rest.prefix { $0.isNumber || $0 == "-" }
                rest = rest[text.endIndex...]
                return Int64(text).map { .literal(.integer($0)) }
            }
            guard let name = word() else { return nil }
            guard take("(") else { return nil }
            var arguments: [TemplateExpression] = []
            if take(")") { return .call(name.lowercased(), []) }
            while true {
                guard let argument = expression(depth: depth + 1) else { return nil }
                arguments.append(argument)
                if take(")") { break }
                guard take(",") else { return nil }
            }
            switch (name.lowercased(), arguments.isEmpty) {
            case ("true", true): return .literal(true)
            case ("false", true): return .literal(false)
            default: return .call(name.lowercased(), arguments)
            }
        }

        /// Text in single quotes, of which two stand for one.
        private mutating func string() -> TemplateExpression? {
            rest = rest.dropFirst()
            var text = ""
            while let quote = rest.firstIndex(of: "'") {
                text += rest[..<quote]
                rest = rest[rest.index(after: quote)...]
                guard rest.first == "'" else { return .literal(.string(text)) }
                text += "'"
                rest = rest.dropFirst()
            }
            return nil
        }

        private mutating func word() -> String? {
            skipSpace()
            let text = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "$" || $0 == "-" }
            rest = rest[text.endIndex...]
            return text.isEmpty ? nil : String(text)
        }

        private mutating func take(_ character: Character) -> Bool {
            skipSpace()
            guard rest.first == character else { return false }
            rest = rest.dropFirst()
            return true
        }

        private mutating func skipSpace() { rest = rest.drop(while: \.isWhitespace) }
    }
}

extension JSONNode {
    /// A value without places of its own.
    init(copying value: ExpressionValue, at offset: Int) {
        let kind: Kind =
            switch value {
            case .null: .null
            case .boolean(let value): .boolean(value)
            case .integer(let value): .integer(value)
            case .float(let value): .float(value)
            case .string(let value): .string(value)
            case .array(let values): .array(values.map { JSONNode(copying: $0, at: offset) })
            case .object(let object):
                .object(
                    zip(object.names, object.values).map { name, value in
                        Member(name: name, offset: offset, value: JSONNode(copying: value, at: offset))
                    }
                )
            }
        self.init(kind, at: offset)
    }
}
