import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// Rules that rows are held to: what is counted, kept out, refused and kept.
@Suite struct ExpectationTests {
    private func fixture(_ sql: String, rules: String? = nil) throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "sources: {s: {location: data/*.csv}}",
            sql: "CREATE STREAMING TABLE bronze.t AS SELECT * FROM STREAM read_files('${source.s}');\n\(sql)"
        )
        try fixture.drop("id,v\n1,10\n2,-1\n2,5\n", "a.csv")
        if let rules { try fixture.folder.write(rules, to: "rules.yml") }
        return fixture
    }

    private func counts(_ outcome: RunOutcome, _ step: String) -> [String: [Int?]] {
        Dictionary(
            (outcome.measures(of: step)?.expectations ?? []).map {
                ($0.name, [$0.passed, $0.failed, $0.totalPassed, $0.totalFailed])
            }
        ) { $1 }
    }

    @Test func `an update's counts are of its rows, the totals of all there are`() async throws {
        let fixture = try fixture(
            """
            CREATE MATERIALIZED VIEW gold.v (CONSTRAINT pos EXPECT (v > 0), CONSTRAINT low EXPECT (v < 9))
              REFRESH POLICY INCREMENTAL AS SELECT id, v FROM bronze.t;
            """
        )
        #expect(counts(try await fixture.run(.declarative), "gold.v")["pos"] == [2, 1, 2, 1])
        try fixture.drop("id,v\n7,-7\n8,8\n", "b.csv")
        let second = try await fixture.run(.declarative)
        #expect(second.measures(of: "gold.v")?.strategy == .append)
        #expect(counts(second, "gold.v") == ["pos": [1, 1, 3, 2], "low": [2, 0, 4, 1]])
        try fixture.folder.remove("data/a.csv")
        let third = try await fixture.run(.declarative)
        #expect(third.measures(of: "gold.v")?.strategy == .incremental)
        #expect(counts(third, "gold.v") == ["pos": [0, 0, 1, 1], "low": [0, 0, 2, 0]])
        let kept = "SELECT total_passed, total_failed FROM duet.expectations WHERE name = 'pos' ORDER BY update_number"
        #expect(try fixture.rows(kept) == [["2", "1"], ["3", "2"], ["1", "1"]])
    }

    @Test func `the quarantine has the row, its rules and the update that brought it`() async throws {
        let fixture = try fixture(
            """
            CREATE STREAMING TABLE silver.t (
              CONSTRAINT pos EXPECT (v > 0) ON VIOLATION DROP ROW, CONSTRAINT one EXPECT (id > 1) ON VIOLATION DROP ROW
            ) AS SELECT * FROM STREAM(bronze.t);
            CREATE MATERIALIZED VIEW gold.n AS SELECT count(*) AS n FROM silver.t;
            """
        )
        let first = try await fixture.run(.declarative)
        #expect(first.measures(of: "silver.t")?.rowsDropped == 2)
        try fixture.drop("id,v\n1,-3\n2,6\n", "b.csv")
        let second = try await fixture.run(.declarative)
        #expect(second.measures(of: "silver.t")?.rowsDropped == 1)
        let plain =
            "SELECT id, v, failed_constraints, dense_rank() OVER (ORDER BY update_number) "
            + "FROM duet_quarantine.\"silver.t\" ORDER BY v"
        #expect(
            try fixture.rows(plain) == [
                ["1", "-3", "[pos, one]", "2"], ["2", "-1", "[pos]", "1"], ["1", "10", "[one]", "1"],
            ]
        )
        let runs = "SELECT DISTINCT run_id FROM duet_quarantine.\"silver.t\" ORDER BY 1"
        #expect(try fixture.rows(runs).count == 2)
        // A row that its file takes back leaves; one that the file still has stays with the update that brought it.
        try fixture.drop("id,v\n1,10\n", "a.csv")
        #expect(try await fixture.run(.declarative).errors.isEmpty)
        #expect(try fixture.rows(plain) == [["1", "-3", "[pos, one]", "2"], ["1", "10", "[one]", "1"]])
        #expect(try await fixture.run(.declarative, rebuild: ["silver.t"]).errors.isEmpty)
        #expect(try fixture.rows(plain).count == 2)
        #expect(try fixture.rows("SELECT n FROM gold.n") == [["1"]])
    }

    @Test func `a plain view's rules count, keep out and refuse`() async throws {
        let view = { (action: String) in
            """
            CREATE TEMPORARY VIEW silver.v (CONSTRAINT pos EXPECT (v > 0) \(action)) AS SELECT * FROM bronze.t;
            CREATE MATERIALIZED VIEW gold.n AS SELECT count(*) AS n FROM silver.v;
            """
        }
        let fixture = try fixture(view("ON VIOLATION DROP ROW"))
        let outcome = try await fixture.run(.declarative)
        #expect(counts(outcome, "silver.v") == ["pos": [2, 1, 2, 1]])
        #expect(try fixture.rows("SELECT n FROM gold.n") == [["2"]])
        #expect(try fixture.rows("SELECT id FROM duet_quarantine.\"silver.v\"") == [["2"]])
        #expect(try await fixture.run(.procedural).errors.isEmpty)
        #expect(try fixture.differences().isEmpty)
        let strict = try self.fixture(view("ON VIOLATION FAIL UPDATE"))
        let failed = try await strict.run(.declarative)
        #expect(failed.errors.map(\.code) == [.expectationFailed])
        #expect(failed.end(of: "gold.n")?.kind == .stepSkipped)
    }

    @Test func `rows are held to uniqueness and number together, also from changes alone`() async throws {
        let fixture = try fixture(
            """
            CREATE MATERIALIZED VIEW gold.v (
              CONSTRAINT one_each EXPECT UNIQUE (id), CONSTRAINT few EXPECT ROW COUNT (row_count <= 4),
              CONSTRAINT pos EXPECT (v > 0) ON VIOLATION DROP ROW
            ) REFRESH POLICY INCREMENTAL AS SELECT id, v FROM bronze.t;
            """
        )
        #expect(counts(try await fixture.run(.declarative), "gold.v")["one_each"] == [2, 0, 2, 0])
        try fixture.drop("id,v\n1,2\n1,3\n5,5\n", "b.csv")
        let second = try await fixture.run(.declarative)
        #expect(second.measures(of: "gold.v")?.strategy == .append)
        #expect(counts(second, "gold.v")["one_each"] == [2, 3, 2, 3])
        #expect(counts(second, "gold.v")["few"] == [0, 1, 0, 1])
        try fixture.drop("id,v\n5,5\n", "b.csv")
        let third = try await fixture.run(.declarative)
        #expect(counts(third, "gold.v")["one_each"] == [3, 0, 3, 0])
        #expect(counts(third, "gold.v")["few"] == [1, 0, 1, 0])
        #expect(counts(try await fixture.run(.procedural), "gold.v")["one_each"] == nil)
    }

    @Test func `a violated rule about all rows leaves the dataset as it was, with an example`() async throws {
        let fixture = try fixture(
            """
            CREATE MATERIALIZED VIEW gold.v (CONSTRAINT one_each EXPECT UNIQUE (id) ON VIOLATION FAIL UPDATE)
              AS SELECT id, v FROM bronze.t WHERE v > 0;
            """
        )
        #expect(try await fixture.run(.declarative).errors.isEmpty)
        try fixture.drop("id,v\n1,2\n", "b.csv")
        let failed = try await fixture.run(.declarative)
        #expect(failed.errors.map(\.code) == [.expectationFailed])
        #expect(failed.errors.first?.hint?.contains("2 rows with id = 1") == true)
        #expect(try fixture.rows("SELECT count(*) FROM gold.v") == [["2"]])
    }

    @Test func `the checks that users of the service write work as they are`() async throws {
        let fixture = try fixture(
            """
            CREATE TEMPORARY MATERIALIZED VIEW pk (CONSTRAINT once EXPECT (num_entries = 1) ON VIOLATION FAIL UPDATE)
              AS SELECT id, count(*) AS num_entries FROM bronze.t GROUP BY id;
            CREATE TEMPORARY MATERIALIZED VIEW same (CONSTRAINT no_rows_dropped EXPECT (a_count == b_count))
              AS SELECT * FROM (SELECT COUNT(*) AS a_count FROM bronze.t), (SELECT COUNT(*) AS b_count FROM bronze.t);
            """
        )
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.errors.map(\.code) == [.expectationFailed])
        #expect(counts(outcome, "main.same") == ["no_rows_dropped": [1, 0, 1, 0]])
    }

    /// Totals kept through inserts, corrections and withdrawals, against the rows that are there.
    @Test func `totals kept from changes are those of a full recomputation`() async throws {
        let seed = TestSeed.announced(for: "expectation totals")
        var random = SeededGenerator(seed: seed)
        let rules = """
            CONSTRAINT pos EXPECT (v > 0), CONSTRAINT low EXPECT (v < 5) ON VIOLATION DROP ROW,
            CONSTRAINT both EXPECT (id <> v), CONSTRAINT once EXPECT UNIQUE (id), CONSTRAINT few EXPECT ROW COUNT (row_count < 9)
            """
        let queries = [
            "SELECT id, v FROM bronze.t", "SELECT id, sum(v) AS v FROM bronze.t GROUP BY id",
            "SELECT a.id, b.v FROM bronze.t AS a JOIN bronze.t AS b USING (id)",
            "SELECT id, max(v) AS v FROM bronze.t GROUP BY id", "SELECT DISTINCT id % 3 AS id, v FROM bronze.t",
        ]
        let fixture = try fixture(
            queries.enumerated().map {
                "CREATE MATERIALIZED VIEW gold.v\($0) (\(rules)) REFRESH POLICY INCREMENTAL AS \($1);"
            }.joined(separator: "\n")
                + "CREATE STREAMING TABLE silver.t (\(rules)) AS SELECT id, v FROM STREAM(bronze.t);"
        )
        var incremental = 0
        for round in 0..<8 {
            for name in ["a", "b", "c"].shuffled(using: &random).prefix(Int.random(in: 1...2, using: &random)) {
                let value = { (random: inout SeededGenerator) in
                    Int.random(in: 0..<6, using: &random) == 0 ? "" : "\(Int.random(in: -3...8, using: &random))"
                }
                let lines = (0..<Int.random(in: 1...6, using: &random)).map { _ in "\(value(&random)),\(value(&random))"
                }
                try fixture.drop("id,v\n0,0\n\(lines.joined(separator: "\n"))\n", "\(name).csv")
            }
            let outcome = try await fixture.run(.declarative)
            #expect(outcome.errors.isEmpty, "seed \(seed), round \(round)")
            incremental += outcome.events.filter { $0.measures?.strategy == .incremental }.count
            for name in queries.indices.map({ "gold.v\($0)" }) + ["silver.t"] {
                let kept = try fixture.rows(
                    "SELECT name, arg_max(total_passed, update_number), arg_max(total_failed, update_number) "
                        + "FROM duet.expectations WHERE dataset = '\(name)' GROUP BY name ORDER BY name"
                )
                let rows = "duet_data.\"\(name)\""
                let counted = try fixture.rows(
                    """
                    SELECT 'both', count(*) FILTER (id <> v), count(*) FILTER ((id <> v) IS NOT TRUE) FROM \(rows)
                    UNION ALL SELECT 'few', (count(*) < 9)::INT, (count(*) >= 9)::INT FROM \(name)
                    UNION ALL SELECT 'low', count(*) FILTER (v < 5), count(*) FILTER ((v < 5) IS NOT TRUE) FROM \(rows)
                    UNION ALL SELECT 'once', count(*) FILTER (n = 1), count(*) FILTER (n > 1)
                      FROM (SELECT count(*) OVER (PARTITION BY id) AS n FROM \(name))
                    UNION ALL SELECT 'pos', count(*) FILTER (v > 0), count(*) FILTER ((v > 0) IS NOT TRUE) FROM \(rows)
                    ORDER BY 1
                    """
                )
                #expect(kept == counted, "seed \(seed), round \(round), \(name)")
                let out = try fixture.rows("SELECT count(*) FROM duet_quarantine.\"\(name)\"")
                let dropped = try fixture.rows("SELECT count(*) FROM \(rows) WHERE (v < 5) IS NOT TRUE")
                #expect(out == dropped, "seed \(seed), round \(round), \(name)")
            }
        }
        #expect(incremental > 20)
    }

    private static let rules = """
        rules:
          - {name: has_id, condition: id IS NOT NULL, action: fail, tags: [keys]}
          - {name: pos, condition: "v > ${least}", action: drop, tags: [money]}
          - {name: one_each, unique: [id], tags: [keys]}
          - {name: some, row_count: row_count > 0, tags: [keys, money]}
        """

    @Test func `rules of one file go to datasets by tag`() async throws {
        let fixture = try PipelineFixture(
            "parameters: {least: '0'}\nsources: {s: {location: data/*.csv}}",
            sql: """
                CREATE STREAMING TABLE bronze.t TBLPROPERTIES ('duet.rules' = 'money')
                  AS SELECT * FROM STREAM read_files('${source.s}');
                CREATE MATERIALIZED VIEW gold.v (CONSTRAINT own EXPECT (v < 9)) TBLPROPERTIES ('duet.rules' = 'keys, money')
                  AS SELECT * FROM bronze.t;
                """
        )
        try fixture.folder.write(Self.rules, to: "rules.yml")
        try fixture.drop("id,v\n1,10\n2,-1\n", "a.csv")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.errors.isEmpty)
        #expect(Set(counts(outcome, "bronze.t").keys) == ["pos", "some"])
        #expect(Set(counts(outcome, "gold.v").keys) == ["own", "has_id", "pos", "one_each", "some"])
        #expect(try fixture.rows("SELECT id FROM bronze.t") == [["1"]])
        try fixture.folder.write(Self.rules.replacing("v > ${least}", with: "v > oops"), to: "rules.yml")
        let failed = try await fixture.run(.declarative)
        #expect(failed.errors.first?.location?.file.hasSuffix("rules.yml") == true)
        #expect(failed.errors.first?.location?.line == 3)
    }

    @Test(arguments: [
        ("rules: [{name: a, condition: x, tags: [other]}]", "with the tag 'money'"),
        ("rules: [{name: a, tags: [money]}]", "a rule needs a name, tags, and one of"),
        ("rules: [{name: a, unique: [x], action: drop, tags: [money]}]", "cannot say which row to drop"),
        ("rules: [{name: a, condition: x, unique: [x], tags: [money]}]", "one of condition, unique and row_count"),
        ("rules: [{name: own, condition: x, tags: [money]}]", "has a constraint 'own'"),
        (nil, "there is no"),
    ])
    func `a wrong rules file is refused at its place`(rules: String?, message: String) throws {
        let fixture = try fixture(
            "CREATE MATERIALIZED VIEW gold.v (CONSTRAINT own EXPECT (v < 9)) TBLPROPERTIES ('duet.rules' = 'money') "
                + "AS SELECT * FROM bronze.t;",
            rules: rules
        )
        let error = #expect(throws: DuetErrors.self) { try fixture.pipeline() }
        #expect(error?.errors.first?.message.contains(message) == true, "\(String(describing: error))")
        #expect(error?.errors.first?.location != nil)
    }
}
