import DuckKit
import DuetEngine
import DuetExpression
import DuetFactory
import DuetProcedural
import DuetTestSupport
import Testing

/// Each transformation of a mapping data flow, run on the warehouse.
@Suite struct DataFlowTests {
    private let people =
        "source(output(id as integer, name as string, town as string, age as integer), allowSchemaDrift: true) ~> S\n"
    private let towns = "source(output(town as string, land as string)) ~> T\n"

    private func lines(_ body: String, order: String = "ALL", parameters: String = "{}") async throws -> [String] {
        try await DataFlowFixture().lines(people + towns + body, order: order, parameters: parameters)
    }

    @Test func `select renames, drops and reorders columns`() async throws {
        let lines = try await lines(
            "S select(mapColumn(who = name, id), skipDuplicateMapOutputs: true) ~> A\nA sink() ~> Out\n"
        )
        #expect(lines == ["Ann|1", "Bob|2", "Cid|3", "Dora|4"])
    }

    @Test func `a pattern selects columns by name and type`() async throws {
        let script = "S select(mapColumn(each(match(type == 'string'), $$ + '_text' = $$))) ~> A\nA sink() ~> Out\n"
        let fixture = try DataFlowFixture()
        _ = try await fixture.lines(people + script)
        let columns = try fixture.warehouse.connect().describe("SELECT * FROM sales.result").map(\.name)
        #expect(columns == ["name_text", "town_text"])
    }

    @Test func `derive adds columns and replaces others`() async throws {
        let lines = try await lines(
            "S derive(name = upper(name) + '!', old = iif(age >= 30, 'yes', 'no'), next = age + 1) ~> A\nA select(mapColumn(id, name, old, next)) ~> B\nB sink() ~> Out\n"
        )
        #expect(lines == ["1|ANN!|yes|31", "2|BOB!|yes|41", "3|CID!|no|NULL", "4|DORA!|no|26"])
    }

    @Test func `filter keeps the rows that fit`() async throws {
        let lines = try await lines("S filter(!isNull(age) && town == 'Bern') ~> A\nA sink() ~> Out\n")
        #expect(lines == ["1|Ann|Bern|30", "4|Dora|Bern|25"])
    }

    @Test(arguments: [
        ("inner", ["Ann|CH", "Bob|DE", "Dora|CH"]),
        ("left", ["Ann|CH", "Bob|DE", "Cid|NULL", "Dora|CH"]),
        ("right", ["Ann|CH", "Bob|DE", "Dora|CH", "NULL|AT"]),
        ("outer", ["Ann|CH", "Bob|DE", "Cid|NULL", "Dora|CH", "NULL|AT"]),
    ])
    func `join combines two streams`(type: String, expected: [String]) async throws {
        let lines = try await lines(
            "S, T join(S@town == T@town, joinType: '\(type)', broadcast: 'auto') ~> A\nA select(mapColumn(name, land)) ~> B\nB sink() ~> Out\n"
        )
        #expect(lines == expected)
    }

    @Test func `columns of one name stay apart behind a join`() async throws {
        let lines = try await lines(
            "S, T join(S@town == T@town, joinType: 'inner') ~> A\nA select(mapColumn(mine = S@town, theirs = T@town, id)) ~> B\nB sink() ~> Out\n"
        )
        #expect(lines == ["Bern|Bern|1", "Bern|Bern|4", "Ulm|Ulm|2"])
    }

    @Test func `lookup takes one match, the last in an order`() async throws {
        let lines = try await lines(
            """
            T, S lookup(T@town == S@town, multiple: false, pickup: 'last', asc(S@age, true)) ~> A
            A select(mapColumn(land, name)) ~> B
            B sink() ~> Out

            """
        )
        #expect(lines == ["AT|NULL", "CH|Ann", "DE|Bob"])
    }

    @Test(arguments: [("false", ["Bern", "Ulm"]), ("true", ["Wien"])])
    func `exists keeps rows that have a match, or that have none`(negate: String, expected: [String]) async throws {
        let lines = try await lines(
            "T, S exists(T@town == S@town, negate: \(negate)) ~> A\nA select(mapColumn(town)) ~> B\nB sink() ~> Out\n"
        )
        #expect(lines == expected)
    }

    @Test func `aggregate groups`() async throws {
        let lines = try await lines(
            "S aggregate(groupBy(where = coalesce(town, '-')), n = count(1), total = sum(age), oldest = max(age)) ~> A\nA sink() ~> Out\n"
        )
        #expect(lines == ["-|1|NULL|NULL", "Bern|2|55|30", "Ulm|1|40|40"])
    }

    @Test func `distinct rows are an aggregate with a pattern`() async throws {
        let lines = try await lines(
            "S aggregate(groupBy(town), each(match(name != 'town'), $$ = max($$))) ~> A\nA sink() ~> Out\n"
        )
        #expect(lines == ["Bern|4|Dora|30", "Ulm|2|Bob|40", "NULL|3|Cid|NULL"])
    }

    @Test func `window computes over a partition`() async throws {
        let lines = try await lines(
            """
            S window(over(town), asc(id, true), number = rowNumber(), all = sum(age), before = lag(name)) ~> A
            A select(mapColumn(id, number, all, before)) ~> B
            B sink() ~> Out

            """
        )
        #expect(lines == ["1|1|55|NULL", "2|1|40|NULL", "3|1|NULL|NULL", "4|2|55|Ann"])
    }

    @Test func `rank numbers rows by an order`() async throws {
        let lines = try await lines(
            "S rank(desc(age, false), output(place as long), dense: true) ~> A\nA select(mapColumn(place, name)) ~> B\nB sink() ~> Out\n"
        )
        #expect(lines == ["1|Bob", "2|Ann", "3|Dora", "4|Cid"])
    }

    @Test func `union puts columns of one name together`() async throws {
        let lines = try await lines(
            """
            S select(mapColumn(town, id)) ~> A
            A, T union(byName: true) ~> B
            B sink() ~> Out

            """
        )
        #expect(
            lines == [
                "Bern|1|NULL", "Bern|4|NULL", "Bern|NULL|CH", "Ulm|2|NULL", "Ulm|NULL|DE", "Wien|NULL|AT",
                "NULL|3|NULL",
            ]
        )
    }

    @Test func `split sends each row to the first branch that fits`() async throws {
        let lines = try await lines(
            """
            S split(age >= 40, age >= 25, disjoint: false) ~> Ages@(old, young, unknown)
            Ages@old derive(kind = 'old') ~> A
            Ages@young derive(kind = 'young') ~> B
            Ages@unknown derive(kind = 'unknown') ~> C
            A, B, C union(byName: true) ~> D
            D select(mapColumn(name, kind)) ~> E
            E sink() ~> Out

            """
        )
        #expect(lines == ["Ann|young", "Bob|old", "Cid|unknown", "Dora|young"])
    }

    @Test func `sort and surrogate key number rows in order`() async throws {
        let lines = try await lines(
            """
            S sort(desc(name, true)) ~> A
            A keyGenerate(output(key as long), startAt: 10L, stepValue: 5L) ~> B
            B select(mapColumn(key, name)) ~> C
            C sink() ~> Out

            """
        )
        #expect(lines == ["10|Dora", "15|Cid", "20|Bob", "25|Ann"])
    }

    @Test func `pivot makes a column of each value, unpivot a row of each column`() async throws {
        let fixture = try DataFlowFixture()
        let lines = try await fixture.lines(
            people + """
                S pivot(groupBy(), pivotBy(town, ['Bern', 'Ulm']), n = count(1), columnNaming: '$V_$N', lateral: true) ~> A
                A sink() ~> Out

                """
        )
        #expect(lines == ["2|1"])
        #expect(try fixture.warehouse.connect().describe("FROM sales.result").map(\.name) == ["Bern_n", "Ulm_n"])
        let rows = try await self.lines(
            """
            S select(mapColumn(name, id, age)) ~> A
            A unpivot(output(what as string, value as integer), ungroupBy(name), lateral: true, ignoreNullPivots: true) ~> B
            B sink() ~> Out

            """
        )
        #expect(rows == ["Ann|age|30", "Ann|id|1", "Bob|age|40", "Bob|id|2", "Cid|id|3", "Dora|age|25", "Dora|id|4"])
    }

    @Test func `flatten makes a row of each element`() async throws {
        let lines = try await lines(
            """
            S aggregate(groupBy(town), all = collect(@(id = id, name = name))) ~> A
            A foldDown(unroll(all), mapColumn(town, who = all.name, id = all.id)) ~> B
            B sink() ~> Out

            """
        )
        #expect(lines == ["Bern|Ann|1", "Bern|Dora|4", "Ulm|Bob|2", "NULL|Cid|3"])
    }

    @Test func `assert marks rows, and rows can be sent elsewhere by it`() async throws {
        let lines = try await lines(
            """
            S assert(expectTrue(age > 26, false, 'grown', null, 'too young'), expectUnique(town, false, 'alone')) ~> A
            A derive(bad = isError(), young = hasError('grown'), shared = isError('alone')) ~> B
            B select(mapColumn(name, bad, young, shared)) ~> C
            C sink() ~> Out

            """
        )
        #expect(
            lines == ["Ann|true|false|true", "Bob|false|false|false", "Cid|true|true|false", "Dora|true|true|true"]
        )
    }

    @Test func `an assert that fails the flow says which row`() async throws {
        let run = try await DataFlowFixture().run(
            people
                + "S assert(expectTrue(age > 26, true, 'grown', null, name + ' is too young')) ~> A\nA sink() ~> Out\n"
        )
        #expect(run.status == .failed)
        #expect(run.failure?.code == "DFExecutorUserError")
        #expect(run.failure?.message.contains("too young") == true)
    }

    @Test func `alterRow decides what becomes of a row in the table`() async throws {
        let fixture = try DataFlowFixture()
        try fixture.warehouse.connect().execute(
            "CREATE TABLE sales.result AS SELECT id, name, age FROM sales.people WHERE id < 4; UPDATE sales.result SET name = 'old'"
        )
        let lines = try await fixture.lines(
            people + """
                S alterRow(deleteIf(id == 1), updateIf(id == 2), upsertIf(id == 4)) ~> A
                A sink(insertable: true, updateable: true, deletable: true, upsertable: true, keys: ['id'], mapColumn(id, name, age)) ~> Out

                """
        )
        #expect(lines == ["2|Bob|40", "3|old|NULL", "4|Dora|25"])
    }

    @Test func `parameters come in as expressions of the data flow language`() async throws {
        let declared = "parameters{ where as string ('Ulm'), least as integer (26) }\n"
        let script = "S filter(town == $where && age > $least) ~> A\nA select(mapColumn(name)) ~> B\nB sink() ~> Out\n"
        let given = try await DataFlowFixture().lines(declared + people + script, parameters: #"{"where": "'Bern'"}"#)
        #expect(given == ["Ann"])
        #expect(try await DataFlowFixture().lines(declared + people + script) == ["Bob"])
    }

    @Test func `a column by a name that is computed, and one that is not there`() async throws {
        let lines = try await lines(
            "S derive(x = toString(byName('age')), y = byName('nowhere')) ~> A\nA select(mapColumn(id, x, y)) ~> B\nB sink() ~> Out\n"
        )
        #expect(lines == ["1|30|NULL", "2|40|NULL", "3|NULL|NULL", "4|25|NULL"])
    }

    @Test func `a cached sink is the activity's output and can be looked into`() async throws {
        let fixture = try DataFlowFixture()
        _ = try await fixture.lines(
            people + """
                S aggregate(most = max(age)) ~> A
                A sink(store: 'cache', format: 'inline', output: true) ~> Peak
                S derive(share = age == Peak#output().most) ~> B
                B select(mapColumn(name, share)) ~> C
                C sink() ~> Out

                """
        )
        let output = fixture.fixture.seen.run("Flow")?.output.json ?? ""
        #expect(output.contains(#""Peak":{"value":[{"most":40}],"count":1}"#))
        #expect(output.contains(#""rowsWritten":4"#))
    }

    @Test(arguments: [
        ("S filter(agee > 1) ~> A\nA sink() ~> Out\n", "there is no column 'agee'"),
        ("S filter(upper(name) ~> A\n", "expected ')'"),
        ("X filter(true()) ~> A\nA sink() ~> Out\n", "reads the stream 'X'"),
        ("S filter(nonsense(1)) ~> A\nA sink() ~> Out\n", "does not know the function 'nonsense'"),
        ("S flowlet() ~> A\nA sink() ~> Out\n", "transformation 'flowlet'"),
    ])
    func `what is wrong is told with its place`(script: String, message: String) async throws {
        let fixture = try DataFlowFixture()
        let run = try await fixture.run(people + script)
        #expect(run.status == .failed)
        let told = fixture.fixture.seen.activities.last?.error?["message"]?.stringValue ?? ""
        #expect(told.contains(message), "\(told)")
        #expect(told.contains("Flow.json:1:"), "\(told)")
    }

    @Test func `a failure in a sink leaves all tables as they were`() async throws {
        let fixture = try DataFlowFixture()
        try fixture.warehouse.connect().execute(
            "CREATE TABLE sales.result (id INTEGER, name VARCHAR CHECK (name <> 'Bob'))"
        )
        let run = try await fixture.run(people + "S sink(mapColumn(id, name), truncate: true) ~> Out\n")
        #expect(run.status == .failed)
        #expect(try fixture.warehouse.connect().scalar("SELECT count(*) FROM sales.result").int == 0)
    }
}
