/// One function of the language.
struct Function: Sendable {
    enum Body: Sendable {
        /// Gets the values of its arguments.
        case strict(@Sendable (FunctionCall) throws(Failure) -> ExpressionValue)
        /// Decides itself which arguments are evaluated.
        case choose
        case allOf
        case anyOf
        case firstPresent
    }

    /// The name as documented.
    let name: String
    let count: ClosedRange<Int>
    let body: Body

    init(
        _ name: String,
        _ count: ClosedRange<Int>,
        _ body: @escaping @Sendable (FunctionCall) throws(Failure) -> ExpressionValue
    ) {
        self.name = name
        self.count = count
        self.body = .strict(body)
    }

    init(_ name: String, _ count: ClosedRange<Int>, lazy body: Body) {
        self.name = name
        self.count = count
        self.body = body
    }
}

/// A call of a function with the values of its arguments.
struct FunctionCall {
    let name: String
    let arguments: [ExpressionValue]
    let services: ExpressionServices

    /// How many arguments there are.
    var count: Int { arguments.count }

    subscript(position: Int) -> ExpressionValue { arguments[position] }

    func failure(_ code: ExpressionError.Code, _ message: String, hint: String? = nil) -> Failure {
        Failure(code, "'\(name)' \(message)", hint: hint)
    }

    /// The argument as text.
    func string(_ position: Int, _ role: String) throws(Failure) -> String {
        if case .string(let text) = arguments[position] { return text }
        throw wrongType(position, role, "text")
    }

    /// The argument as an integer; floats do not count as integers, even whole ones.
    func integer(_ position: Int, _ role: String) throws(Failure) -> Int64 {
        if case .integer(let value) = arguments[position] { return value }
        throw wrongType(position, role, "an integer")
    }

    /// The argument as a 32-bit integer, the size of counts and offsets in the language.
    ///
    /// What does not fit loses its upper bits, as in the service's engine.
    func smallInteger(_ position: Int, _ role: String) throws(Failure) -> Int {
        Int(Int32(truncatingIfNeeded: try integer(position, role)))
    }

    func wrongType(_ position: Int, _ role: String, _ wanted: String) -> Failure {
        let value = arguments[position]
        var hint: String?
        switch (wanted, value) {
        case ("text", .integer), ("text", .float), ("text", .boolean): hint = "convert it with string()"
        case ("an integer", .string), ("an integer", .float): hint = "convert it with int()"
        case ("true or false", .string): hint = "convert it with bool()"
        case (_, .null): hint = "give a default with coalesce()"
        default: break
        }
        return failure(.type, "takes \(wanted) as \(role), but got \(Self.describe(value))", hint: hint)
    }

    static func describe(_ value: ExpressionValue) -> String {
        switch value {
        case .null: return "null"
        case .boolean(let value): return "the boolean \(value)"
        case .integer(let value): return "the integer \(value)"
        case .float(let value): return "the float \(NumberText.jsonText(value))"
        case .string(let text): return "the text '\(short(text))'"
        case .array(let values): return "an array of \(values.count)"
        case .object(let object): return "an object with \(object.count) members"
        }
    }

    static func short(_ text: String) -> String {
        text.count <= 60 ? text : text.prefix(60) + "…"
    }
}
