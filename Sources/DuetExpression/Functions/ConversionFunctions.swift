internal import Foundation

/// Conversions between types.
enum ConversionFunctions {
    static let all: [Function] = [
        Function("array", 1...1) { call throws(Failure) in
            if case .array = call[0] { return call[0] }
            return .array([call[0]])
        },
        Function("createArray", 1...Int.max) { call throws(Failure) in .array(call.arguments) },
        Function("coalesce", 1...Int.max, lazy: .firstPresent),
        Function("bool", 1...1, bool),
        Function("int", 1...1, int),
        Function("float", 1...2) { call throws(Failure) in
            if call.count > 1 { try checkLocale(call) }
            return .float(try double(call))
        },
        Function("string", 1...1) { call throws(Failure) in .string(try Conversion.checkedText(call[0], call)) },
        Function("json", 1...1, json),
    ]

    private static func bool(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        switch call[0] {
        case .boolean: return call[0]
        case .integer(let value): return .boolean(value != 0)
        case .float(let value): return .boolean(value != 0)
        case .string(let text):
            var scalars = Array(text.unicodeScalars)[...]
            while let last = scalars.last, last == "\0" || Whitespace.isSpace(last) { scalars.removeLast() }
            while let first = scalars.first, first == "\0" || Whitespace.isSpace(first) { scalars.removeFirst() }
            switch CaseMapping.lower(String(String.UnicodeScalarView(scalars))) {
            case "true": return .boolean(true)
            case "false": return .boolean(false)
            default: break
            }
        default: break
        }
        throw call.failure(
            .conversion,
            "cannot read \(FunctionCall.describe(call[0])) as true or false",
            hint: "it takes numbers and the texts 'true' and 'false'"
        )
    }

    private static func double(_ call: FunctionCall) throws(Failure) -> Double {
        switch call[0] {
        case .boolean(let value): return value ? 1 : 0
        case .integer(let value): return Double(value)
        case .float(let value): return value
        case .string(let text):
            let (point, comma) = separators(call)
            if let value = NumberText.parse(text, point: point, comma: comma) { return value }
        default: break
        }
        throw call.failure(.conversion, "cannot read \(FunctionCall.describe(call[0])) as a number")
    }

    /// A locale goes only with text to read.
    private static func checkLocale(_ call: FunctionCall) throws(Failure) {
        _ = try call.string(0, "what to read by a locale")
        switch call[1] {
        case .null, .array, .object: throw call.wrongType(1, "the locale", "text")
        default: break
        }
    }

    /// The signs that the locale in the second argument, if there is one, writes numbers with.
    private static func separators(_ call: FunctionCall) -> (point: UInt8, comma: UInt8) {
        guard call.count > 1, case .string(let name) = call[1], DateCulture.named(name) != nil else {
            return (0x2E, 0x2C)
        }
        let point = Locale(identifier: name.replacing("-", with: "_")).decimalSeparator
        return point == "," ? (0x2C, 0x2E) : (0x2E, 0x2C)
    }

    private static func int(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        let value = try double(call)
        if value.isNaN { throw call.failure(.conversion, "cannot make an integer of a value that is no number") }
        // Text and integers go through a double as well, so beyond 2^53 the result is the nearest double.
        guard let whole = Int64(exactly: value) else {
            let reason = value.magnitude < 9e18 ? "it has a fraction" : "it does not fit into 64 bits"
            throw call.failure(
                .conversion,
                "cannot make an integer of \(FunctionCall.describe(call[0])): \(reason)"
            )
        }
        return .integer(whole)
    }

    private static func json(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        let text: String
        switch call[0] {
        case .string(let string): text = string
        case .object(let object):
            guard let binary = Binary(object) else { throw call.wrongType(0, "its argument", "text or XML") }
            guard let content = binary.text else {
                throw call.failure(.conversion, "cannot read the content of \(call[0].json)")
            }
            if binary.isXML {
                do {
                    return XMLToJSON.convert(try XMLParser.parse(content))
                } catch {
                    throw call.failure(.conversion, "got XML that cannot be read: \(error.message)")
                }
            }
            text = content
        default:
            throw call.wrongType(0, "its argument", "text or XML")
        }
        do {
            return try LenientJSONReader.read(text)
        } catch {
            throw call.failure(
                .conversion,
                "cannot read '\(FunctionCall.short(text))': \(error.message) at character \(error.offset)"
            )
        }
    }
}
