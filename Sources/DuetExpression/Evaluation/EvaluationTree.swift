/// How an expression came to its result: each sub-expression with what it gave.
public struct EvaluationTree: Sendable {
    /// What became of a sub-expression.
    public enum Outcome: Sendable {
        /// It gave a value.
        case value(ExpressionValue)
        /// It failed.
        case failure(ExpressionError)
        /// It was not needed and was not evaluated.
        case skipped
    }

    /// The sub-expression as written.
    public let text: String
    /// Where it stands, in UTF-16 offsets from the start of the whole text.
    public let range: Range<Int>
    /// What became of it.
    public let outcome: Outcome
    /// The sub-expressions it is made of, in the order written.
    public let children: [EvaluationTree]

    /// The tree as indented lines, one a sub-expression.
    public var rendered: String { lines(indent: "").joined(separator: "\n") }

    private func lines(indent: String) -> [String] {
        let result =
            switch outcome {
            case .value(let value): "= " + value.json
            case .failure(let error): "✗ " + error.message
            case .skipped: "(skipped)"
            }
        return ["\(indent)\(text)  \(result)"] + children.flatMap { $0.lines(indent: indent + "  ") }
    }
}

/// Collects what the nodes of one evaluation gave.
///
/// A class, because the evaluator is passed around by value while all of it writes to one place.
final class EvaluationRecorder {
    var outcomes: [SyntaxTree.NodeID: EvaluationTree.Outcome] = [:]

    func tree(_ id: SyntaxTree.NodeID, _ tree: SyntaxTree, _ units: [UInt16]) -> EvaluationTree {
        let node = tree.nodes[id]
        var children: [EvaluationTree] = []
        switch node.kind {
        case .literal: break
        case .call(_, _, let arguments), .brokenCall(_, let arguments), .root(_, let arguments),
            .interpolation(let arguments):
            children = arguments.map { self.tree($0, tree, units) }
        case .path(let base, _, let segments):
            // A shortcut never evaluates its base, and showing it as skipped would only confuse.
            if outcomes[base] != nil { children.append(self.tree(base, tree, units)) }
            for case .computed(let key) in segments.map(\.key) { children.append(self.tree(key, tree, units)) }
        }
        return EvaluationTree(
            text: String(decoding: units[node.range], as: UTF16.self),
            range: node.range,
            outcome: outcomes[id] ?? .skipped,
            children: children
        )
    }
}
