import DuetExpression
import Foundation
import Testing

@Suite struct HostileInputTests {
    @Test func `text beyond the limit is refused, plain text is not`() {
        #expect(outcome("@concat('" + String(repeating: "x", count: 8_192) + "')") == "EXPRESSION_TOO_LONG")
        #expect(outcome("@" + String(repeating: "(", count: 100_000)) == "EXPRESSION_TOO_LONG")
        #expect(outcome(String(repeating: "x", count: 100_000)).count == 100_002)
        #expect(outcome("@'" + String(repeating: "x", count: 8_190) + "'").count == 8_192)
        #expect(outcome("@{'" + String(repeating: "x", count: 8_191) + "'}") == "EXPRESSION_TOO_LONG")
        #expect(outcome(String(repeating: "x", count: 9_000) + "@{1}").count == 9_003)
    }

    @Test func `deep nesting is an error, not a crash`() {
        for opening in ["not(", "createArray(", "item()[", "add(1,", "x(["] {
            let text = "@" + String(repeating: opening, count: 8_000 / opening.count)
            #expect(["EXPRESSION_TOO_DEEP", "EXPRESSION_SYNTAX"].contains(outcome(text)))
        }
        let nested = "@" + String(repeating: "createArray(", count: 240) + "1" + String(repeating: ")", count: 240)
        #expect(outcome(nested).hasPrefix("[[[["))
        #expect(outcome("@json('{}')" + String(repeating: "?.a", count: 2_700)) == "null")
    }

    @Test(arguments: ["[", "{\"a\":", "[[{\"a\":"])
    func `deep JSON is an error, not a crash`(_ opening: String) {
        let state = ExpressionValue.object(["parameters": ["t": .string(String(repeating: opening, count: 100_000))]])
        #expect(outcome("@json(pipeline().parameters.t)", state.json) == "EXPRESSION_CONVERSION")
        #expect(throws: JSONError.self) { try ExpressionValue(json: String(repeating: opening, count: 100_000)) }
    }

    @Test func `deep or long XML and paths are errors, not crashes`() {
        func run(_ document: String, _ path: String) -> String {
            let state = ExpressionValue.object(["parameters": ["d": .string(document), "p": .string(path)]]).json
            return outcome("@xpath(xml(pipeline().parameters.d), pipeline().parameters.p)", state)
        }
        #expect(run(String(repeating: "<a>", count: 100_000), "/") == "EXPRESSION_CONVERSION")
        #expect(run("<a/>", String(repeating: "(", count: 100_000)) == "EXPRESSION_XPATH")
        #expect(run("<a/>", String(repeating: "1+", count: 100_000) + "1") == "EXPRESSION_XPATH")
        #expect(run("<a/>", String(repeating: "-", count: 1_500) + "1") == "1.0")
        let deep = String(repeating: "{\"a\":", count: 900) + "1" + String(repeating: "}", count: 900)
        #expect(
            outcome(
                "@xml(json(pipeline().parameters.t))",
                ExpressionValue.object(["parameters": ["t": .string(deep)]]).json
            ) == "EXPRESSION_CONVERSION"
        )
    }

    @Test func `changed golden expressions never trap`() throws {
        let seed = testSeed()
        print("seed of this run: \(seed)")
        var generator = SeededGenerator(seed: seed)
        let rows = try resource("adf-expressions.jsonl").split(separator: "\n")
        let pieces = [
            "'", "@", "{", "}", "(", ")", "[", "]", ",", ".", "?", "-", "9223372036854775807", "é", "😀", "\u{0}",
            "1E400", "%", "\\",
        ]
        for _ in 0..<6_000 {
            let row = rows[Int.random(in: 0..<rows.count, using: &generator)]
            let object = try #require(ExpressionValue(json: String(row)).objectValue)
            var units = Array(try #require(object["expression"]?.stringValue).utf16)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0...units.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0 where place < units.count: units.remove(at: place)
                case 1 where place < units.count: units[place] = UInt16.random(in: 0...0xFFFF, using: &generator)
                case 2:
                    let end = min(units.count, place + Int.random(in: 0...12, using: &generator))
                    units.insert(contentsOf: units[place..<end], at: Int.random(in: 0...units.count, using: &generator))
                default:
                    units.insert(
                        contentsOf: Array(pieces[Int.random(in: 0..<pieces.count, using: &generator)].utf16),
                        at: place
                    )
                }
            }
            let text = String(decoding: units, as: UTF16.self)
            let state = try ExpressionState(json: object["state"] ?? [], services: fixedServices)
            do {
                _ = try DuetExpression.Expression(parsing: text).evaluate(in: state)
            } catch {
                #expect(error.position.upperBound <= text.utf16.count && error.position.lowerBound >= 0)
            }
        }
    }

    @Test func `every function takes every kind of value without a trap`() throws {
        let seed = testSeed()
        print("seed of this run: \(seed)")
        var generator = SeededGenerator(seed: seed)
        let values: [ExpressionValue] = [
            .null, true, 0, -1, .integer(.max), .integer(.min), 0.0, -0.0, 1.5, .float(.infinity), .float(.nan),
            .float(1e300), "",
            "a", "😀", "e\u{301}\u{0}", "2024-02-29T23:59:59.9999999Z", "9999-12-31", "0001-01-01+14:00", "yyyy''\\",
            "Europe/Berlin",
            "Year", "<a b='c'>d</a>", "//@*[1]", "data:;base64,=", "%E9%", "[1,{\"a\":[]}", [], [.null, 1, [2.0]],
            .object([:]),
            .object(["a": 1, "A": [1]]), .object(["$content-type": "application/xml", "$content": "PGEvPg=="]),
            .object(["$content-type": "x/y;charset=utf-16", "$content": "YQ=="]), "de-de", "{\"a\":{\"@b\":null}}",
        ]
        for name in DuetExpression.Expression.functionNames {
            for _ in 0..<60 {
                var parameters = ExpressionObject()
                let count = Int.random(in: 0...4, using: &generator)
                for index in 0..<count {
                    parameters["p\(index)"] = values[Int.random(in: 0..<values.count, using: &generator)]
                }
                var state = ExpressionState(services: fixedServices)
                state.parameters = parameters
                let arguments = (0..<count).map { "pipeline().parameters.p\($0)" }.joined(separator: ",")
                let expression = try DuetExpression.Expression(parsing: "@{\(name)(\(arguments))}")
                _ = expression.explain(in: state).rendered
            }
        }
    }

    @Test func `values compare and hash alike`() throws {
        let left = try ExpressionValue(json: #"{"a":[1,2.0,{"b":null}],"c":"é"}"#)
        let right = try ExpressionValue(json: #"{"c":"é","a":[1,2.0,{"b":null}]}"#)
        #expect(left == right)
        #expect(Set([left, right]).count == 1)
        #expect(try left != ExpressionValue(json: #"{"a":[1,2,{"b":null}],"c":"é"}"#))
        #expect(try left != ExpressionValue(json: #"{"a":[1,2.0,{"b":null}],"c":"e\u0301"}"#))
        var large = ExpressionObject()
        for number in 0..<100 { large["n\(number)"] = .integer(Int64(number)) }
        large["n7"] = nil
        #expect(large.count == 99 && large["n7"] == nil && large["n99"] == 99 && large.value(ignoringCase: "N42") == 42)
    }

    @Test func `a cache gives what parsing gives, from several tasks`() async throws {
        let cache = ExpressionCache(capacity: 2)
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<50 {
                group.addTask {
                    let text = "@add(\(number % 5), 1)"
                    let result = Result { () throws(ExpressionError) in try cache.evaluate(text, in: ExpressionState())
                    }
                    guard case .success(let value) = result else { return false }
                    return value == .integer(Int64(number % 5 + 1))
                }
            }
            for await isRight in group { #expect(isRight) }
        }
        #expect(throws: ExpressionError.self) { try cache.expression("@add(1,") }
    }
}
