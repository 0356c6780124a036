import DuetExpression
import Testing

@Suite struct DiagnosticsTests {
    let state = """
        {"parameters": {"Folder": "in", "Count": 3}, "variables": {"watermark": "x"},
         "activities": {"Lookup Orders": {"output": {"value": []}}}}
        """

    @Test(arguments: [
        ("@tolowr('A')", "did you mean 'toLower'?"), ("@pipeline().parameters.Foldr", "did you mean 'Folder'?"),
        ("@variables('watermrak')", "did you mean 'watermark'?"),
        ("@activity('Lookup Order').output", "did you mean 'Lookup Orders'?"),
        ("@activity('Lookup Orders').output.valeu", "did you mean 'value'?"),
        ("@addToTime('2024-01-01', 1, 'Days')", "did you mean 'Day'?"),
        ("@convertFromUtc('2024-01-01Z', 'Europe/Berln')", "did you mean 'Europe/Berlin'?"),
    ])
    func `a misspelt name brings the nearest one`(_ text: String, _ hint: String) {
        #expect(failure(text, state)?.hint == hint)
    }

    @Test func `an error names the failing part, its place and its inputs`() throws {
        let text = "é😀 @{concat('a', toUpper(pipeline().parameters.Count))}"
        let error = try #require(failure(text, state))
        #expect(error.code == .type)
        #expect(error.subexpression == "toUpper(pipeline().parameters.Count)")
        #expect(error.inputs == [3])
        let units = Array(text.utf16)[error.position]
        #expect(String(decoding: units, as: UTF16.self) == error.subexpression)
        #expect(error.message.contains("'toUpper'"))
        #expect(error.description.contains("EXPRESSION_TYPE"))
    }

    @Test func `an error in a path covers the path up to the failing step`() throws {
        let error = try #require(failure("@length(activity('Lookup Orders').output.rows.first)", state))
        #expect(error.subexpression == "activity('Lookup Orders').output.rows")
        #expect(error.message.contains("'value'"))
    }

    @Test func `a syntax error points at the unexpected token`() throws {
        let error = try #require(failure("@add(1 2)"))
        #expect(error.position == 7..<8)
        #expect(failure("@\"x\"")?.hint?.contains("single quotes") == true)
    }

    @Test func `references are listed with their places`() throws {
        let text =
            "@concat(pipeline().parameters.A, variables('b'), activity('C d').output.x, item().n, pipeline().RunId, "
            + "pipeline().globalParameters['g'], variables(pipeline().parameters?.E), dataset().f, pipeline().parameters)"
        let references = try DuetExpression.Expression(parsing: text).references
        let listed = references.map { "\($0.kind) \($0.name ?? "-")" }
        #expect(
            listed == [
                "parameter A", "variable b", "activity C d", "item n", "systemVariable RunId", "globalParameter g",
                "parameter E", "variable -", "dataset f", "parameter -",
            ]
        )
        let units = Array(text.utf16)
        #expect(String(decoding: units[references[0].range], as: UTF16.self) == "pipeline().parameters.A")
        #expect(String(decoding: units[references[2].range], as: UTF16.self) == "activity('C d')")
    }

    @Test func `an explanation shows every part, and what was skipped`() throws {
        let expression = try DuetExpression.Expression(
            parsing: "@if(greater(pipeline().parameters.Count, 2), 'many', div(1, 0))"
        )
        let state = try ExpressionState(json: ExpressionValue(json: state))
        let tree = expression.explain(in: state)
        #expect(
            tree.rendered == """
                if(greater(pipeline().parameters.Count, 2), 'many', div(1, 0))  = "many"
                  greater(pipeline().parameters.Count, 2)  = true
                    pipeline().parameters.Count  = 3
                    2  = 2
                  'many'  = "many"
                  div(1, 0)  (skipped)
                    1  (skipped)
                    0  (skipped)
                """
        )
        #expect(tree.children.count == 3)
    }

    @Test func `an explanation of a failure shows where it failed`() throws {
        let tree = try DuetExpression.Expression(parsing: "a@{add(1, div(1, 0))}").explain(in: ExpressionState())
        guard case .failure(let error) = tree.outcome else {
            Issue.record("the tree should end in a failure")
            return
        }
        #expect(error.subexpression == "div(1, 0)")
        #expect(tree.rendered.contains("✗"))
    }
}

@Suite struct TemplateTests {
    let state = ExpressionState(services: fixedServices)

    @Test func `every expression inside a value is evaluated`() throws {
        let value = try ExpressionValue(
            json: #"""
                {"url": {"value": "@concat('a', 'b')", "type": "Expression"}, "body": "x@{add(1, 2)}", "n": 1.0,
                 "list": ["@true", "plain", {"deep": "@createArray(1)"}], "type": "Expression", "at": "@@x"}
                """#
        )
        let result = try evaluateTemplate(value, in: state)
        #expect(
            result.json
                == #"{"url":"ab","body":"x3","n":1.0,"list":[true,"plain",{"deep":[1]}],"type":"Expression","at":"@x"}"#
        )
        let template = try ExpressionTemplate(parsing: value)
        #expect(template.expressions.map(\.path) == ["$.url", "$.body", "$.list[0]", "$.list[2].deep", "$.at"])
    }

    @Test func `an error says where in the value it is`() throws {
        let value = try ExpressionValue(json: #"{"a": [{"b": "@div(1, 0)"}]}"#)
        let error = #expect(throws: ExpressionError.self) { try evaluateTemplate(value, in: state) }
        #expect(error?.jsonPath == "$.a[0].b")
        #expect(error?.code == .divideByZero)
    }

    @Test func `plain text is known to need no evaluation`() throws {
        #expect(try DuetExpression.Expression(parsing: "SELECT 1").plainText == "SELECT 1")
        #expect(try DuetExpression.Expression(parsing: "@add(1, 2)").plainText == nil)
    }
}

@Suite struct BatchTests {
    let evaluator = BatchEvaluator(services: fixedServices)

    @Test(arguments: [
        (#"{"id": "a", "expression": "@div(3, 2.0)", "state": {}}"#, #"{"id":"a","result":1.5}"#),
        (#"{"id": 7, "expression": "@float(1)"}"#, #"{"id":7,"result":1.0}"#),
        (#"{"id": "u", "expression": "@utcNow('yyyy')"}"#, #"{"id":"u","result":"2024"}"#),
    ])
    func `a line with a result`(_ line: String, _ wanted: String) {
        #expect(evaluator.answer(line) == wanted)
    }

    @Test(arguments: [
        "", "{", "[]", "1", #"{"id": 1}"#, #"{"id": 1, "expression": 5}"#, #"{"id": 1, "expression": "@add(1,"}"#,
        #"{"id": 1, "expression": "@1", "state": []}"#, #"{"id": 1, "expression": "@1", "state": {"parameter": {}}}"#,
        #"{"id": 1, "expression": "@1", "state": {"variables": 3}}"#,
    ])
    func `a bad line is answered with an error`(_ line: String) throws {
        let answer = try #require(ExpressionValue(json: evaluator.answer(line)).objectValue)
        #expect(answer["error"] == true)
        #expect(answer["message"]?.stringValue?.isEmpty == false)
        #expect(answer["result"] == nil)
    }
}
