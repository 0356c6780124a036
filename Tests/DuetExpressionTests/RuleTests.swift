import DuetExpression
import Testing

@Suite struct RuleTests {
    @Test(arguments: [
        "add('1', 2)", "greater(1, '0')", "toLower(1)", "not('true')", "if('true', 1, 2)", "substring('abc', 1.0)",
    ])
    func `nothing is converted silently`(_ text: String) {
        #expect(outcome("@" + text) == "EXPRESSION_TYPE")
    }

    @Test(arguments: [
        ("equals(1, 1.0)", "true"), ("equals(createArray(1), createArray(1.0))", "false"),
        ("contains(createArray(1), 1.0)", "false"), ("equals('a', 'A')", "false"), ("equals(null, '')", "false"),
        ("equals('é', 'e\u{301}')", "false"), ("equals(json('{\"a\":1,\"b\":2}'), json('{\"b\":2,\"a\":1}'))", "true"),
        ("union(createArray(1), createArray(1.0))", "[1,1.0]"), ("equals(1, 1, 2)", "false"),
    ])
    func `equality keeps types apart except at the top`(_ text: String, _ wanted: String) {
        #expect(outcome("@" + text) == wanted)
    }

    @Test(arguments: [
        ("string(true)", #""True""#), ("string(null)", #""""#), ("string(1.0)", #""1""#),
        ("string(createArray(true, null, 1.0))", #""[true,null,1.0]""#), ("string(1E-05)", #""1E-05""#),
        ("string(0.0001)", #""0.0001""#), ("string(1E+17)", #""1E+17""#), ("string(1E+16)", #""10000000000000000""#),
        ("string(-0.0)", #""-0""#), ("concat(createArray(1), createArray(2))", #""[1][2]""#),
        ("concat('a', null)", #""a""#), ("string(binary('hi'))", #""hi""#),
        ("join(createArray(1, null, true), '-')", #""1--True""#),
    ])
    func `values become text as the service writes them`(_ text: String, _ wanted: String) {
        #expect(outcome("@" + text) == wanted)
    }

    @Test(arguments: [
        ("indexOf('Hello', 'L')", "2"), ("contains('abc', 'B')", "false"), ("replace('aA', 'a', 'x')", #""xA""#),
        ("length('😀')", "2"), ("toUpper('straße ﬁ')", #""STRAßE ﬁ""#), ("toLower('ΑΣ')", #""ασ""#),
        ("split('a,b', '')", #"["a,b"]"#), ("split('', ',')", #"[""]"#), ("trim('\u{3000}x\u{200B}')", "\"x\u{200B}\""),
        ("startsWith('e\u{301}x', 'é')", "true"), ("startsWith('e\u{301}x', 'e')", "false"),
        ("indexOf('co\u{AD}op', 'COOP')", "0"), ("lastIndexOf('abcABC', 'bc')", "4"), ("indexOf('xﬁ', 'FI')", "1"),
        ("substring('😀a', 2)", #""a""#), ("take('abc', 9)", #""abc""#), ("skip('abc', 9)", #""""#),
    ])
    func `text counts in UTF-16 and searches by the language's rules`(_ text: String, _ wanted: String) {
        #expect(outcome("@" + text) == wanted)
    }

    @Test(arguments: [
        ("substring('hello', 5)", "EXPRESSION_RANGE"), ("substring('', 0, 0)", "EXPRESSION_RANGE"),
        ("replace('a', '', 'x')", "EXPRESSION_RANGE"), ("take('a', -1)", "EXPRESSION_RANGE"),
        ("length(json('{}'))", "EXPRESSION_TYPE"), ("empty(0)", "EXPRESSION_TYPE"),
        ("createArray()", "EXPRESSION_ARGUMENT_COUNT"),
        ("union('a', 'b')", "EXPRESSION_TYPE"), ("range(0, 100001)", "EXPRESSION_RANGE"),
        ("skip('abc', 9223372036854775807)", "EXPRESSION_RANGE"), ("guid('n')", "EXPRESSION_FORMAT"),
        ("substring('abc', 1, 9223372036854775807)", "EXPRESSION_RANGE"),
    ])
    func `what lies outside is refused`(_ text: String, _ code: String) {
        #expect(outcome("@" + text) == code)
    }

    @Test(arguments: [
        ("a", "A"), ("A", "b"), ("a", "B"), ("ä", "z"), ("-1", "1"), ("a_b", "a-b"), ("a-b", "ab"), ("résumé", "sa"),
        ("resume", "résumé"), ("cote", "côté"), ("#", "$"), ("~", "0"), ("9", "a"), ("", "a"), ("abc", "abcd"),
        ("aB", "Ab"),
    ])
    func `text is ordered as in a dictionary`(_ first: String, _ second: String) {
        #expect(outcome("@less('\(first)', '\(second)')") == "true")
        #expect(outcome("@greater('\(second)', '\(first)')") == "true")
    }

    @Test func `and, or, if and coalesce evaluate only what they need`() {
        #expect(outcome("@and(false, 'x')") == "false")
        #expect(outcome("@and(true, 'x')") == "EXPRESSION_TYPE")
        #expect(outcome("@or(true, div(1, 0))") == "true")
        #expect(outcome("@coalesce('a', div(1, 0))") == #""a""#)
        #expect(outcome("@if(true, 1, div(1, 0))") == "1")
    }

    @Test(arguments: [
        ("int('1,000')", "1000"), ("int('1e3')", "1000"), ("int('1.0')", "1"), ("int(' 7 ')", "7"), ("int(true)", "1"),
        ("float('1,5')", "15.0"), ("float('1,5', 'de-de')", "1.5"), ("float('.5')", "0.5"), ("float('5.')", "5.0"),
        ("bool(' TRUE ')", "true"), ("bool(0.0)", "false"), ("int('1.5')", "EXPRESSION_CONVERSION"),
        ("int('0x10')", "EXPRESSION_CONVERSION"), ("int('')", "EXPRESSION_CONVERSION"),
        ("bool('1')", "EXPRESSION_CONVERSION"),
        ("float('1 000')", "EXPRESSION_CONVERSION"), ("int(9007199254740993)", "9007199254740992"),
    ])
    func `text is read as numbers and truth values`(_ text: String, _ wanted: String) {
        #expect(outcome("@" + text) == wanted)
    }

    @Test(arguments: [
        ("add(9223372036854775807, 1)", "EXPRESSION_OVERFLOW"), ("mul(3037000500, 3037000500)", "EXPRESSION_OVERFLOW"),
        ("div(-9223372036854775808, -1)", "EXPRESSION_OVERFLOW"), ("div(1, 0.0)", "EXPRESSION_DIVIDE_BY_ZERO"),
        ("mod(1, 0)", "EXPRESSION_DIVIDE_BY_ZERO"), ("div(-7, 2)", "-3"), ("mod(-7, 3)", "-1"), ("div(7, 2.0)", "3.5"),
        ("max(3, 2.5)", "3.0"), ("min(createArray(3, 1, 2))", "1"), ("max(json('[]'))", "EXPRESSION_ARGUMENT_COUNT"),
        ("rand(5, 6)", "5"), ("rand(1, 100)", "99"), ("rand(2, 1)", "EXPRESSION_RANGE"),
    ])
    func `integers stay integers and overflow is an error`(_ text: String, _ wanted: String) {
        #expect(outcome("@" + text) == wanted)
    }

    @Test(arguments: [
        (#"{"a":1,}"#, #"{"a":1}"#), ("{a:1}", #"{"a":1}"#), ("[1,2", "[1,2]"), (#"{"a":[1"#, #"{"a":[1]}"#),
        ("", "null"), (" ", "null"), ("1 x", "1"), ("/*c*/1", "1"), ("010", "8"), ("0x1F", "31"), ("1.", "1.0"),
        ("\"a\nb\"", #""a\nb""#), (#"{"a":1,"b":2,"a":3}"#, #"{"b":2,"a":3}"#), ("{", "EXPRESSION_CONVERSION"),
        ("[1,", "EXPRESSION_CONVERSION"), ("[1 2]", "EXPRESSION_CONVERSION"), ("True", "EXPRESSION_CONVERSION"),
        ("+1", "EXPRESSION_CONVERSION"), ("08", "EXPRESSION_CONVERSION"), ("nullx", "EXPRESSION_CONVERSION"),
        ("1-", "EXPRESSION_CONVERSION"),
    ])
    func `json() forgives what the service's reader forgives`(_ text: String, _ wanted: String) {
        let state = ExpressionValue.object(["parameters": ["t": .string(text)]]).json
        #expect(outcome("@json(pipeline().parameters.t)", state) == wanted)
    }

    @Test(arguments: [
        ("base64ToString(' aGVs bG8= ')", #""hello""#), ("base64ToString('YQ')", "EXPRESSION_CONVERSION"),
        ("decodeUriComponent('a+b%zz')", #""a b%zz""#), ("uriComponent('-_.~ !')", #""-_.~%20%21""#),
        ("dataUri('é')", #""data:text/plain;charset=utf-8;base64,w6k=""#),
        ("dataUriToString('data:,a%20b')", #""a b""#),
        ("dataUriToBinary('data:;base64,YQ==')", ##"{"$content-type":"text/plain","$content":"YQ=="}"##),
        ("dataUriToString('data:text/plain;charset=utf8,x')", "EXPRESSION_CONVERSION"),
        ("guid()", #""00112233-4455-6677-8899-aabbccddeeff""#), ("guid('N')", #""00112233445566778899aabbccddeeff""#),
        ("guid('X')", #""{0x00112233,0x4455,0x6677,{0x88,0x99,0xaa,0xbb,0xcc,0xdd,0xee,0xff}}""#),
    ])
    func `encodings go both ways`(_ text: String, _ wanted: String) {
        #expect(outcome("@" + text) == wanted)
    }
}
