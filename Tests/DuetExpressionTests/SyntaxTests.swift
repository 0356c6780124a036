import DuetExpression
import Testing

@Suite struct SyntaxTests {
    @Test(arguments: [
        (" @add(1,2)", #"" @add(1,2)""#), ("@", #""@""#), ("@@", #""@""#), ("@@{1}@{2}", #""@{1}@{2}""#),
        ("a@@{1}", #""a@{1}""#), ("a@@b", #""a@@b""#), ("@{null}", #""""#), ("@{true}", #""True""#),
        ("@{1.0}", #""1""#), ("@{'}'}", #""}""#), ("@concat('@{1}')", #""@{1}""#), ("x@{1}y@{'a'}", #""x1ya""#),
        ("@@@{1}", #""@@{1}""#), ("a@@@{1}", #""a@@{1}""#),
    ])
    func `a text is an expression only if @ comes first, and braces hold expressions anywhere`(
        _ text: String,
        _ wanted: String
    ) {
        #expect(outcome(text) == wanted)
    }

    @Test(arguments: ["@{", "@{}", "@{ }", "x@{1", "@{'a}", "@{{1}}", "@{1,2}"])
    func `an empty or open brace is an error`(_ text: String) {
        #expect(outcome(text) == "EXPRESSION_SYNTAX")
    }

    @Test(arguments: [
        ("@01", "1"), ("@1.", "1.0"), ("@1E+2", "100.0"), ("@-.5", "-0.5"), ("@+1", "1"), ("@-0", "0"),
        ("@-0.0", "-0.0"), ("@TRUE", "true"), ("@Null", "null"), ("@'it''s'", #""it's""#),
        ("@'a\\nb'", #""a\\nb""#), ("@ add (\u{A0}1 ,\n2\u{2009}) ", "3"),
    ])
    func `literals and white space are read`(_ text: String, _ wanted: String) {
        #expect(outcome(text) == wanted)
    }

    @Test(arguments: [
        "@.5", "@--1", "@1a", "@1_0", "@9223372036854775808", "@\"x\"", "@'abc'[0]", "@true.x", "@1.5E", "@1.5e+",
        "@add(1,2,)", "@add(1 2)", "@add(1,2)x", "@concat", "@a.b()", "@pipeline().", "@pipeline()?x", "@x[",
        "@add(1,(2))",
        "@add(1,\u{FEFF}2)", "@not(!true)", "@concat('a')//x",
    ])
    func `malformed text is a syntax error`(_ text: String) {
        #expect(outcome(text) == "EXPRESSION_SYNTAX")
    }

    @Test func `the whole text is parsed before anything is evaluated`() {
        #expect(outcome("@if(true, 1, add(1,)") == "EXPRESSION_SYNTAX")
        #expect(outcome("@if(true, 1, nosuch(1))") == "1")
        #expect(outcome("@if(true, 1, add(1))") == "1")
        #expect(outcome("@if(false, 1, nosuch(1))") == "EXPRESSION_UNKNOWN_FUNCTION")
        #expect(outcome("@if(false, 1, add(1))") == "EXPRESSION_ARGUMENT_COUNT")
    }

    @Test(arguments: ["chunk", "sort", "reverse", "formatNumber", "workflow", "parameters", "body", "outputs", "items"])
    func `functions that ADF does not document are unknown`(_ name: String) {
        #expect(outcome("@\(name)('x')") == "EXPRESSION_UNKNOWN_FUNCTION")
    }

    @Test func `all 84 documented functions are known`() {
        #expect(DuetExpression.Expression.functionNames.count == 84)
    }
}

@Suite struct SelectionTests {
    let state = """
        {"parameters": {"Obj": {"Name": "x", "a b": 1, "n": null, "list": [1, {"k": 2}]}, "s": "text", "e": []},
         "variables": {"v": [10, 20]}, "activities": {"Look up": {"output": {"count": 2}}}, "item": null}
        """

    @Test(arguments: [
        ("@pipeline().parameters.obj.NAME", #""x""#), ("@pipeline().parameters.Obj['a b']", "1"),
        ("@pipeline().parameters.Obj.list[1].k", "2"), ("@pipeline().parameters.Obj?.zz", "null"),
        ("@pipeline().parameters?.zz?.y", "null"), ("@pipeline().parameters.Obj.n?.x", "null"),
        ("@pipeline().parameters.Obj.list?[9]", "null"), ("@pipeline().parameters.e?[0]", "null"),
        ("@activity('LOOK UP').Output.COUNT", "2"), ("@activity('look up').error?.message", "null"),
        ("@variables(concat('v', ''))[sub(2, 1)]", "20"), ("@item()", "null"), ("@item()?.a", "null"),
        ("@if(true, pipeline(), 1).parameters.s", #""text""#),
    ])
    func `names match in any case and null-safe selection gives null`(_ text: String, _ wanted: String) {
        #expect(outcome(text, state) == wanted)
    }

    @Test(arguments: [
        ("@pipeline().parameters.zz", "EXPRESSION_MISSING"), ("@pipeline().parameters.Obj?.zz.y", "EXPRESSION_ACCESS"),
        ("@pipeline().parameters.s.x", "EXPRESSION_ACCESS"), ("@pipeline().parameters.s?[0]", "EXPRESSION_ACCESS"),
        ("@pipeline().parameters.Obj.list['0']", "EXPRESSION_ACCESS"),
        ("@pipeline().parameters.Obj.list[0.0]", "EXPRESSION_ACCESS"),
        ("@pipeline().parameters.Obj.list[-1]", "EXPRESSION_MISSING"),
        ("@pipeline().parameters.Obj[0]", "EXPRESSION_ACCESS"), ("@activity('Nope')?.output", "EXPRESSION_MISSING"),
        ("@variables('zz')", "EXPRESSION_MISSING"), ("@variables(1)", "EXPRESSION_TYPE"),
        ("@pipeline('x')", "EXPRESSION_ARGUMENT_COUNT"), ("@dataset().x", "EXPRESSION_MISSING"),
    ])
    func `selecting what is not there fails`(_ text: String, _ code: String) {
        #expect(outcome(text, state) == code)
    }

    @Test func `a null-safe selection from null ends the chain`() {
        #expect(outcome("@json('{}')?.a?.b.c[nosuch()]") == "null")
        #expect(outcome("@json('{}')?.a.b") == "EXPRESSION_ACCESS")
        #expect(outcome("@json('null')?.a.b.c") == "null")
    }

    @Test func `item() outside a loop, trigger() outside a trigger are errors`() {
        #expect(outcome("@item()") == "EXPRESSION_MISSING")
        #expect(outcome("@trigger().outputs") == "EXPRESSION_MISSING")
        let trigger = #"{"trigger": {"outputs": {"windowStartTime": "2024", "body": {"fileName": "a.csv"}}}}"#
        #expect(outcome("@trigger().outputs.windowStartTime", trigger) == #""2024""#)
        #expect(outcome("@triggerBody().fileName", trigger) == #""a.csv""#)
    }
}
