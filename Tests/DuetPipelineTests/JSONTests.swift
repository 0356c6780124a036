import DuetPipeline
import DuetTestSupport
import Testing

@Suite struct JSONTests {
    static let texts: [(String, JSONValue)] = [
        ("null", .null), (" true ", true), ("false", false), ("0", 0), ("-12", -12),
        ("9223372036854775807", .integer(.max)),
        ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .unsigned(1 << 63)),
        ("18446744073709551615", .unsigned(.max)), ("18446744073709551616", .double(18_446_744_073_709_551_616)),
        ("1.5", 1.5), ("-2e3", -2000.0), ("1E-2", 0.01), ("\"\"", ""),
        (#""a\"\\\/\b\f\n\r\t""#, "a\"\\/\u{8}\u{C}\n\r\t"),
        (#""\u00e9\ud83c\udf88""#, "é🎈"), ("\"größe 和 🎈\"", "größe 和 🎈"), ("[]", []),
        ("[1, [2, []], {}]", [1, [2, []], [:]]),
        ("{\"a\": 1, \"b\": {\"c\": [null]}}", ["a": 1, "b": ["c": [nil]]]), ("\u{FEFF}[1]", [1]),
    ]

    @Test(arguments: texts)
    func `what is written is read`(_ text: String, _ value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
        #expect(try JSONValue(parsing: value.text()) == value)
        #expect(try JSONValue(parsing: value.text(pretty: true)) == value)
    }

    static let faults: [(String, Int)] = [
        ("", 0), ("  ", 2), ("nul", 0), ("[1,]", 3), ("[1 2]", 3), ("{\"a\" 1}", 5), ("{a: 1}", 1), ("{\"a\": 1,}", 8),
        ("\"abc", 4), ("\"a\nb\"", 2), (#""\x""#, 2), (#""\u12g4""#, 3), ("1.", 0), ("-", 0), ("--1", 0),
        ("[1] 2", 4), ("{\"a\": }", 6), ("+1", 0), (".5", 0), ("01", 1), ("-01", 2), ("1e", 0), ("'a'", 0),
    ]

    @Test(arguments: faults)
    func `what is no JSON is refused near its place`(_ text: String, _ offset: Int) throws {
        let error = try #require(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(abs(error.offset - offset) <= 2, "\(error)")
    }

    @Test func `half of a surrogate pair becomes the sign for what cannot be read`() throws {
        #expect(try JSONValue(parsing: #""a\ud83cb""#) == "a\u{FFFD}b")
    }

    @Test func `nesting has a limit, and up to it all is well`() throws {
        let deep = { (levels: Int) in String(repeating: "[", count: levels) + String(repeating: "]", count: levels) }
        #expect(throws: Never.self) { try JSONValue(parsing: deep(500)) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: deep(100_000)) }
    }

    @Test func `members keep their order, and the last of a name wins`() throws {
        let value = try JSONValue(parsing: #"{"z": 1, "a": 2, "z": 3, "b": 4}"#)
        #expect(value.object?.keys == ["z", "a", "b"])
        #expect(value["z"]?.integer == 3)
        #expect(value.text() == #"{"z":3,"a":2,"b":4}"#)
    }

    @Test func `numbers that JSON lacks become null`() {
        #expect(JSONValue.array([.double(.nan), .double(.infinity)]).text() == "[null,null]")
    }

    @Test func `control characters are escaped`() {
        #expect(JSONValue.string("\u{1}\u{1F}\"").text() == #""\u0001\u001f\"""#)
    }

    @Test func `any value survives being written and read`() throws {
        var random = SeededGenerator(seed: TestSeed.announced(for: "JSON"))
        for _ in 0..<300 {
            let value = Self.value(&random, depth: 0)
            #expect(try JSONValue(parsing: value.text()) == value)
            #expect(try JSONValue(parsing: value.text(pretty: true)) == value)
        }
    }

    private static func value(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 4 ? 5 : 7), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .integer(Int64.random(in: .min ... .max, using: &random))
        case 3: return .double(Double.random(in: -1e9...1e9, using: &random) + 0.5)
        case 4: return .string(text(&random))
        case 5: return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in value(&random, depth: depth + 1) })
        default:
            let members = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                (key: text(&random), value: value(&random, depth: depth + 1))
            }
            return .object(JSONObject(members))
        }
    }

    private static func text(_ random: inout SeededGenerator) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0...8, using: &random) {
            let code = UInt32.random(in: 0...0x2FFFF, using: &random)
            if let scalar = Unicode.Scalar(code) { text.unicodeScalars.append(scalar) }
        }
        return text
    }
}
