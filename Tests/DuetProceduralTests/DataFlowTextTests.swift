import DuckKit
import DuetEngine
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Testing

/// Transformations of a mapping data flow between structures and their text.
@Suite struct DataFlowTextTests {
    private let people =
        "source(output(id as integer, name as string, town as string, age as integer), allowSchemaDrift: true) ~> S\n"

    private func lines(_ body: String) async throws -> [String] { try await DataFlowFixture().lines(people + body) }

    @Test func `parse reads JSON text as a structure, and what is no JSON as null`() async throws {
        let lines = try await lines(
            #"""
            S derive(text = case(id == 1, '{"n": 7, "list": ["a", "b"], "in": {"x": 1.5}}', id == 2, '[{"n": 8}, {"n": 9}]', id == 3, 'no json', '{"n": "text"}')) ~> A
            A parse(json = text ? (n as integer, list as string[], in as (x as double)), format: 'json', documentForm: 'singleDocument') ~> B
            B select(mapColumn(id, n = json.n, list = json.list, x = json.in.x)) ~> C
            C sink() ~> Out

            """#
        )
        #expect(lines == ["1|7|[a, b]|1.5", "2|8|NULL|NULL", "3|NULL|NULL|NULL", "4|NULL|NULL|NULL"])
    }

    @Test func `parse of a list of documents gives a list, which flatten takes apart`() async throws {
        let lines = try await lines(
            #"""
            S filter(id == 1) ~> F
            F derive(text = '[{"n": 1, "s": "x"}, {"n": 2}]') ~> A
            A parse(docs = text ? (n as integer, s as string)[], format: 'json', documentForm: 'arrayOfDocuments') ~> B
            B foldDown(unroll(docs), mapColumn(id, n = docs.n, s = docs.s)) ~> C
            C sink() ~> Out

            """#
        )
        #expect(lines == ["1|1|x", "1|2|NULL"])
    }

    @Test func `parse reads delimited text, with names or by place, with quotes around values`() async throws {
        let lines = try await lines(
            #"""
            S filter(id == 1) ~> F
            F derive(named = 'Id|name|year\n1|"a|b ""c"""|1999', plain = '5,,x') ~> A
            A parse(x = named ? (year as integer, id as integer, name as string), format: 'delimited', columnNamesAsHeader: true, columnDelimiter: '|') ~> B
            B parse(y = plain ? (a as integer, b as string, c as string, d as string), format: 'delimited', columnNamesAsHeader: false) ~> C
            C select(mapColumn(year = x.year, id2 = x.id, name2 = x.name, a = y.a, b = y.b, c = y.c, d = y.d)) ~> D
            D sink() ~> Out

            """#
        )
        #expect(lines == [#"1999|1|a|b "c"|5|NULL|x|NULL"#])
    }

    @Test func `parse reads XML: elements, attributes, text beside them, and lists of one or many`() async throws {
        let lines = try await lines(
            #"""
            S derive(text = case(
                id == 1, '<cars><car model="camaro"><year>1989</year><tag>a</tag><tag>b &amp; c</tag></car></cars>',
                id == 2, '<cars><car model="x"><year unit="AD">2001</year><tag>only</tag></car><car model="y"/></cars>',
                id == 3, 'no <xml',
                '<other/>')) ~> A
            A parse(doc = text ? (cars as (car as ({@model} as string, year as integer, tag as string[])[])), format: 'XML', documentForm: 'singleDocument') ~> B
            B select(mapColumn(id, doc)) ~> C
            C sink() ~> Out

            """#
        )
        #expect(
            lines == [
                "1|{'cars': {'car': [{'@model': camaro, 'year': 1989, 'tag': [a, b & c]}]}}",
                "2|{'cars': {'car': [{'@model': x, 'year': 2001, 'tag': [only]}, {'@model': y, 'year': NULL, 'tag': NULL}]}}",
                "3|NULL", "4|{'cars': NULL}",
            ]
        )
    }

    @Test func `parsed XML is told as data like any other: text, CDATA and the value beside attributes`() async throws {
        let lines = try await lines(
            #"""
            S filter(id <= 2) ~> F
            F derive(text = iif(id == 1, '<p k="v">t</p>', '<p><![CDATA[a<b]]></p>')) ~> A
            A parse(x = text ? (p as ({_value_} as string, {@k} as string)), y = text ? (p as string), format: 'xml') ~> B
            B select(mapColumn(id, v = x.p._value_, k = x.p.{@k}, t = y.p)) ~> C
            C sink() ~> Out

            """#
        )
        #expect(lines == ["1|t|v|t", "2|a<b|NULL|a<b"])
    }

    @Test func `stringify writes structures as JSON or delimited text`() async throws {
        let lines = try await lines(
            """
            S derive(body = @(id = id, name = name, age = age)) ~> A
            A stringify(text = body ? string, format: 'json') ~> B
            B stringify(line = body ? string, format: 'delimited', columnDelimiter: ';') ~> C
            C select(mapColumn(text, line)) ~> D
            D sink() ~> Out

            """
        )
        #expect(
            lines == [
                #"{"id":1,"name":"Ann","age":30}|1;Ann;30"#, #"{"id":2,"name":"Bob","age":40}|2;Bob;40"#,
                #"{"id":3,"name":"Cid"}|3;Cid;"#, #"{"id":4,"name":"Dora","age":25}|4;Dora;25"#,
            ]
        )
    }

    @Test func `a value within a structure is found by its path`() async throws {
        let lines = try await lines(
            #"""
            S derive(body = @(id = id, inner = @(list = [name, town], x = age))) ~> A
            A derive(a = byPath('body.inner.list[1]'), b = byPath('body["inner"].x') + 1, c = byPath('body.nope'), d = byPath('none.x')) ~> B
            B select(mapColumn(id, a, b, c, d)) ~> C
            C sink() ~> Out

            """#
        )
        #expect(lines == ["1|Ann|31|NULL|NULL", "2|Bob|41|NULL|NULL", "3|Cid|NULL|NULL|NULL", "4|Dora|26|NULL|NULL"])
    }

    @Test func `what is stringified is parsed back to the same rows`() async throws {
        let lines = try await lines(
            """
            S derive(body = @(id = id, name = name)) ~> A
            A stringify(body = body ? string, format: 'json') ~> B
            B parse(body = body ? (id as integer, name as string), format: 'json') ~> C
            C select(mapColumn(n = body.id, who = body.name)) ~> D
            D sink() ~> Out

            """
        )
        #expect(lines == ["1|Ann", "2|Bob", "3|Cid", "4|Dora"])
    }
}

/// What duet does not run in a data flow is told before anything has run.
@Suite struct DataFlowObstacleTests {
    @Test(arguments: [
        ("S call(mapColumn(id), output(body as (x as string)), format: 'sql') ~> A", "calls 'sql'"),
        ("S output() ~> A", "transformation 'output'"),
        ("S stringify(x = id ? string, format: 'XML') ~> A", "a 'stringify' of XML"),
        ("S derive(x = nonsense(1)) ~> A", "the function 'nonsense'"),
    ])
    func `an unsupported transformation or function is named before the run`(script: String, told: String) throws {
        let fixture = try FactoryFixture()
        let text = JSONValue.string("source(output(id as string)) ~> S\n\(script)\nS sink() ~> Out").text()
        try fixture.resource(
            "dataflow",
            "Flow",
            #"{"type": "MappingDataFlow", "typeProperties": {"script": \#(text)}}"#
        )
        let flow =
            #""dataFlow": {"referenceName": "Flow", "type": "DataFlowReference"}, "compute": {"coreCount": 8}"#
        try fixture.pipeline("Child", [activity("ExecuteDataFlow", "F", flow)])
        try fixture.pipeline("P", [call("C", "Child")])
        let session = try FactorySession(
            folder: fixture.folder.path,
            home: "\(fixture.folder.path)/.duet",
            standIns: nil,
            parameters: [:]
        )
        let errors = #expect(throws: DuetErrors.self) { try session.check(["P"]) }
        #expect(errors?.errors.map(\.code) == [.unsupported])
        #expect(errors?.errors.first?.message.contains(told) == true, "\(errors?.errors ?? [])")
        #expect(errors?.errors.first?.location?.line ?? 0 > 0)
    }
}
