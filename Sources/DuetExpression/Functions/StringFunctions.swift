internal import Foundation

/// Functions on text.
enum StringFunctions {
    static let all: [Function] = [
        Function("concat", 1...Int.max) { call throws(Failure) in
            var text = ""
            for value in call.arguments { text += try Conversion.checkedText(value, call) }
            return .string(text)
        },
        Function("endsWith", 2...2) { call throws(Failure) in
            .boolean(LinguisticSearch.hasSuffix(try call.string(0, "the text"), try call.string(1, "the ending")))
        },
        Function("startsWith", 2...2) { call throws(Failure) in
            .boolean(LinguisticSearch.hasPrefix(try call.string(0, "the text"), try call.string(1, "the beginning")))
        },
        Function("indexOf", 2...2) { call throws(Failure) in
            let found = LinguisticSearch.first(try call.string(0, "the text"), try call.string(1, "what to find"))
            return .integer(Int64(found))
        },
        Function("lastIndexOf", 2...2) { call throws(Failure) in
            let found = LinguisticSearch.last(try call.string(0, "the text"), try call.string(1, "what to find"))
            return .integer(Int64(found))
        },
        Function("guid", 0...1, guid),
        Function("replace", 3...3) { call throws(Failure) in
            let text = try call.string(0, "the text")
            let old = try call.string(1, "what to replace")
            let new = try call.string(2, "the replacement")
            guard !old.isEmpty else { throw call.failure(.range, "cannot replace an empty text") }
            return .string(replace(text, old, new))
        },
        Function("split", 2...2) { call throws(Failure) in
            let text = try call.string(0, "the text")
            let separator = try call.string(1, "the separator")
            guard !separator.isEmpty else { return .array([.string(text)]) }
            return .array(parts(text, separator).map { .string($0) })
        },
        Function("substring", 2...3, substring),
        Function("toLower", 1...1) { call throws(Failure) in
            .string(CaseMapping.lower(try call.string(0, "its argument")))
        },
        Function("toUpper", 1...1) { call throws(Failure) in
            .string(CaseMapping.upper(try call.string(0, "its argument")))
        },
        Function("trim", 1...1) { call throws(Failure) in
            .string(Whitespace.trim(try call.string(0, "its argument")))
        },
    ]

    private static func guid(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        let format = call.count == 0 ? "D" : try call.string(0, "the format")
        let plain = CaseMapping.lower(call.services.identifier().uuidString)
        let digits = plain.filter { $0 != "-" }
        switch format {
        case "D": return .string(plain)
        case "N": return .string(digits)
        case "B": return .string("{\(plain)}")
        case "P": return .string("(\(plain))")
        case "X":
            func hex(_ range: Range<Int>) -> String { "0x" + digits.utf16Slice(range) }
            let bytes = stride(from: 16, to: 32, by: 2).map { hex($0..<$0 + 2) }.joined(separator: ",")
            return .string("{\(hex(0..<8)),\(hex(8..<12)),\(hex(12..<16)),{\(bytes)}}")
        default:
            throw call.failure(.format, "has no format '\(FunctionCall.short(format))'", hint: "use N, D, B, P or X")
        }
    }

    private static func substring(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        let text = try call.string(0, "the text")
        let start = Int64(try call.smallInteger(1, "the start"))
        let count = text.utf16.count
        let wanted = call.count > 2 ? Int64(try call.smallInteger(2, "the length")) : nil
        guard start >= 0, start < count else {
            let hint = count == 0 ? "the text is empty" : nil
            throw call.failure(.range, "cannot start at \(start) in a text of \(count) characters", hint: hint)
        }
        let length = wanted ?? Int64(count) - start
        guard length >= 0, length <= Int64(count) - start else {
            throw call.failure(
                .range,
                "cannot take \(length) characters from \(start) of a text of \(count)",
                hint: "take() and skip() accept more than there is"
            )
        }
        return .string(text.utf16Slice(Int(start)..<Int(start + length)))
    }

    /// The pieces between separators, compared byte by byte and case-sensitively.
    static func parts(_ text: String, _ separator: String) -> [String] {
        let bytes = Array(text.utf8)
        let mark = Array(separator.utf8)
        guard let first = mark.first, bytes.count >= mark.count else { return [text] }
        var result: [String] = []
        var start = 0
        var position = 0
        while position + mark.count <= bytes.count {
            if bytes[position] == first, bytes[position..<position + mark.count].elementsEqual(mark) {
                result.append(String(decoding: bytes[start..<position], as: UTF8.self))
                position += mark.count
                start = position
            } else {
                position += 1
            }
        }
        guard !result.isEmpty else { return [text] }
        result.append(String(decoding: bytes[start...], as: UTF8.self))
        return result
    }

    static func replace(_ text: String, _ old: String, _ new: String) -> String {
        parts(text, old).joined(separator: new)
    }

    /// Whether the text holds exactly these code units.
    static func contains(_ text: String, _ part: String) -> Bool {
        part.isEmpty || parts(text, part).count > 1
    }
}
