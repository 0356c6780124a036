import DuetEngine
import DuetFactory
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Testing

/// Flowlets: data flows that others use as a transformation.
@Suite struct DataFlowFlowletTests {
    private let people =
        "source(output(id as integer, name as string, town as string, age as integer), allowSchemaDrift: true) ~> S\n"

    /// The entry beside the script that says which flowlet a transformation runs.
    private func use(_ step: String, _ flowlet: String, _ parameters: String = "{}") -> String {
        #"{"name": "\#(step)", "flowlet": {"referenceName": "\#(flowlet)", "type": "DataFlowReference", "parameters": \#(parameters)}}"#
    }

    @Test func `a flowlet takes mapped columns and gives its outputs as branches`() async throws {
        let fixture = try DataFlowFixture()
        try fixture.flowlet(
            "Clean",
            """
            parameters{
                mark as string ('!')
            }
            input(output(
                    text as string,
                    key as integer
                ),
                order: 0,
                allowSchemaDrift: true) ~> in1
            in1 derive(text = upper(text) + $mark) ~> D
            D split(key <= 2, disjoint: false) ~> Sp@(few, rest)
            Sp@few output() ~> out1
            Sp@rest output(mapColumn(number = key)) ~> out2
            """
        )
        let lines = try await fixture.lines(
            people
                + """
                S compose(mapColumn(text = name, key = id), composition: 'Clean') ~> Clean1@(out1, out2)
                Clean1@out1 select(mapColumn(id = key, what = text)) ~> A
                Clean1@out2 select(mapColumn(id = number, what = toString(null()))) ~> B
                A, B union(byName: true) ~> U
                U sink() ~> Out

                """,
            transformations: use("Clean1", "Clean")
        )
        #expect(lines == ["1|ANN!", "2|BOB!", "3|NULL", "4|NULL"])
    }

    @Test func `parameters of a flowlet are expressions, which may name those of the flow that runs it`() async throws {
        let fixture = try DataFlowFixture()
        try fixture.flowlet(
            "Add",
            """
            parameters{
                by as integer (1),
                tail as string
            }
            input() ~> i
            i derive(name = name + $tail + toString(id + $by)) ~> d
            d output() ~> o
            """
        )
        let lines = try await fixture.lines(
            "parameters{\n n as integer (5)\n}\n" + people
                + """
                S compose(composition: 'Add') ~> Add1@(o)
                Add1@o select(mapColumn(name)) ~> A
                A sink() ~> Out

                """,
            parameters: #"{"n": "100"}"#,
            transformations: use("Add1", "Add", #"{"by": "$n", "tail": {"value": "'-'", "type": "Expression"}}"#)
        )
        #expect(lines == ["Ann-101", "Bob-102", "Cid-103", "Dora-104"])
    }

    @Test func `two inputs, a flowlet within a flowlet, and the same flowlet twice`() async throws {
        let fixture = try DataFlowFixture()
        try fixture.flowlet(
            "Upper",
            "input(output(t as string), allowSchemaDrift: false) ~> i\ni derive(t = upper(t)) ~> d\nd output() ~> o"
        )
        try fixture.flowlet(
            "Both",
            """
            input(output(town as string, land as string), order: 1) ~> right
            input(output(id as integer, place as string), order: 0) ~> left
            right compose(mapColumn(t = land), composition: 'Upper') ~> unused@(o)
            left, right join(place == town, joinType: 'inner') ~> j
            j select(mapColumn(id, land)) ~> s
            s output() ~> o
            """,
            transformations: use("unused", "Upper")
        )
        let lines = try await fixture.lines(
            people
                + """
                source(output(town as string, land as string)) ~> T
                S, T compose(mapColumn(left@place = town, left@id = id, right@town = town, right@land = land), composition: 'Both') ~> B1
                B1 compose(mapColumn(t = lower(land)), composition: 'Upper') ~> U1@(o)
                U1@o sink() ~> Out

                """,
            transformations: [use("B1", "Both"), use("U1", "Upper")].joined(separator: ", ")
        )
        #expect(lines == ["CH", "CH", "DE"])
    }

    @Test
    func `a column that the stream lacks is null in a flowlet, and what it does not declare flows through if it may`()
        async throws
    {
        let fixture = try DataFlowFixture()
        try fixture.flowlet(
            "Open",
            "input(output(id as string, more as double), allowSchemaDrift: true) ~> i\ni output() ~> o"
        )
        let lines = try await fixture.lines(
            people + "S filter(id == 1) ~> F\nF compose(composition: 'Open') ~> O1@(o)\nO1@o sink() ~> Out\n",
            transformations: use("O1", "Open")
        )
        #expect(lines == ["1|NULL|Ann|Bern|30"])
    }

    @Test func `a fault within a flowlet names the flowlet and the place in its file`() async throws {
        let fixture = try DataFlowFixture()
        try fixture.flowlet("Bad", "input() ~> i\ni derive(x = nothere) ~> d\nd output() ~> o")
        let run = try await fixture.run(
            people + "S compose(composition: 'Bad') ~> B1@(o)\nB1@o sink() ~> Out\n",
            transformations: use("B1", "Bad")
        )
        let message = run.failure?.message ?? ""
        #expect(message.contains("flowlet 'Bad'") && message.contains("nothere"), "\(message)")
        #expect(message.contains("dataflow/Bad.json:1:"), "\(message)")
    }

    @Test func `a wrong number of streams and an unknown output are told`() async throws {
        let fixture = try DataFlowFixture()
        try fixture.flowlet("One", "input() ~> i\ni output() ~> o")
        let two = try await fixture.run(
            people
                + "source(output(town as string, land as string)) ~> T\nS, T compose(composition: 'One') ~> B1@(o)\nB1@o sink() ~> Out\n",
            transformations: use("B1", "One")
        )
        #expect(two.failure?.message.contains("given 2 streams, its flowlet has 1 inputs") == true)
        let other = try await fixture.run(
            people + "S compose(composition: 'One') ~> B1@(p)\nB1@p sink() ~> Out\n",
            transformations: use("B1", "One")
        )
        #expect(other.failure?.message.contains("has no output 'p'") == true)
        #expect(other.failure?.hint?.contains("it has: o") == true)
    }

    // MARK: - Before anything has run

    private func findings(
        _ fixture: DataFlowFixture,
        _ script: String,
        _ transformations: String
    ) async throws
        -> [FactoryFinding]
    {
        _ = try await fixture.run(people + script, transformations: transformations)
        return try fixture.fixture.factory().findings
    }

    @Test func `flowlets are checked with the flow: unknown ones, circles, and what does not run in them`() async throws
    {
        let fixture = try DataFlowFixture()
        try fixture.flowlet(
            "A",
            "input() ~> i\ni compose(composition: 'B') ~> b@(o)\nb@o output() ~> o",
            transformations: use("b", "B")
        )
        try fixture.flowlet(
            "B",
            "input() ~> i\ni compose(composition: 'A') ~> a@(o)\na@o output() ~> o",
            transformations: use("a", "A")
        )
        try fixture.flowlet("C", "input() ~> i\ni derive(x = nofunction(1)) ~> d\nd output() ~> o")
        let findings = try await findings(
            fixture,
            """
            S compose(composition: 'A') ~> A1@(o)
            S compose(composition: 'C') ~> C1@(o)
            S compose(composition: 'Missing') ~> M1@(o)
            A1@o, C1@o, M1@o union() ~> U
            U sink() ~> Out

            """,
            use("A1", "A")
        )
        let texts = findings.map { "\($0.error.code.name) \($0.error.message)" }
        #expect(texts.contains { $0.hasPrefix("ENDLESS_RECURSION") && $0.contains("'a' → 'b' → 'a'") }, "\(texts)")
        #expect(texts.contains { $0.hasPrefix("UNSUPPORTED") && $0.contains("nofunction") }, "\(texts)")
        #expect(texts.contains { $0.hasPrefix("UNKNOWN_DATA_FLOW") && $0.contains("'Missing'") }, "\(texts)")
    }

    @Test func `a flow with good flowlets has no finding, and a flowlet cannot be run on its own`() async throws {
        let fixture = try DataFlowFixture()
        try fixture.flowlet("C", "input() ~> i\ni derive(x = upper(name)) ~> d\nd output() ~> o")
        let good = try await findings(
            fixture,
            "S compose(composition: 'C') ~> C1@(o)\nC1@o sink() ~> Out\n",
            use("C1", "C")
        )
        #expect(good.isEmpty, "\(good)")
        try fixture.fixture.pipeline(
            "P",
            [activity("ExecuteDataFlow", "F", #""dataFlow": {"referenceName": "C", "type": "DataFlowReference"}"#)]
        )
        let own = try fixture.fixture.factory().findings
        #expect(own.contains { $0.error.message.contains("which only a data flow can") }, "\(own)")
    }
}
