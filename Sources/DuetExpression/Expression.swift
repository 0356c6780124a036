/// A parsed string of a pipeline: an expression, text with expressions in it, or plain text.
///
/// Parsing looks at the whole text, evaluating only at what is needed. A value is immutable and can be evaluated many
/// times, from several threads.
public struct Expression: Sendable {
    /// The string as it stands in the pipeline.
    public let text: String
    /// Everything outside the expression that it reads, in the order written.
    public let references: [ExpressionReference]
    private let tree: SyntaxTree
    private let units: [UInt16]

    /// The most characters (UTF-16 code units) of one expression: what stands after `@`, or between the braces.
    ///
    /// Text around expressions does not count.
    public static let lengthLimit = 8_192

    /// The names of all functions, as documented, in alphabetical order.
    public static var functionNames: [String] { FunctionTable.names }

    /// Parses a string as it stands in a pipeline.
    ///
    /// It is an expression if it starts with `@`, text with expressions in it if it holds `@{…}`, else plain text. An
    /// unknown function or a wrong number of arguments is found only when the call is evaluated.
    ///
    /// - Throws: ``ExpressionError`` with ``ExpressionError/Code/syntax``, ``ExpressionError/Code/tooLong`` or
    ///   ``ExpressionError/Code/tooDeep``.
    public init(parsing text: String) throws(ExpressionError) {
        self.text = text
        var tree = SyntaxTree()
        guard TemplateScanner.needsEvaluation(text) else {
            tree.root = tree.add(.literal(.string(text)), 0..<text.utf16.count)
            self.tree = tree
            units = []
            references = []
            return
        }
        let units = Array(text.utf16)
        var references: [ExpressionReference] = []
        switch try TemplateScanner.scan(units) {
        case .plain(let plain):
            tree.root = tree.add(.literal(.string(plain)), 0..<units.count)
        case .expression(let range):
            try Self.checkLength(range, units)
            tree.root = try Parser.parse(units, range, into: &tree, &references)
        case .parts(let parts):
            var nodes: [SyntaxTree.NodeID] = []
            for part in parts {
                switch part {
                case .text(let text): nodes.append(tree.add(.literal(.string(text)), 0..<0))
                case .expression(let range):
                    try Self.checkLength(range, units)
                    nodes.append(try Parser.parse(units, range, into: &tree, &references))
                }
            }
            tree.root = tree.add(.interpolation(nodes), 0..<units.count)
        }
        self.tree = tree
        self.units = units
        self.references = references
    }

    private static func checkLength(_ range: Range<Int>, _ units: [UInt16]) throws(ExpressionError) {
        guard range.count > lengthLimit else { return }
        throw ExpressionError(
            .tooLong,
            "the expression has \(range.count) characters, more than the limit of \(lengthLimit)",
            at: range,
            of: String(decoding: units[range.lowerBound..<range.lowerBound + 100], as: UTF16.self) + "…",
            hint: "move parts of it into variables"
        )
    }

    /// The text itself, if it holds no expression and evaluating it cannot fail; else nil.
    public var plainText: String? {
        if case .literal(.string(let plain)) = tree.nodes[tree.root].kind, !text.hasPrefix("@'") { plain } else { nil }
    }

    /// The value in these surroundings.
    ///
    /// - Throws: ``ExpressionError`` with the failing sub-expression and its inputs.
    public func evaluate(in context: some ExpressionContext) throws(ExpressionError) -> ExpressionValue {
        try Evaluator(tree: tree, units: units, context: context, recorder: nil).evaluate(tree.root)
    }

    /// How the value comes about, or why there is none.
    public func explain(in context: some ExpressionContext) -> EvaluationTree {
        let recorder = EvaluationRecorder()
        let evaluator = Evaluator(tree: tree, units: Array(text.utf16), context: context, recorder: recorder)
        // A failure is part of the explanation, and the recorder has it.
        _ = Result { () throws(ExpressionError) in try evaluator.evaluate(tree.root) }
        return recorder.tree(tree.root, tree, Array(text.utf16))
    }
}
