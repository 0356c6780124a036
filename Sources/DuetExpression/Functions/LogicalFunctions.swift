/// `and`, `or`, `not`, `if`, `equals` and the comparisons.
enum LogicalFunctions {
    static let all: [Function] = [
        Function("and", 1...Int.max, lazy: .allOf),
        Function("or", 1...Int.max, lazy: .anyOf),
        Function("if", 3...3, lazy: .choose),
        Function("not", 1...1) { call throws(Failure) in
            guard case .boolean(let value) = call[0] else {
                throw call.wrongType(0, "its argument", "true or false")
            }
            return .boolean(!value)
        },
        Function("equals", 2...Int.max) { call throws(Failure) in
            // More than two arguments are taken, and all must be equal.
            for other in call.arguments.dropFirst() where !areEqual(call[0], other) { return .boolean(false) }
            return .boolean(true)
        },
        Function("greater", 2...2) { call throws(Failure) in .boolean(try compare(call) > 0) },
        Function("greaterOrEquals", 2...2) { call throws(Failure) in .boolean(try compare(call) >= 0) },
        Function("less", 2...2) { call throws(Failure) in .boolean(try compare(call) < 0) },
        Function("lessOrEquals", 2...2) { call throws(Failure) in .boolean(try compare(call) <= 0) },
    ]

    /// At the top an integer equals a float of the same size; inside arrays and objects it does not.
    private static func areEqual(_ left: ExpressionValue, _ right: ExpressionValue) -> Bool {
        switch (left, right) {
        case (.integer(let a), .float(let b)), (.float(let b), .integer(let a)): Double(a) == b
        default: left == right
        }
    }

    private static func compare(_ call: FunctionCall) throws(Failure) -> Int {
        switch (call[0], call[1]) {
        case (.integer(let a), .integer(let b)): return order(a, b)
        case (.integer(let a), .float(let b)): return order(Double(a), b)
        case (.float(let a), .integer(let b)): return order(a, Double(b))
        case (.float(let a), .float(let b)): return order(a, b)
        case (.string(let a), .string(let b)): return LinguisticOrder.compare(a, b)
        default:
            let types = "\(FunctionCall.describe(call[0])) with \(FunctionCall.describe(call[1]))"
            throw call.failure(
                .type,
                "compares two numbers or two texts, not \(types)",
                hint: "convert one of them with int(), float() or string()"
            )
        }
    }

    private static func order<T: Comparable>(_ left: T, _ right: T) -> Int {
        left < right ? -1 : left > right ? 1 : 0
    }
}
