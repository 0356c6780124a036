import DuckKit
import DuetMaintenance
import DuetTPC
import Testing

/// What a program says of itself, and the ways an executor may use it.
@Suite struct ProgramTests {
    private static func connection() throws -> Connection {
        let connection = try Database().connect()
        for statement in try connection.statements(in: ShapeTests.start) { _ = try connection.execute(statement.sql) }
        return connection
    }

    private static func program(_ query: String) throws -> ViewProgram {
        try MaintenanceCompiler(frontEnd: DuckFrontEnd(connection: try connection()))
            .compile(view: "view", query: query, inputs: ShapeTests.tables.map(\.input), stateSchema: "main")
    }

    @Test(arguments: [
        "SELECT k, sum(d), min(a) FROM t GROUP BY k", "SELECT t.a, u.b FROM t LEFT JOIN u ON t.k = u.k",
        "SELECT DISTINCT s FROM t",
        "SELECT k, a FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY a, d, s, x) = 1",
    ])
    func `a forced full recomputation gives the same rows and the same change`(query: String) throws {
        let harness = try ShapeTests.run(query, forceFull: true)
        #expect(harness.strategies[.full, default: 0] > 0)
    }

    @Test func `the rule follows from what changed`() throws {
        let program = try Self.program("SELECT t.a, u.b FROM t LEFT JOIN u ON t.k = u.k")
        let node = program.result
        #expect(node.change(changedInputs: [:]).strategy == .nothing)
        #expect(node.change(changedInputs: ["v": .mixed]).strategy == .nothing)
        #expect(node.change(changedInputs: ["t": .insertsOnly]).strategy == .append)
        #expect(node.change(changedInputs: ["t": .mixed]).strategy == .merge)
        #expect(node.change(changedInputs: ["u": .insertsOnly]).strategy == .merge)
        // Only the left side changed: the join is linear. What to look for is read from the change where it is needed.
        #expect(node.change(changedInputs: ["t": .mixed]).statements.count == 1)
    }

    @Test func `extremes are merged when rows are only added`() throws {
        let node = try Self.program("SELECT k, max(a) FROM t GROUP BY k").result
        #expect(node.change(changedInputs: ["t": .insertsOnly]).strategy == .merge)
        #expect(node.change(changedInputs: ["t": .mixed]).strategy == .recomputeAffected)
    }

    @Test(arguments: [
        ("SELECT k, sum(d) FROM t GROUP BY k", true), ("SELECT sum(d), count(*) FROM t", true),
        ("SELECT k, avg(a) FROM t GROUP BY k", true), ("SELECT DISTINCT s FROM t", true),
        ("SELECT k, max(a) FROM t GROUP BY k", false), ("SELECT a FROM t", false),
    ])
    func `groups whose change nobody reads are kept by one statement`(query: String, isMerged: Bool) throws {
        let node = try Self.program(query).result
        let unread = node.change(changedInputs: ["t": .mixed], needsDelta: false, stateRows: 10)
        #expect(unread.reportsWrites == isMerged)
        #expect((unread.statements.isEmpty && unread.apply.count == 1 && unread.deltaTable == nil) == isMerged)
        #expect(node.change(changedInputs: ["t": .mixed], stateRows: 10).deltaTable != nil, "somebody reads it")
        if !unread.apply[0].contains(" ON TRUE") {
            let large = node.change(changedInputs: ["t": .mixed], needsDelta: false, stateRows: 1_000_000)
            #expect(!large.reportsWrites, "a large state is not read whole")
        }
    }

    @Test func `the greatest of kept rows is looked up, and what it was is not kept beside it`() throws {
        let query = "SELECT max(n) AS m, min(k) AS least FROM (SELECT k, count(*) AS n FROM t GROUP BY k)"
        let node = try Self.program(query).result
        #expect(node.hidden.isEmpty)
        #expect(node.isIncremental)
        #expect(node.change(changedInputs: ["view#1": .mixed]).statements.count == 1)
        // Rows of an input may be many; their greatest is kept up from what changes.
        #expect(try Self.program("SELECT max(a) AS m FROM t").result.hidden.isEmpty == false)
        let harness = try ShapeTests.run(query)
        #expect(harness.strategies[.full] == nil)
    }

    @Test(arguments: [
        "SELECT a + 9223372036854775808 AS b FROM t WHERE a < 18446744073709551615",
        "SELECT k, count(*) - 170141183460469231731687303715884105727 AS n FROM t GROUP BY k",
    ])
    func `constants of 128 bits keep their values`(query: String) throws {
        let harness = try ShapeTests.run(query)
        #expect(harness.strategies[.full] == nil)
    }

    @Test func `an inequality between tables that an equality ties is asked after the join`() throws {
        func change(_ condition: String) throws -> String {
            let query = "SELECT t.s, u.b FROM t JOIN u ON \(condition)"
            _ = try ShapeTests.run(query)
            return try Self.program(query).result.change(changedInputs: ["t": .insertsOnce]).statements.last ?? ""
        }
        #expect(try change("t.k = u.k AND t.a < u.b").contains(" IS TRUE"))
        // Without an equality the inequality is what DuckDB joins by.
        #expect(try !change("t.a < u.b").contains(" IS TRUE"))
        #expect(try !change("t.k = u.k AND t.a < t.d").contains(" IS TRUE"))
    }

    @Test func `what a semi join asks is asked of the rows that a change meets`() throws {
        let query = "SELECT u.b, w.k FROM u JOIN (SELECT * FROM t WHERE t.a IN (SELECT v.b FROM v)) AS w ON u.k = w.k"
        let program = try Self.program(query)
        let change = program.result.change(changedInputs: ["u": .insertsOnce]).statements.last ?? ""
        let parts = change.split(separator: "SEMI JOIN", maxSplits: 1)
        #expect(parts.count == 2)
        #expect(parts[0].contains("\"t\" AS") && parts[0].contains("WHERE"), "first the two tables are joined")
        #expect(!parts[0].contains("\"v\""))
        _ = try ShapeTests.run(query)
    }

    @Test func `only statements with something to do are run`() throws {
        let change = try Self.program("SELECT a FROM t").result.change(changedInputs: ["t": .mixed])
        #expect(change.apply.count == 2)
        #expect(change.apply(nil).isEmpty)
        #expect(change.apply(.insertsOnly) == [change.apply[1]])
        #expect(change.apply(.deletesOnly) == [change.apply[0]])
        #expect(change.apply(.mixed) == change.apply)
        let groups = try Self.program("SELECT k, max(a) FROM t GROUP BY k").result.change(changedInputs: ["t": .mixed])
        #expect(groups.apply(nil) == groups.apply, "counts that are not shown may change")
    }

    @Test(arguments: [
        ("SELECT a, random() FROM t", false, false), ("SELECT a, uuid() FROM t", false, false),
        ("SELECT a FROM t WHERE DATE '2024-01-01' < current_date", true, true),
        ("SELECT a, now() FROM t", true, true), ("SELECT a FROM t", true, false),
    ])
    func `chance and the clock are recognised`(query: String, isDeterministic: Bool, readsClock: Bool) throws {
        let program = try Self.program(query)
        #expect(program.isDeterministic == isDeterministic)
        #expect(program.readsClock == readsClock)
        #expect(program.isIncremental == (isDeterministic && !readsClock))
    }

    @Test func `an input may be read under another name`() throws {
        let connection = try Self.connection()
        _ = try connection.execute("CREATE TABLE kept AS SELECT k, a, d, s, x, 1 AS __h1 FROM t")
        var inputs = ShapeTests.tables.map(\.input)
        inputs[0].current = "(SELECT k, a, d, s, x FROM kept)"
        for query in ["SELECT k, sum(a) FROM t GROUP BY k", "SELECT sum(x) FROM t z WHERE z.a > 1"] {
            let program = try MaintenanceCompiler(frontEnd: DuckFrontEnd(connection: connection))
                .compile(view: "view", query: query, inputs: inputs, stateSchema: "main")
            for node in program.nodes {
                #expect(!node.create.joined().contains("\"t\" AS"))
                for statement in node.create { _ = try connection.execute(statement) }
            }
            let differences = try connection.scalar(
                "SELECT count(*) FROM ((\(query)) EXCEPT ALL (\(program.result.visibleSelect)))"
            )
            #expect(differences.int == 0)
        }
    }

    @Test func `rows that all count once are not multiplied`() throws {
        let node = try Self.program("SELECT k, sum(d), count(a) FROM t JOIN u USING (k) GROUP BY k").result
        func sql(_ changed: [String: ChangeKind]) -> String {
            let change = node.change(changedInputs: changed)
            return (change.statements + change.apply).joined(separator: "\n")
        }
        #expect(sql(["t": .insertsOnly]).contains("* __w"))
        #expect(!sql(["t": .insertsOnce]).contains("* __w"))
        #expect(sql(["t": .deletesOnce]).contains("-sum(__x"))
        #expect(sql(["t": .insertsOnce, "u": .insertsOnce]).contains("* __w"), "one term is added, one taken away")
        #expect(ChangeKind(least: 1, greatest: 1) == .insertsOnce)
        #expect(ChangeKind(least: 1, greatest: 2) == .insertsOnly)
        #expect(ChangeKind(least: -2, greatest: -1) == .deletesOnly)
    }

    @Test func `groups are found by the key that decides the others, unless its rows were replaced`() throws {
        var inputs = ShapeTests.tables.map(\.input)
        inputs[1].uniqueKeys = [["k"]]
        let node = try MaintenanceCompiler(frontEnd: DuckFrontEnd(connection: try Self.connection())).compile(
            view: "view",
            query: "SELECT u.s, u.b, u.k, sum(t.d) AS total FROM t JOIN u ON t.k = u.k GROUP BY u.s, u.b, u.k",
            inputs: inputs,
            stateSchema: "main"
        ).result
        func comparisons(_ changed: [String: ChangeKind]) -> [Bool] {
            let sql = node.change(changedInputs: changed, needsDelta: false, stateRows: 10).apply.joined()
            return ["k", "s", "b"].map {
                sql.contains("\"s\".\"\($0)\" = ") || sql.contains("\"s\".\"\($0)\" IS NOT D")
            }
        }
        #expect(comparisons(["t": .mixed]) == [true, false, false])
        #expect(comparisons(["t": .mixed, "u": .insertsOnly]) == [true, false, false])
        #expect(comparisons(["u": .mixed]) == [true, true, true])
    }

    @Test func `keys that a join finds by searching texts are kept`() throws {
        func rules(_ query: String) throws -> [String] { try Self.program(query).nodes.map(\.rule) }
        let kept = "keys that a join looks for"
        #expect(try rules("SELECT * FROM t WHERE k IN (SELECT k FROM u WHERE s LIKE '%a%')").contains(kept))
        #expect(try rules("SELECT t.a, u.b FROM t LEFT JOIN u ON t.k = u.k AND u.s NOT LIKE '%a%'").contains(kept))
        #expect(try !rules("SELECT * FROM t WHERE k IN (SELECT k FROM u WHERE s = 'a')").contains(kept))
        #expect(try !rules("SELECT * FROM t ANTI JOIN u ON t.k = u.k AND t.a < u.b AND u.s LIKE 'a%'").contains(kept))
    }

    @Test func `a foreign key spares the rows that nothing can refer to`() throws {
        let connection = try Database().connect()
        let tables = [
            TestTable(
                name: "o",
                columns: [ViewColumn(name: "id", type: "INTEGER"), ViewColumn(name: "s", type: "VARCHAR")]
            ),
            TestTable(
                name: "l",
                columns: [ViewColumn(name: "o", type: "INTEGER"), ViewColumn(name: "n", type: "INTEGER")]
            ),
        ]
        _ = try connection.execute("CREATE TABLE o AS SELECT i::INTEGER AS id, 'a' AS s FROM range(5) r(i)")
        _ = try connection.execute(
            "CREATE TABLE l AS SELECT (i % 5)::INTEGER AS o, i::INTEGER AS n FROM range(20) r(i)"
        )
        var inputs = tables.map(\.input)
        inputs[1].references = [InputRelation.ForeignKey(columns: ["o"], input: "o", target: ["id"])]
        let harness = try Harness(
            connection: connection,
            tables: tables,
            query: "SELECT o.s, l.n, count(*) FROM o JOIN l ON l.o = o.id GROUP BY ALL",
            inputs: inputs
        )
        try harness.update(["o": [("5, 'b'", 1)], "l": [("5, 100", 1), ("1, 101", 1)]])
        try harness.update(["o": [("1, 'a'", -1), ("1, 'c'", 1)], "l": [("1, 101", -1), ("5, 102", 1)]])
        try harness.update(["o": [("5, 'b'", -1), ("6, 'd'", 1)], "l": [("5, 100", -1), ("5, 102", -1), ("6, 7", 1)]])
        try harness.update(["o": [("2, 'a'", -1), ("2, 'e'", 1)]])
        #expect(harness.incrementalUpdates == 4)
    }

    @Test func `costs decide, and say where the choice flips`() throws {
        let program = try Self.program("SELECT u.s, sum(t.d) FROM t JOIN u ON t.k = u.k GROUP BY u.s")
        let model = CostModel()
        let rows = ["t": 10_000_000, "u": 100_000, "v": 0, "view": 100]
        let thousand = model.choice(program, UpdateSizes(rows: rows, changes: ["t": 1_000]))
        #expect(thousand.isIncremental)
        let flip = try #require(thousand.flipsAt)
        #expect(flip > 1_000 && flip < 10_000_000)
        #expect(!model.choice(program, UpdateSizes(rows: rows, changes: ["t": flip + 10_000])).isIncremental)
        #expect(model.choice(program, UpdateSizes(rows: rows, changes: ["v": 5])).reason.contains("nothing"))
        let measured = UpdateSizes(
            rows: rows,
            changes: ["t": 1_000],
            fullSeconds: 0.01,
            incrementalRuns: [UpdateSizes.Run(changes: ["t": 1_000], seconds: 0.05)]
        )
        #expect(!model.choice(program, measured).isIncremental)
        // Slower once may be chance, more so where the sizes speak for it; twice is not, unless one of them was quick.
        let unlikely = UpdateSizes(
            rows: rows,
            changes: ["t": 100_000],
            fullSeconds: 0.01,
            incrementalRuns: [UpdateSizes.Run(changes: ["t": 100_000], seconds: 0.02)]
        )
        #expect(!model.choice(program, unlikely).isIncremental)
        for (times, isIncremental) in [([0.03], true), ([0.014, 0.013], false), ([0.02, 0.004], true)] {
            var sizes = measured
            sizes.incrementalRuns = times.map { UpdateSizes.Run(changes: ["t": 1_000], seconds: $0) }
            let choice = model.choice(program, sizes)
            #expect(choice.isIncremental == isIncremental)
            #expect(choice.reason.contains("timed only once") == (times.count == 1))
        }
        // A slow backfill of many rows says little of a few: only a few that were slow themselves rule them out.
        let backfill = UpdateSizes.Run(changes: ["t": 300_000], seconds: 6)
        var few = UpdateSizes(
            rows: ["t": 300_000, "u": 1_000, "v": 0, "view": 100],
            changes: ["t": 300],
            fullSeconds: 1,
            incrementalRuns: [backfill]
        )
        #expect(model.choice(program, few).isIncremental)
        few.incrementalRuns.append(UpdateSizes.Run(changes: ["t": 300], seconds: 0.05))
        #expect(abs(model.choice(program, few).incrementalSeconds - 0.05) < 0.001, "the run of the same size counts")
        few.changes = ["t": 300_000]
        #expect(!model.choice(program, few).isIncremental)
        few.changes = ["t": 300]
        few.incrementalRuns = [backfill, UpdateSizes.Run(changes: ["t": 400], seconds: 6)]
        #expect(!model.choice(program, few).isIncremental)
        // Rows that come may be cheap where rows that are replaced are not; each is judged by its own kind.
        few.incrementalRuns = [
            UpdateSizes.Run(changes: ["t": 300], kinds: ["t": .insertsOnce], seconds: 0.05),
            UpdateSizes.Run(changes: ["t": 300], kinds: ["t": .mixed], seconds: 6),
        ]
        few.kinds = ["t": .insertsOnly]
        #expect(model.choice(program, few).isIncremental)
        few.kinds = ["t": .mixed]
        #expect(!model.choice(program, few).isIncremental)
        let stale = UpdateSizes(rows: rows, changes: ["t": 1], fullSeconds: 0.1, isStateCurrent: false)
        #expect(!model.choice(program, stale).isIncremental)
    }

    @Test(arguments: [
        // A new value of a column that is not read.
        ("SELECT count(*) AS n, u.b FROM t JOIN u ON t.k = u.k GROUP BY u.b", "1, 9, NULL, 'b', 1.5", true),
        ("SELECT sum(a) AS n, u.b FROM t JOIN u ON t.k = u.k GROUP BY u.b", "1, 9, NULL, 'b', 1.5", false),
        // Rows that fail the query's condition, in all places where they are read.
        ("SELECT sum(a) AS n, u.b FROM t JOIN u ON t.k = u.k WHERE a > 90 GROUP BY u.b", "1, 9, NULL, 'b', 1.5", true),
        ("SELECT sum(a) AS n, u.b FROM t JOIN u ON t.k = u.k WHERE a > 5 GROUP BY u.b", "1, 9, NULL, 'b', 1.5", false),
        ("SELECT x.a FROM t x JOIN t y ON x.k = y.k WHERE x.a > 90 AND y.a > 91", "1, 9, NULL, 'b', 1.5", true),
        ("SELECT x.a FROM t x JOIN t y ON x.k = y.k WHERE x.a > 90", "1, 9, NULL, 'b', 1.5", false),
        ("SELECT u.b, t.a FROM u LEFT JOIN t ON t.k = u.k AND t.a > 90", "1, 9, NULL, 'b', 1.5", true),
        ("SELECT u.b, t.a FROM t LEFT JOIN u ON t.k = u.k AND t.a > 90", "1, 9, NULL, 'b', 1.5", false),
        ("SELECT k, max(a) FROM t GROUP BY k", "1, 2, 1.5, 'b', 1.5", true),
    ])
    func `a change that makes no difference is not followed`(query: String, row: String, isPassedOver: Bool) throws {
        let connection = try Self.connection()
        let harness = try Harness(connection: connection, tables: ShapeTests.tables, query: query)
        try harness.update(["t": [("1, 2, NULL, 'b', 1.5", -1), (row, 1)]])
        #expect((harness.passedOver == 1) == isPassedOver)
        #expect((harness.strategies[.nothing] == harness.program.nodes.count) == isPassedOver)
        // The same row comes back, with others; the view follows as if nothing had been left out.
        try harness.update([
            "t": [(row, -1), ("1, 2, NULL, 'b', 1.5", 1), ("2, 95, 1, 'a', 1", 1)], "u": [("2, 8, 'x'", 1)],
        ])
    }

    @Test func `what one view finds in a change serves others that read no more of it`() throws {
        let wide = try Self.program("SELECT t.a, t.s, u.b FROM t JOIN u ON t.k = u.k")
        let narrow = try Self.program("SELECT count(*) AS n, u.b FROM u JOIN t AS other ON other.k = u.k GROUP BY u.b")
        let further = try Self.program("SELECT t.d, u.b FROM t JOIN u ON t.k = u.k")
        var known = KnownLooks()
        func looks(
            _ program: ViewProgram,
            finding row: [Int?],
            identity: String?
        ) -> (count: Int, isFollowed: Bool) {
            var changes = InputChanges(
                kinds: ["t": .mixed],
                rows: ["t": 2],
                identities: identity.map { ["t": $0] } ?? [:]
            )
            changes.known = known
            var count = 0
            changes.sift(
                for: program,
                ask: { _ in
                    count += 1
                    return row
                },
                run: { _ in }
            )
            known.add(changes.known)
            return (count, changes.kinds["t"] != nil)
        }
        #expect(looks(narrow, finding: [2, -1, 1, 0], identity: "1 to 2") == (1, false), "by its conditions alone")
        #expect(looks(narrow, finding: [0, nil, nil, 0], identity: nil) == (1, false), "nobody else sees it")
        #expect(looks(wide, finding: [0, nil, nil, 0], identity: "1 to 2") == (1, false))
        #expect(looks(narrow, finding: [2, -1, 1, 2], identity: "1 to 2") == (0, false))
        #expect(looks(wide, finding: [2, -1, 1, 2], identity: "1 to 2") == (0, false))
        #expect(looks(further, finding: [2, -1, 1, 2], identity: "1 to 2") == (1, true), "a column more")
        #expect(looks(narrow, finding: [2, -1, 1, 2], identity: "1 to 3") == (1, true), "another change")
    }

    @Test func `only changes that may take themselves back, and are looked up elsewhere, are looked at first`() throws {
        let joined = try #require(try Self.program("SELECT a, u.b FROM t JOIN u ON t.k = u.k").uses["t"])
        #expect(joined.look(at: .insertsOnce) == nil)
        #expect(joined.look(at: .deletesOnly) == nil)
        let look = try #require(joined.look(at: .mixed))
        #expect(look.finding([0, nil, nil, 0], of: 8) == .nothing)
        #expect(look.finding([6, -1, 1, 0], of: 8) == .nothing, "none meets the conditions")
        #expect(look.finding([2, -1, 1, 2], of: 8) == .part(.mixed, rows: 2))
        #expect(look.finding([1, 1, 1, 1], of: 8) == .part(.insertsOnce, rows: 1))
        #expect(look.finding([6, -1, 1, 3], of: 8) == .all)
        #expect(try Self.program("SELECT a FROM t").uses["t"]?.look(at: .mixed) == nil, "its own rule costs no more")
        #expect(try Self.program("SELECT a, random() FROM t JOIN u USING (k)").uses.isEmpty, "computed as a whole")
    }
}
