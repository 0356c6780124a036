internal import Synchronization

/// Remembers parsed expressions by their text, so that each is parsed once.
///
/// It can be shared between threads. When it is full it starts over: the texts of a pipeline are few.
public final class ExpressionCache: Sendable {
    private let parsed = Mutex<[ExactString: Expression]>([:])
    private let capacity: Int

    /// Makes an empty cache for up to `capacity` expressions.
    public init(capacity: Int = 10_000) { self.capacity = max(1, capacity) }

    /// The parsed form of a text.
    ///
    /// - Throws: ``ExpressionError`` if the text cannot be parsed; failures are not remembered.
    public func expression(_ text: String) throws(ExpressionError) -> Expression {
        let key = ExactString(text)
        if let known = parsed.withLock({ $0[key] }) { return known }
        let expression = try Expression(parsing: text)
        parsed.withLock { parsed in
            if parsed.count >= capacity { parsed.removeAll(keepingCapacity: true) }
            parsed[key] = expression
        }
        return expression
    }

    /// Parses, unless that was done before, and evaluates.
    ///
    /// - Throws: ``ExpressionError`` from parsing or evaluating.
    public func evaluate(_ text: String, in context: some ExpressionContext) throws(ExpressionError) -> ExpressionValue
    {
        try expression(text).evaluate(in: context)
    }
}
