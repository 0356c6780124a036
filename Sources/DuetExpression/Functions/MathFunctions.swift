/// Arithmetic.
enum MathFunctions {
    static let all: [Function] = [
        Function("add", 2...2) { call throws(Failure) in
            try apply(call, { $0.addingReportingOverflow($1) }, { $0 + $1 })
        },
        Function("sub", 2...2) { call throws(Failure) in
            try apply(call, { $0.subtractingReportingOverflow($1) }, { $0 - $1 })
        },
        Function("mul", 2...2) { call throws(Failure) in
            try apply(call, { $0.multipliedReportingOverflow(by: $1) }, { $0 * $1 })
        },
        Function("div", 2...2) { call throws(Failure) in
            try refuseZero(call)
            return try apply(call, { $0.dividedReportingOverflow(by: $1) }, { $0 / $1 })
        },
        Function("mod", 2...2) { call throws(Failure) in
            try refuseZero(call)
            return try apply(
                call,
                { $0.remainderReportingOverflow(dividingBy: $1) },
                { $0.truncatingRemainder(dividingBy: $1) }
            )
        },
        Function("min", 1...Int.max) { call throws(Failure) in try extreme(call, isLargest: false) },
        Function("max", 1...Int.max) { call throws(Failure) in try extreme(call, isLargest: true) },
        Function("rand", 2...2, random),
        Function("range", 2...2, range),
    ]

    private static func apply(
        _ call: FunctionCall,
        _ integers: (Int64, Int64) -> (partialValue: Int64, overflow: Bool),
        _ floats: (Double, Double) -> Double
    ) throws(Failure) -> ExpressionValue {
        switch (call[0], call[1]) {
        case (.integer(let a), .integer(let b)):
            let (result, overflow) = integers(a, b)
            if overflow {
                throw call.failure(
                    .overflow,
                    "of \(a) and \(b) does not fit into 64 bits",
                    hint: "convert one of them with float()"
                )
            }
            return .integer(result)
        case (.integer(let a), .float(let b)): return .float(floats(Double(a), b))
        case (.float(let a), .integer(let b)): return .float(floats(a, Double(b)))
        case (.float(let a), .float(let b)): return .float(floats(a, b))
        case (.integer, _), (.float, _): throw call.wrongType(1, "the second argument", "a number")
        default: throw call.wrongType(0, "the first argument", "a number")
        }
    }

    private static func refuseZero(_ call: FunctionCall) throws(Failure) {
        switch (call[0], call[1]) {
        case (.integer, .integer(0)), (.integer, .float(0)), (.float, .integer(0)), (.float, .float(0)):
            throw call.failure(.divideByZero, "cannot divide by zero")
        default: break
        }
    }

    private static func extreme(_ call: FunctionCall, isLargest: Bool) throws(Failure) -> ExpressionValue {
        var values = call.arguments
        if values.count == 1, case .array(let elements) = values[0] { values = elements }
        guard !values.isEmpty else { throw call.failure(.argumentCount, "needs at least one number") }
        var integers: [Int64] = []
        var floats: [Double] = []
        for value in values {
            switch value {
            case .integer(let number):
                integers.append(number)
                floats.append(Double(number))
            case .float(let number): floats.append(number)
            default:
                throw call.failure(.type, "takes only numbers, but got \(FunctionCall.describe(value))")
            }
        }
        // One float makes the answer a float.
        if integers.count == values.count {
            return .integer(integers.dropFirst().reduce(integers[0]) { isLargest ? max($0, $1) : min($0, $1) })
        }
        return .float(
            floats.dropFirst().reduce(floats[0]) { isLargest ? ($1 > $0 ? $1 : $0) : ($1 < $0 ? $1 : $0) }
        )
    }

    private static func random(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        let low = try call.smallInteger(0, "the lowest value")
        let high = try call.smallInteger(1, "the bound")
        guard low <= high else { throw call.failure(.range, "needs a bound of at least \(low), but got \(high)") }
        let span = UInt64(high - low)
        guard span > 0 else { return .integer(Int64(low)) }
        return .integer(Int64(low) + Int64(min(call.services.random(span), span - 1)))
    }

    private static func range(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        let start = try call.smallInteger(0, "the start")
        let count = try call.smallInteger(1, "the count")
        guard count >= 0, count <= 100_000 else {
            throw call.failure(.range, "makes 0 to 100000 numbers, not \(count)")
        }
        guard start + count <= Int(Int32.max) + 1 else {
            throw call.failure(.range, "would pass the largest 32-bit integer")
        }
        return .array((start..<start + count).map { .integer(Int64($0)) })
    }
}
