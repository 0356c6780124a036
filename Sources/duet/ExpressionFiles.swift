import DuetExpression
import DuetPipeline
import Foundation

/// Reads what `duet expression` works on, and words its answers.
enum ExpressionFiles {
    static func text(at path: String) throws -> String {
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw DuetError(
                .missingFile,
                "cannot read '\(path)'",
                hint: "check the path",
                cause: error.localizedDescription
            )
        }
    }

    static func state(at path: String) throws -> ExpressionState {
        let text = try text(at: path)
        do {
            return try ExpressionState(json: try ExpressionValue(json: text), services: .system)
        } catch {
            throw DuetError(
                .wrongValue,
                "'\(path)' is no state: \(error)",
                hint: "write a JSON object like {\"parameters\": {\"n\": 1}, \"variables\": {}}",
                at: SourceLocation(file: path)
            )
        }
    }

    /// The value, or the way to it as a tree; and whether it is an error.
    static func answer(_ text: String, in state: ExpressionState, valueOnly: Bool) -> (String, Bool) {
        do {
            let expression = try Expression(parsing: text)
            if valueOnly { return (try expression.evaluate(in: state).json, false) }
            let tree = expression.explain(in: state)
            if case .failure = tree.outcome { return (tree.rendered, true) }
            return (tree.rendered, false)
        } catch {
            return ("\(error)", true)
        }
    }
}
