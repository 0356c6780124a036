import DuetCompare
import DuetEngine
import DuetEvents
import DuetLineage
import DuetPipeline
import DuetTestSupport
import Testing

/// Looks into warehouses: history, earlier rows, profiles, prompts.
@Suite struct LookTests {
    private func fixture() throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "sources: {orders: {location: data/orders-*.csv}}",
            sql: """
                CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
                CREATE MATERIALIZED VIEW gold.total TBLPROPERTIES ('duet.keepChanges' = '2')
                  AS SELECT id, sum(amount) AS total FROM bronze.orders GROUP BY id;
                """
        )
        try fixture.drop("id,amount\n1,10\n2,5\n", "orders-1.csv")
        return fixture
    }

    private func look(_ fixture: PipelineFixture, _ style: Style = .declarative) throws -> LineageInspection {
        try RowLineageTests.inspection(fixture, style)
    }

    @Test func `rows are told as each kept update left them, and what changed between`() async throws {
        let fixture = try fixture()
        var runs: [String] = []
        for round in 1...4 {
            if round > 1 { try fixture.drop("id,amount\n\(round),\(round)\n1,1\n", "orders-\(round).csv") }
            let outcome = try await fixture.run(.declarative)
            #expect(outcome.isSuccess)
            runs.append(try #require(outcome.events.first?.runID))
        }
        let look = try look(fixture)
        func rows(_ update: String) throws -> String {
            try look.show("gold.total", at: update, where: "id = 1", limit: 9, asJSON: true)
        }
        #expect(try rows(runs[3]) == #"{"id":1,"total":13}"#)
        #expect(try rows(runs[2]) == #"{"id":1,"total":12}"#)
        #expect(try rows(runs[1]) == #"{"id":1,"total":11}"#)
        // Of two updates the changes are kept; the rows before them can no longer be told.
        #expect(throws: DuetError.self) { try rows(runs[0]) }
        let difference = try look.difference("gold.total", from: runs[2], to: nil, limit: 9, asJSON: true)
        #expect(
            Set(difference.split(separator: "\n")) == [
                #"{"change":1,"id":4,"total":4}"#, #"{"change":1,"id":1,"total":13}"#,
                #"{"change":-1,"id":1,"total":12}"#,
            ]
        )
        #expect(throws: DuetError.self) {
            try look.difference("bronze.orders", from: runs[2], to: nil, limit: 9, asJSON: true)
        }
        #expect(try fixture.rows("SELECT count(DISTINCT __version) FROM duet_changes.\"gold.total\"") == [["2"]])
    }

    @Test func `changes that are kept only from some update on tell nothing from before it`() async throws {
        let fixture = try fixture()
        let kept = try fixture.folder.text("transformations/all.sql")
        try fixture.rewrite(sql: kept.replacing("TBLPROPERTIES ('duet.keepChanges' = '2')", with: ""))
        var runs: [String] = []
        for round in 1...3 {
            if round == 3 { try fixture.rewrite(sql: kept) }
            if round > 1 { try fixture.drop("id,amount\n\(round),\(round)\n1,1\n", "orders-\(round).csv") }
            let outcome = try await fixture.run(.declarative)
            #expect(outcome.isSuccess)
            #expect(round == 1 || outcome.measures(of: "gold.total")?.strategy == .incremental)
            runs.append(try #require(outcome.events.first?.runID))
        }
        let look = try look(fixture)
        func difference(_ from: String) throws -> Set<Substring> {
            Set(
                try look.difference("gold.total", from: from, to: nil, limit: 9, asJSON: true).split(separator: "\n")
            )
        }
        #expect(
            try difference(runs[1]) == [
                #"{"change":1,"id":3,"total":3}"#, #"{"change":1,"id":1,"total":12}"#,
                #"{"change":-1,"id":1,"total":11}"#,
            ]
        )
        // The second update's changes were not kept: without them the difference would lack the row that it brought.
        let error = #expect(throws: DuetError.self) { try difference(runs[0]) }
        #expect(error?.message.contains("changes are kept from version") == true)
        #expect(throws: DuetError.self) {
            try look.show("gold.total", at: runs[0], where: nil, limit: 9, asJSON: true)
        }
    }

    @Test(arguments: Style.allCases)
    func `history tells each update with its definition, and who reads the dataset`(style: Style) async throws {
        let fixture = try fixture()
        #expect(try await fixture.run(style).isSuccess)
        try fixture.rewrite(sql: try fixture.folder.text("transformations/all.sql").replacing("sum(", with: "max("))
        #expect(try await fixture.run(style).isSuccess)
        let look = try look(fixture, style)
        let gold = try JSONValue(parsing: try look.history("gold.total", asJSON: true))
        let definitions = (gold["updates"]?.array ?? []).compactMap { $0["definition"]?.string }
        #expect(definitions.count == 2 && Set(definitions).count == 2)
        let bronze = try JSONValue(parsing: try look.history("bronze.orders", asJSON: true))
        #expect(bronze["readers"] == ["gold.total"])
    }

    @Test func `a profile counts NULLs and distinct values, and a sample is the same again`() async throws {
        let fixture = try fixture()
        try fixture.drop("id,amount\n,7\n3,7\n", "orders-2.csv")
        #expect(try await fixture.run(.declarative).isSuccess)
        let look = try look(fixture)
        let profile = try JSONValue(parsing: try look.profile("bronze.orders", asJSON: true)).array ?? []
        let id = try #require(profile.first)
        #expect(id["nulls"] == 1 && id["distinct"] == 3 && id["min"] == "1" && id["max"] == "3")
        #expect(id["histogram"]?.array?.compactMap { $0["count"]?.integer }.reduce(0, +) == 3)
        #expect(try look.profile("bronze.orders", asJSON: false).contains("4 rows"))
        let sample = try look.sample("bronze.orders", count: 2, seed: 3, asJSON: true)
        #expect(try sample == look.sample("bronze.orders", count: 2, seed: 3, asJSON: true))
        #expect(sample.split(separator: "\n").count == 2)
        #expect(try look.explainAnalyze("gold.total").contains("Total Time"))
    }

    @Test func `the prompt reads both warehouses and changes neither`() async throws {
        let fixture = try fixture()
        #expect(throws: DuetError.self) { try SQLPrompt(fixture.home) }
        for style in Style.allCases { #expect(try await fixture.run(style).isSuccess) }
        let prompt = try SQLPrompt(fixture.home)
        let sql = "SELECT * FROM procedural.gold.total EXCEPT SELECT * FROM declarative.gold.total"
        #expect(try prompt.answer(sql, asJSON: true) == "")
        #expect(try prompt.answer("SELECT count(*) AS n FROM gold.total", asJSON: true) == #"{"n":2}"#)
        #expect(throws: DuetError.self) { try prompt.answer("DELETE FROM procedural.gold.total", asJSON: false) }
    }

    @Test func `a debug session goes on dataset by dataset`() async throws {
        let fixture = try fixture()
        let pipeline = try fixture.pipeline()
        let (home, fetcher) = (fixture.home, fixture.fetcher)
        try await offPool {
            let look = LineageInspection(pipeline, home: home, style: .declarative)
            let session = try DebugSession(look) { names in
                try Styles.executor(.declarative).run(
                    RunRequest(pipeline: pipeline, home: home, selection: names, fetcher: fetcher)
                )
            }
            #expect(session.place == "0 of 2 datasets done; next: bronze.orders")
            #expect(try session.answer("next")?.contains("bronze.orders: full, +2 rows") == true)
            #expect(try session.answer("show bronze.orders")?.contains("10") == true)
            #expect(throws: DuetError.self) { try session.answer("show gold.total") }
            #expect(try session.answer("until gold.total")?.contains("all datasets are up to date") == true)
            #expect(try session.answer("sql SELECT sum(total) AS s FROM gold.total")?.contains("15") == true)
            #expect(try session.answer("quit") == nil)
        }
    }

    @Test(arguments: Style.allCases)
    func `the timing's parts add up, and a later run is held against earlier ones`(style: Style) async throws {
        let fixture = try fixture()
        for round in 1...3 {
            try fixture.drop("id,amount\n\(round),\(round)\n", "orders-\(round).csv")
            #expect(try await fixture.run(style).isSuccess)
        }
        let timing = try JSONValue(parsing: try look(fixture, style).timing(nil, asJSON: true))
        func number(_ key: String) -> Double {
            switch timing[key] {
            case .double(let value): value
            case .integer(let value): Double(value)
            default: -1
            }
        }
        #expect(timing["end"] == "completed")
        #expect(abs(number("working_seconds") + number("overhead_seconds") - number("wall_seconds")) < 0.01)
        #expect(number("critical_path_seconds") > 0 && number("cpu_seconds") > 0 && number("peak_memory") > 0)
        #expect(number("ratio_to_median") > 0)
        let critical = (timing["steps"]?.array ?? []).filter { $0["is_critical"] == true }
        #expect(critical.count == 3)
    }
}
