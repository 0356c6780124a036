/// Why an expression could not be parsed or evaluated, and where.
public struct ExpressionError: Error, Sendable {
    /// What kind of fault it is.
    public let code: Code
    /// What is wrong, in words, with the real values.
    public let message: String
    /// The failing sub-expression, in UTF-16 offsets from the start of the text as it was written.
    public let position: Range<Int>
    /// The text of the failing sub-expression.
    public let subexpression: String
    /// The values that went into the failing step, in order; empty if it failed before it had any.
    public let inputs: [ExpressionValue]
    /// What to try instead.
    public let hint: String?
    /// Where in a JSON value the expression stands, such as `$.typeProperties.url`; nil outside a template.
    public internal(set) var jsonPath: String?

    init(
        _ code: Code,
        _ message: String,
        at position: Range<Int>,
        of subexpression: String,
        inputs: [ExpressionValue] = [],
        hint: String? = nil
    ) {
        self.code = code
        self.message = message
        self.position = position
        self.subexpression = subexpression
        self.inputs = inputs
        self.hint = hint
    }

    /// A stable name for a kind of fault.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The name, such as `EXPRESSION_SYNTAX`.
        public let description: String

        private init(_ description: String) { self.description = description }

        /// The text does not follow the grammar.
        public static let syntax = Code("EXPRESSION_SYNTAX")
        /// The text is longer than the language allows.
        public static let tooLong = Code("EXPRESSION_TOO_LONG")
        /// Calls or values are nested deeper than the evaluator allows.
        public static let tooDeep = Code("EXPRESSION_TOO_DEEP")
        /// No function has this name.
        public static let unknownFunction = Code("EXPRESSION_UNKNOWN_FUNCTION")
        /// A function got too few or too many arguments.
        public static let argumentCount = Code("EXPRESSION_ARGUMENT_COUNT")
        /// A value has a type that does not fit.
        public static let type = Code("EXPRESSION_TYPE")
        /// A value cannot be read as the wanted type.
        public static let conversion = Code("EXPRESSION_CONVERSION")
        /// A number lies outside what the function takes.
        public static let range = Code("EXPRESSION_RANGE")
        /// A result does not fit into 64 bits or into the calendar.
        public static let overflow = Code("EXPRESSION_OVERFLOW")
        /// The divisor is zero.
        public static let divideByZero = Code("EXPRESSION_DIVIDE_BY_ZERO")
        /// A property, index, parameter, variable or activity does not exist.
        public static let missing = Code("EXPRESSION_MISSING")
        /// Something was selected from a value that has no members.
        public static let access = Code("EXPRESSION_ACCESS")
        /// A text is not a date.
        public static let date = Code("EXPRESSION_DATE")
        /// No time zone has this name.
        public static let timeZone = Code("EXPRESSION_TIME_ZONE")
        /// A format string is malformed.
        public static let format = Code("EXPRESSION_FORMAT")
        /// A time unit is unknown.
        public static let unit = Code("EXPRESSION_UNIT")
        /// An XPath expression is malformed or gives nothing that can be returned.
        public static let xpath = Code("EXPRESSION_XPATH")
        /// A line of a batch is not of the expected form.
        public static let badInput = Code("EXPRESSION_BAD_INPUT")
    }
}

extension ExpressionError: CustomStringConvertible {
    /// The message, the sub-expression with its place, and the hint.
    public var description: String {
        var text = "error[\(code)]: \(message)"
        if !subexpression.isEmpty { text += "\n    in: \(subexpression)" }
        text += " (characters \(position.lowerBound) to \(position.upperBound))"
        if let jsonPath { text += "\n    at: \(jsonPath)" }
        if !inputs.isEmpty { text += "\n    inputs: \(inputs.map(\.json).joined(separator: ", "))" }
        if let hint { text += "\n  hint: \(hint)" }
        return text
    }
}

/// A fault found by a function, which does not know where in the text it was called.
struct Failure: Error {
    let code: ExpressionError.Code
    let message: String
    let hint: String?

    init(_ code: ExpressionError.Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }
}
