import DuetCompare
import DuetEngine
import DuetFetch
import DuetPipeline
import DuetReport
import DuetServe
import DuetTestSupport
import Foundation
import Testing

/// `kill -9` at any moment: the next run completes and ends in the tables that an undisturbed one has.
@Suite struct KillTests {
    private static let rounds = 50

    private static let definition = """
        name: fixture
        parameters: {base: "http://127.0.0.1:1"}
        sources:
          orders: {location: data/orders-*.csv, options: {inferColumnTypes: "false"}}
          rates: {location: "${base}/rates.csv", options: {inferColumnTypes: "false"}}
        """
    private static let sql = """
        CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE MATERIALIZED VIEW bronze.rates AS SELECT * FROM read_files('${source.rates}');
        CREATE STREAMING TABLE silver.orders (CONSTRAINT some EXPECT (amount > 0) ON VIOLATION DROP ROW)
          AS SELECT id::INT AS id, kind, amount::INT AS amount FROM STREAM(bronze.orders);
        CREATE MATERIALIZED VIEW silver.rated AS
          SELECT id, kind, amount, amount * rate::INT AS value FROM silver.orders LEFT JOIN bronze.rates USING (kind);
        CREATE MATERIALIZED VIEW gold.kinds AS
          SELECT kind, count(*) AS n, sum(value) AS value, max(id) AS last FROM silver.rated GROUP BY kind;
        CREATE MATERIALIZED VIEW gold.best AS
          SELECT * FROM silver.rated QUALIFY rank() OVER (PARTITION BY kind ORDER BY value DESC) = 1;
        CREATE MATERIALIZED VIEW gold.ids AS SELECT DISTINCT id FROM silver.orders;
        """

    /// The changing files, the same for all warehouses.
    private struct World {
        let fixture: CommandFixture
        var random: SeededGenerator
        var names: [String] = []

        mutating func change(_ round: Int) throws {
            let name = "orders-\(round).csv"
            try fixture.drop(orders(), name)
            names.append(name)
            if let changed = names.randomElement(using: &random) { try fixture.drop(orders(), changed) }
            if names.count > 4, let gone = names.randomElement(using: &random) {
                names.removeAll { $0 == gone }
                try fixture.folder.remove("pipeline/data/\(gone)")
            }
            if round.isMultiple(of: 3) {
                let rates = (0..<4).map { "k\($0),\(Int.random(in: 1...9, using: &random))" }
                try fixture.folder.write("kind,rate\n\(rates.joined(separator: "\n"))\n", to: "served/rates.csv")
            }
        }

        private mutating func orders() -> String {
            let rows = (0..<Int.random(in: 5...400, using: &random)).map { _ in
                let numbers = (Int.random(in: 0...99, using: &random), Int.random(in: -20...99, using: &random))
                return "\(numbers.0),k\(Int.random(in: 0...5, using: &random)),\(numbers.1)"
            }
            return "id,kind,amount\n\(rows.joined(separator: "\n"))\n"
        }
    }

    /// What one style needs from round to round.
    private struct Player: Sendable {
        let style: Style
        let fixture: CommandFixture
        let pipeline: Pipeline
        let base: String
        var random: SeededGenerator
        var seconds = 0.0
        var killed = 0

        /// Kills a run at some moment, lets the next one complete, and holds its tables against undisturbed ones.
        func played(_ round: Int) async throws -> Player {
            var player = self
            try await player.play(round)
            return player
        }

        private mutating func play(_ round: Int) async throws {
            let arguments = ["run", "pipeline", CommandFixture.style(style), "-p", "base=\(base)"]
            if round > 0 {
                let moment = seconds * Double.random(in: 0.02...1.05, using: &random)
                let wrapper = ["timeout", "-s", "KILL", "\(moment)"]
                let result = try await fixture.command.run(arguments, in: fixture.folder, under: wrapper)
                try #require(result.status == 137 || result.status == 0, "round \(round): \(result)")
                if result.status == 137 { killed += 1 }
            }
            let next = try await fixture.command.run(arguments, in: fixture.folder)
            try #require(next.status == 0, "round \(round), \(style): \(next.errors)")
            // Undisturbed times steer the next moment; a slow one must not set it for good.
            seconds = round == 0 ? next.seconds : min(next.seconds, seconds * 1.2)
            let reference = fixture.home("reference")
            let request = RunRequest(pipeline: pipeline, home: reference, fetcher: Fetcher())
            let executor = Styles.executor(style)
            let undisturbed = try await offPool { try executor.run(request) }
            try #require(undisturbed.isSuccess, "\(undisturbed.errors)")
            let differences = try EqualityProof.compare(
                pipeline,
                reference.warehouse(style),
                fixture.home().warehouse(style)
            ).filter { !$0.isEqual }
            try #require(differences.isEmpty, "round \(round), \(style): \(differences)")
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a run that was killed is completed by the next one`() async throws {
        let seed = TestSeed.announced(for: "kill test")
        let fixture = try CommandFixture(definition: Self.definition, sql: Self.sql, withData: false)
        try fixture.folder.write("kind,rate\nk0,1\nk1,2\n", to: "served/rates.csv")
        let server = FileServer(root: "\(fixture.folder.path)/served")
        let base = "http://127.0.0.1:\(try await server.start())"
        let pipeline = try Pipeline.load(folder: "\(fixture.folder.path)/pipeline", overrides: ["base": base])
        var world = World(fixture: fixture, random: SeededGenerator(seed: seed))
        let player = { (style: Style, offset: UInt64) in
            Player(
                style: style,
                fixture: fixture,
                pipeline: pipeline,
                base: base,
                random: SeededGenerator(seed: seed &+ offset)
            )
        }
        var procedural = player(.procedural, 1)
        var declarative = player(.declarative, 2)
        for round in 0...Self.rounds {
            try world.change(round)
            // Side by side: they share nothing but the files.
            let before = (procedural, declarative)
            async let one = before.0.played(round)
            async let other = before.1.played(round)
            (procedural, declarative) = try await (one, other)
            if round.isMultiple(of: 10) {
                #expect(try EqualityProof.compare(pipeline, home: fixture.home()).allSatisfy(\.isEqual))
            }
        }
        await server.stop()
        print("kill test: killed before their end: procedural \(procedural.killed), declarative \(declarative.killed)")
        #expect(min(procedural.killed, declarative.killed) > Self.rounds / 4)
    }
}
