import DuckKit
import DuetFactory
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Testing

/// Where the columns come from that a factory writes, read off its files.
@Suite struct FactoryLineageTests {
    private let people = "source(output(id as integer, name as string, town as string, age as integer)) ~> S\n"
    private let towns = "source(output(town as string, land as string)) ~> T\n"

    /// The columns that a data flow's sink writes, as `column: dataset.column kind, …`, and what decides its rows.
    private func lineage(_ body: String) async throws -> (columns: [String], rows: String, unknown: String?) {
        let flow = try DataFlowFixture()
        // The lineage is of what runs: the script must do so too.
        #expect(try await flow.run(people + towns + body).failure == nil)
        let step = try #require(FactoryLineage(try flow.fixture.factory()).steps.first)
        func text(_ origins: Set<FactoryLineage.Origin>) -> String {
            origins.sorted().map { "\($0.column) \($0.kind)" }.joined(separator: ", ")
        }
        return (step.columns.map { "\($0.name): \(text($0.origins))" }, text(step.rows), step.unknown)
    }

    @Test func `select, derive and filter`() async throws {
        let found = try await lineage(
            "S derive(next = age + 1, kind = iif(age > 9, name, town)) ~> A\nA filter(isNull(town) == false()) ~> B\n"
                + "B select(mapColumn(who = name, next, kind)) ~> C\nC sink() ~> Out\n"
        )
        #expect(
            found.columns == [
                "who: name identity", "next: age transformation",
                "kind: age conditional, name transformation, town transformation",
            ]
        )
        #expect(found.rows == "town filter" && found.unknown == nil)
    }

    @Test func `join and aggregate`() async throws {
        let found = try await lineage(
            "S, T join(S@town == T@town, joinType: 'inner', broadcast: 'auto') ~> A\n"
                + "A aggregate(groupBy(land), total = sum(age + 1), n = count(1)) ~> B\nB sink() ~> Out\n"
        )
        #expect(found.columns == ["land: land identity", "total: age aggregation", "n: "])
        #expect(found.rows == "town join, land group_by, town join" && found.unknown == nil)
    }

    @Test func `a flowlet and what it makes of mapped columns`() async throws {
        let flow = try DataFlowFixture()
        try flow.flowlet(
            "Clean",
            "input(output(text as string, n as integer)) ~> i\ni derive(text = upper(text)) ~> d\nd filter(n > 0) ~> f\nf output() ~> o"
        )
        let body = "S compose(mapColumn(text = name, n = age), composition: 'Clean') ~> C1@(o)\nC1@o sink() ~> Out\n"
        #expect(try await flow.run(people + body).failure == nil)
        let step = try #require(FactoryLineage(try flow.fixture.factory()).steps.first)
        #expect(
            step.columns.map { "\($0.name): \($0.origins.map { "\($0.column) \($0.kind)" })" } == [
                #"text: ["name transformation"]"#, #"n: ["age identity"]"#,
            ]
        )
        #expect(step.rows.map { "\($0.column) \($0.kind)" } == ["age filter"] && step.unknown == nil)
    }

    @Test func `an answer of an external call depends on what was sent`() throws {
        let flow = try DataFlowFixture()
        let script =
            people
            + "S call(mapColumn(name, age), output(body as (a as string), status as string)) ~> C\nC select(mapColumn(id, body, status)) ~> D\nD sink() ~> Out\n"
        let text = JSONValue.string(script).text()
        try flow.fixture.resource(
            "dataflow",
            "Flow",
            #"{"type": "MappingDataFlow", "typeProperties": {"script": \#(text)}}"#
        )
        try flow.fixture.pipeline(
            "P",
            [activity("ExecuteDataFlow", "F", #""dataFlow": {"referenceName": "Flow", "type": "DataFlowReference"}"#)]
        )
        let step = try #require(FactoryLineage(try flow.fixture.factory()).steps.first)
        let sent = "age transformation, name transformation"
        #expect(
            step.columns.map {
                "\($0.name): \($0.origins.sorted().map { "\($0.column) \($0.kind)" }.joined(separator: ", "))"
            }
                == ["id: id identity", "body: \(sent)", "status: \(sent)"]
        )
    }

    @Test func `what has no rule is said`() async throws {
        let found = try await lineage(
            "S select(mapColumn(each(match(type == 'string'), $$ = $$))) ~> A\nA sink() ~> Out\n"
        )
        #expect(found.columns == [] && found.unknown == "columns are chosen by a pattern")
    }

    @Test func `the mapping of a Copy`() throws {
        let (fixture, _) = try FactoryFixture.working()
        let ends =
            #""source": {"type": "JsonSource", "additionalColumns": [{"name": "again", "value": "$$COLUMN:id"}]}, "sink": {"type": "AzureSqlSink"}"#
        let mapping =
            #"[{"source": {"name": "id"}, "sink": {"name": "key"}}, {"source": {"path": "$.who.name"}, "sink": {"name": "who"}}]"#
        try fixture.pipeline(
            "P",
            [
                copy(
                    "C",
                    ends + #", "translator": {"type": "TabularTranslator", "mappings": \#(mapping)}"#,
                    from: reference("Json"),
                    to: reference("Table", #"{"name": "T"}"#)
                ),
                copy("D", ends, from: reference("Json"), to: reference("Table", #"{"name": "T"}"#)),
            ]
        )
        let steps = FactoryLineage(try fixture.factory()).steps
        let origins = steps[0].columns.map { "\($0.name): \($0.origins.map { "\($0.place).\($0.column)" }.joined())" }
        #expect(origins == ["key: Json.id", "who: Json.$.who.name", "again: Json.id"])
        #expect(steps[0].unknown == nil && steps[1].unknown?.contains("no mapping") == true)
    }
}
