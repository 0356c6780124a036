/// Evaluates lines of JSON, one expression with its state a line.
///
/// A line is an object with `id`, `expression` and `state`, the last one optional.
public struct BatchEvaluator: Sendable {
    private let services: ExpressionServices

    /// Makes an evaluator that takes clock, chance and identifiers from `services`.
    public init(services: ExpressionServices = .system) { self.services = services }

    /// The answer to one line, as one line without a line break.
    ///
    /// It is `{"id": …, "result": …}`, or `{"id": …, "error": true, "message": …}` if the expression failed or the
    /// line is not of the expected form; numbers keep their types.
    public func answer(_ line: String) -> String {
        var id = ExpressionValue.null
        do throws(ExpressionError) {
            let input: ExpressionValue
            do throws(JSONError) {
                input = try ExpressionValue(json: line)
            } catch {
                throw Self.bad("the line is not JSON: \(error)")
            }
            guard case .object(let object) = input else { throw Self.bad("the line is not an object") }
            id = object["id"] ?? .null
            guard case .string(let text)? = object["expression"] else { throw Self.bad("'expression' is not text") }
            let state = try ExpressionState(json: object["state"] ?? .object(ExpressionObject()), services: services)
            let result = try Expression(parsing: text).evaluate(in: state)
            return ExpressionValue.object(["id": id, "result": result]).json
        } catch {
            return ExpressionValue.object(["id": id, "error": true, "message": .string(Self.message(error))]).json
        }
    }

    private static func bad(_ message: String) -> ExpressionError {
        ExpressionError(.badInput, message, at: 0..<0, of: "")
    }

    private static func message(_ error: ExpressionError) -> String {
        var message = error.message
        if !error.subexpression.isEmpty { message += " in \(error.subexpression)" }
        if let hint = error.hint { message += " (\(hint))" }
        return message
    }
}
