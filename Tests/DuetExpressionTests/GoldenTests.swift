import DuetExpression
import Foundation
import Testing

@Suite struct GoldenTests {
    struct Row {
        let id: String
        let isQuirk: Bool
        let line: String
        let wanted: ExpressionValue?
    }

    static func rows(_ name: String = "adf-expressions.jsonl") throws -> [Row] {
        try resource(name).split(separator: "\n").map { line in
            let object = try #require(ExpressionValue(json: String(line)).objectValue)
            let id = try #require(object["id"]?.stringValue)
            let wanted = object["result"]
            #expect((wanted == nil) == (object["error"] == true), "\(id) holds a result or an error")
            return Row(id: id, isQuirk: object["quirk"] != nil, line: String(line), wanted: wanted)
        }
    }

    @Test func `every golden case gives what the service's engine gives`() throws {
        let rows = try Self.rows()
        #expect(rows.count == 3_879)
        var failed: [String] = []
        var failedQuirks: [String] = []
        for row in rows {
            let object = try #require(ExpressionValue(json: row.line).objectValue)
            let text = try #require(object["expression"]?.stringValue)
            let state = try ExpressionState(json: object["state"] ?? [])
            let result = Result { () throws(ExpressionError) in
                try DuetExpression.Expression(parsing: text).evaluate(in: state)
            }
            let isRight =
                switch result {
                case .success(let value): value == row.wanted
                case .failure: row.wanted == nil
                }
            if !isRight { row.isQuirk ? failedQuirks.append(row.id) : failed.append(row.id) }
        }
        print("golden: \(rows.count - failed.count - failedQuirks.count) of \(rows.count) as the engine")
        if !failedQuirks.isEmpty { print("quirks that differ: \(failedQuirks.joined(separator: " "))") }
        #expect(failed.isEmpty, "failing: \(failed.joined(separator: " "))")
    }

    /// 400 more, 26 of them at the edges where duet once differed: random calls of every function, answered by the same
    /// engine as the golden file (data-factory-testing-framework 1.4.4 on .NET Core 3.1.23, en-US, UTC).
    @Test func `further cases, made after the golden file, give what the engine gives`() throws {
        // A time without a date is one of today, which was this day when the engine was asked.
        let asked = Date(timeIntervalSince1970: 1_795_435_200)
        let evaluator = BatchEvaluator(services: ExpressionServices(now: { asked }))
        var failed: [String] = []
        let rows = try Self.rows("further-expressions.jsonl")
        #expect(rows.count == 400)
        for row in rows {
            let answer = try #require(ExpressionValue(json: evaluator.answer(row.line)).objectValue)
            let isRight = row.wanted == nil ? answer["error"] == true : answer["result"] == row.wanted
            if !isRight { failed.append(row.id) }
        }
        #expect(failed.isEmpty, "failing: \(failed.joined(separator: " "))")
    }

    @Test func `the batch form of every golden case reads back as its result`() throws {
        let evaluator = BatchEvaluator()
        var failed: [String] = []
        for row in try Self.rows() where !row.isQuirk {
            let answer = try #require(ExpressionValue(json: evaluator.answer(row.line)).objectValue)
            #expect(answer["id"] == .string(row.id))
            let isRight =
                row.wanted == nil ? answer["error"] == true && answer["message"] != nil : answer["result"] == row.wanted
            if !isRight { failed.append(row.id) }
        }
        #expect(failed.isEmpty, "failing: \(failed.joined(separator: " "))")
    }
}
