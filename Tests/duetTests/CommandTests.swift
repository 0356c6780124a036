import DuetEngine
import DuetPipeline
import DuetTestSupport
import Testing

/// The command as scripts and people meet it: what it prints where, and how it ends.
@Suite struct CommandTests {
    private let fixture: CommandFixture

    init() throws { fixture = try CommandFixture() }

    static let commands = [
        [], ["validate"], ["plan"], ["run"], ["compare"], ["show"], ["scenario", "list"], ["scenario", "apply"],
        ["demo"],
        ["expression"], ["trace"], ["why-not"], ["lineage"], ["events"], ["history"], ["diff"], ["debug"], ["sample"],
        ["profile"], ["sql"],
        ["report", "run"], ["export", "adf"], ["export", "sdp"],
    ]

    @Test(arguments: commands)
    func `help of every command has an example`(_ words: [String]) async throws {
        let result = try await fixture.command.run(words + ["--help"], in: fixture.folder)
        #expect(result.status == 0)
        #expect(result.output.contains("Example"))
        #expect(result.output.contains("duet \(words.first ?? "")"))
        #expect(result.errors.isEmpty)
    }

    @Test func `the exit codes are in the help`() async throws {
        let help = try await fixture.duet("--help").output
        for code in ["0", "1", "2", "3", "130"] { #expect(help.contains("\(code) ")) }
    }

    static let misuses = [
        ["frobnicate"], ["run"], ["run", "pipeline", "--sytle=x"], ["run", "pipeline", "--style=x"],
        ["run", "pipeline", "--workers=0"], ["run", "pipeline", "--threads=none"],
        ["run", "pipeline", "-p", "nothing"],
        ["run", "pipeline", "--style=procedural", "--refresh=gold.total"], ["run", "pipeline", "--refresh=gold.totl"],
        ["show", "pipeline", "gold.total", "--limit=-1"], ["compare", "pipeline", "--repeat=0"],
        ["scenario", "apply", "pipeline", "--steps=1", "--from=2"], ["run", "pipeline", "more"],
        ["run", "pipeline", "--refresh="], ["run", "pipeline", "--refresh", " , "],
        ["run", "pipeline", "--full-refresh="], ["run", "pipeline", "--refresh=gold.total", "--refresh="],
        ["run", "pipeline", "--explain-analyze="], ["plan", "pipeline", "--dataset="],
    ]

    @Test(arguments: misuses)
    func `wrong usage ends with 2 and says so on standard error`(_ words: [String]) async throws {
        let result = try await fixture.command.run(words, in: fixture.folder)
        #expect(result.status == 2, "\(result)")
        #expect(result.output.isEmpty && result.errors.contains("rror"))
        #expect(!TemporaryFolder.exists("\(fixture.folder.path)/.duet"))
    }

    @Test func `an unknown dataset comes with the one that was meant`() async throws {
        let result = try await fixture.duet("run", "pipeline", "--full-refresh=gold.totl")
        #expect(result.errors.contains("did you mean 'gold.total'?"))
    }

    @Test func `a selection that names nothing is told, with what to write instead`() async throws {
        let result = try await fixture.duet("run", "pipeline", "--refresh", "")
        #expect(result.errors.contains("--refresh is given without a dataset"))
        #expect(result.errors.contains("leave it out for all of them, or name one, as in --refresh gold.total"))
    }

    @Test func `errors end with 1, on standard error, at their place`() async throws {
        try fixture.folder.write(
            "\nCREATE VIEW gold.a AS\nSELECT * FROM gold.totl;\n",
            to: "pipeline/transformations/b.sql"
        )
        for command in ["validate", "run", "plan"] {
            let result = try await fixture.duet(command, "pipeline")
            #expect(result.status == 1)
            #expect(result.output.isEmpty)
            #expect(
                result.errors == """
                    pipeline/transformations/b.sql:3:15: error[UNKNOWN_TABLE]: 'gold.a' reads 'gold.totl', which no \
                    dataset of the pipeline defines
                        SELECT * FROM gold.totl;
                                      ^
                      hint: did you mean 'gold.total'?

                    """
            )
        }
    }

    @Test func `validate counts the datasets`() async throws {
        let result = try await fixture.duet("validate", "pipeline")
        #expect(result.status == 0 && result.errors.isEmpty)
        #expect(result.output == "valid: 5 datasets, 5 of them with known columns\n")
    }

    @Test(arguments: Style.allCases)
    func `run writes plain lines when nobody watches`(_ style: Style) async throws {
        let first = try await fixture.duet("run", "pipeline", CommandFixture.style(style))
        #expect(first.status == 0)
        #expect(first.output.hasPrefix("done in ") && first.output.contains("5 datasets (5 in full"))
        #expect(!first.errors.contains("\u{1B}") && !first.errors.contains("\r"))
        #expect(first.errors.split(separator: "\n").count == 7)
        let second = try await fixture.duet("run", "pipeline", CommandFixture.style(style))
        #expect(second.output.contains(style == .declarative ? "5 unchanged" : "5 in full"))
    }

    @Test(arguments: Style.allCases)
    func `run with JSON prints one value and nothing else`(_ style: Style) async throws {
        let good = try await fixture.duet("run", "pipeline", CommandFixture.style(style), "--json")
        #expect(good.status == 0 && good.errors.isEmpty)
        let value = try JSONValue(parsing: good.output)
        #expect(value["success"]?.bool == true)
        #expect(value["errors"]?.array?.isEmpty == true)
        #expect(value["events"]?.array?.count ?? 0 > 10)
        try fixture.drop("<html>", "names.csv")
        let bad = try await fixture.duet("run", "pipeline", CommandFixture.style(style), "--json")
        #expect(bad.status == 1)
        let failed = try JSONValue(parsing: bad.output)
        #expect(failed["success"]?.bool == false)
        #expect(failed["errors"]?.array?.first?.string?.contains("names.csv") == true)
    }

    @Test func `plan says what would be done and leaves the data alone`() async throws {
        let fresh = try await fixture.duet("plan", "pipeline")
        #expect(
            fresh.status == 0 && fresh.output.contains("5 to be refreshed")
                && fresh.output.contains("it has never been made")
        )
        try await fixture.duet("run", "pipeline")
        #expect(try await fixture.duet("plan", "pipeline").output.contains("5 datasets, 0 to be refreshed."))
        try fixture.drop("id,amount\n9,90\n", "orders-2.csv")
        let before = try fixture.content(.declarative)
        let plan = try await fixture.duet("plan", "pipeline")
        #expect(
            plan.output.contains("bronze.orders (streaming table): append")
                && plan.output.contains("1 new or changed file of 'orders'")
        )
        #expect(plan.output.contains("5 datasets, 1 to be refreshed, 3 more if what they read changes."))
        #expect(try fixture.content(.declarative) == before)
        for style in Style.allCases {
            let json = try await fixture.duet("plan", "pipeline", CommandFixture.style(style), "--json")
            let value = try JSONValue(parsing: json.output)
            #expect(value["style"]?.string == style.rawValue)
            #expect((value["steps"] ?? value["activities"])?.array?.count == (style == .declarative ? 5 : 7))
        }
        let activities = try await fixture.duet("plan", "pipeline", "--style=procedural")
        #expect(activities.output.contains("Copy orders") && activities.output.contains("Make gold_total"))
    }

    @Test func `show lists datasets and shows rows`() async throws {
        let before = try await fixture.duet("show", "pipeline")
        #expect(before.status == 1 && before.errors.contains("run the pipeline first"))
        try await fixture.duet("run", "pipeline")
        let list = try await fixture.duet("show", "pipeline")
        #expect(list.output.contains("bronze.orders") && list.output.contains("as they come"))
        let json = try JSONValue(parsing: try await fixture.duet("show", "pipeline", "--json").output)
        #expect(json.array?.map { $0["rows"]?.integer } == [3, 2, 2, 2, 1])
        let table = try await fixture.duet("show", "pipeline", "gold.named", "--where", "amount > 8")
        #expect(table.output == "name  amount\n----  ------\nann   10\n")
        // Without its schema, in any case, one line of JSON a row.
        let rows = try await fixture.duet("show", "pipeline", "NAMED", "--json")
        #expect(
            Set(rows.output.split(separator: "\n")) == [#"{"name":"ann","amount":10}"#, #"{"name":"bob","amount":7}"#]
        )
        #expect(
            try await fixture.duet("show", "pipeline", "bronze.orders", "--limit=0").output.split(separator: "\n").count
                == 2
        )
        let unknown = try await fixture.duet("show", "pipeline", "gold.nmed")
        #expect(unknown.status == 1 && unknown.errors.contains("did you mean 'gold.named'?"))
        let wrong = try await fixture.duet("show", "pipeline", "gold.named", "--where", "amonut > 8")
        #expect(wrong.status == 1 && wrong.errors.contains("amonut"))
        let other = try await fixture.duet("show", "pipeline", "gold.named", "--style=procedural")
        #expect(other.status == 1 && other.errors.contains("there is no warehouse"))
    }

    @Test func `a scenario is listed and its files are made`() async throws {
        let fixture = try CommandFixture(definition: CommandFixture.scenario, withData: false)
        let list = try await fixture.duet("scenario", "list", "pipeline")
        let lines = "1  initial load     write orders/one.csv, write names.csv\n2  nothing changed  -\n"
        #expect(list.output.contains(lines), "\(list.output)")
        #expect(list.output.contains("everything"))
        let applied = try await fixture.duet("scenario", "apply", "pipeline", "--steps=3")
        #expect(applied.output == "applied: initial load\napplied: nothing changed\napplied: one more file\n")
        #expect(try fixture.folder.text("pipeline/data/orders/two.csv").hasPrefix("id,amount\n20,0\n"))
        #expect(try await fixture.duet("run", "pipeline").status == 0)
        let few = try await fixture.duet("scenario", "apply", "pipeline", "--steps=4")
        #expect(few.status == 1 && few.errors.contains("3 steps"))
    }

    @Test func `compare ends with 0 when both styles agree, and writes its reports`() async throws {
        let fixture = try CommandFixture(definition: CommandFixture.scenario, withData: false)
        let result = try await fixture.duet(
            "compare",
            "pipeline",
            "--report=out.md",
            "--json-report=out.json"
        )
        #expect(result.status == 0, "\(result.errors)")
        #expect(try fixture.folder.text("out.md").contains("one more file"))
        let report = try JSONValue(parsing: try fixture.folder.text("out.json"))
        #expect(report["equal"]?.bool == true)
        let json = try await fixture.duet("compare", "pipeline", "--json")
        #expect(try JSONValue(parsing: json.output)["steps"]?.array?.count == 3)
    }

    @Test func `compare ends with 3 when the styles differ, and shows rows`() async throws {
        let fixture = try CommandFixture(definition: CommandFixture.scenario, withData: false)
        try fixture.folder.write(
            "CREATE MATERIALIZED VIEW gold.lots AS SELECT random() AS x, count(*) AS n FROM silver.orders;",
            to: "pipeline/transformations/b.sql"
        )
        let result = try await fixture.duet("compare", "pipeline", "--report=out.md")
        #expect(result.status == 3)
        #expect(result.output.contains("after 'nothing changed':\n  gold.lots: 2 rows differ"))
        #expect(result.output.contains("    procedural only: ") && result.output.contains("    declarative only: "))
        #expect(try fixture.folder.text("out.md").contains("gold.lots"))
    }

    @Test func `compare ends with 1 when a run fails or there is no scenario`() async throws {
        let fixture = try CommandFixture(definition: CommandFixture.scenario, withData: false)
        try fixture.folder.write(
            "CREATE MATERIALIZED VIEW gold.b AS SELECT name::INT AS x FROM bronze.names;",
            to: "pipeline/transformations/b.sql"
        )
        #expect(try await fixture.duet("compare", "pipeline").status == 1)
        let bare = try CommandFixture(
            definition: "name: fixture\n",
            sql: "CREATE VIEW gold.a AS SELECT 1 AS x;",
            withData: false
        )
        let result = try await bare.duet("compare", "pipeline")
        #expect(result.status == 1 && result.errors.contains("has no scenario"))
    }

    @Test func `a report that cannot be written is an error`() async throws {
        let fixture = try CommandFixture(definition: CommandFixture.scenario, withData: false)
        let result = try await fixture.duet("compare", "pipeline", "--report=no/such/folder/out.md")
        #expect(result.status == 1 && result.errors.contains("no/such/folder/out.md"))
    }

    @Test func `output that nobody reads ends nothing`() async throws {
        let result = try await fixture.command.run(
            ["run", "pipeline", "--json", "--home=.duet"],
            in: fixture.folder,
            under: ["sh", "-c", "\"$0\" \"$@\" | head -c 1"]
        )
        #expect(result.output == "{")
        #expect(!result.errors.contains("rror"))
    }
}
