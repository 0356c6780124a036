/// A JSON value of a pipeline with every expression in it parsed.
///
/// Expressions are strings that start with `@` or hold `@{…}`, and objects of the form
/// `{"value": "@…", "type": "Expression"}`, which stand for the value of what they hold.
public struct ExpressionTemplate: Sendable {
    private indirect enum Node: Sendable {
        case constant(ExpressionValue)
        case expression(Expression, path: String)
        case array([Node])
        case object([(name: String, node: Node)])
    }

    private let root: Node
    private static let depthLimit = 500

    /// Parses every expression in a value.
    ///
    /// - Throws: the ``ExpressionError`` of the first expression that cannot be parsed, with its
    ///   ``ExpressionError/jsonPath``.
    public init(parsing value: ExpressionValue) throws(ExpressionError) {
        root = try Self.parse(value, path: "$", depth: 0)
    }

    private static func parse(_ value: ExpressionValue, path: String, depth: Int) throws(ExpressionError) -> Node {
        guard depth < depthLimit else {
            throw ExpressionError(.tooDeep, "the value is nested more than \(depthLimit) deep", at: 0..<0, of: "")
        }
        switch value {
        case .string(let text):
            guard TemplateScanner.needsEvaluation(text) else { return .constant(value) }
            do {
                return .expression(try Expression(parsing: text), path: path)
            } catch {
                throw located(error, path)
            }
        case .array(let values):
            var nodes: [Node] = []
            for (index, value) in values.enumerated() {
                nodes.append(try parse(value, path: "\(path)[\(index)]", depth: depth + 1))
            }
            return isConstant(nodes) ? .constant(value) : .array(nodes)
        case .object(let object):
            if let text = expressionText(object) { return try parse(.string(text), path: path, depth: depth + 1) }
            var members: [(name: String, node: Node)] = []
            for (name, value) in zip(object.names, object.values) {
                members.append((name, try parse(value, path: "\(path).\(name)", depth: depth + 1)))
            }
            return isConstant(members.map(\.node)) ? .constant(value) : .object(members)
        default: return .constant(value)
        }
    }

    private static func located(_ error: ExpressionError, _ path: String) -> ExpressionError {
        var error = error
        error.jsonPath = path
        return error
    }

    private static func isConstant(_ nodes: [Node]) -> Bool {
        nodes.allSatisfy { if case .constant = $0 { true } else { false } }
    }

    /// The text of an object that stands for an expression.
    private static func expressionText(_ object: ExpressionObject) -> String? {
        guard object.count == 2, case .string(let type)? = object.value(ignoringCase: "type"),
            type.isSameIgnoringCase("Expression"), case .string(let text)? = object.value(ignoringCase: "value")
        else { return nil }
        return text
    }

    /// Every expression in the value, in the order it stands there, with its JSON path.
    public var expressions: [(path: String, expression: Expression)] { Self.expressions(root) }

    private static func expressions(_ node: Node) -> [(path: String, expression: Expression)] {
        switch node {
        case .constant: []
        case .expression(let expression, let path): [(path, expression)]
        case .array(let nodes): nodes.flatMap { expressions($0) }
        case .object(let members): members.flatMap { expressions($0.node) }
        }
    }

    /// The value with every expression replaced by what it gives.
    ///
    /// - Throws: the ``ExpressionError`` of the first expression that fails, with its ``ExpressionError/jsonPath``.
    public func evaluate(in context: some ExpressionContext) throws(ExpressionError) -> ExpressionValue {
        try Self.evaluate(root, context)
    }

    private static func evaluate(
        _ node: Node,
        _ context: some ExpressionContext
    ) throws(ExpressionError)
        -> ExpressionValue
    {
        switch node {
        case .constant(let value): return value
        case .expression(let expression, let path):
            do {
                return try expression.evaluate(in: context)
            } catch {
                throw located(error, path)
            }
        case .array(let nodes):
            var values: [ExpressionValue] = []
            for node in nodes { values.append(try evaluate(node, context)) }
            return .array(values)
        case .object(let members):
            var object = ExpressionObject()
            for member in members { object[member.name] = try evaluate(member.node, context) }
            return .object(object)
        }
    }
}

/// Evaluates every expression inside a JSON value of a pipeline.
///
/// - Throws: the ``ExpressionError`` of the first expression that fails, with its ``ExpressionError/jsonPath``.
public func evaluateTemplate(
    _ value: ExpressionValue,
    in context: some ExpressionContext
) throws(ExpressionError) -> ExpressionValue {
    try ExpressionTemplate(parsing: value).evaluate(in: context)
}
