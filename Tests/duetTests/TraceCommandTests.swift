import DuetPipeline
import DuetTestSupport
import Testing

/// `duet trace` for a hand-written data factory, as a user types it.
@Suite struct TraceCommandTests {
    private let factory: FactoryFolder

    init() throws {
        factory = try FactoryFolder()
        let make = factory.script(
            "Make",
            "CREATE TABLE sales.orders AS SELECT * FROM (VALUES (1, 'x', 5), (2, 'y', 7), (3, 'x', 6)) AS v(id, k, amount)"
        )
        let sum = factory.script(
            "Sum",
            "CREATE TABLE sales.sums AS SELECT k, sum(amount) AS total FROM sales.orders GROUP BY k",
            after: "Make"
        )
        try factory.resource("pipeline", "P", #"{"activities": [\#(make), \#(sum)]}"#)
    }

    @Test func `a row of a factory's table is followed back, for people and for machines`() async throws {
        let run = try await factory.command.run(["run", "factory"], in: factory.folder)
        try #require(run.status == 0, "\(run.errors)")
        let trace = ["trace", "factory", "sales.sums", "--where", "k = 'x'"]
        let told = try await factory.command.run(trace, in: factory.folder)
        #expect(told.status == 0, "\(told.errors)")
        #expect(told.output.contains("sales.sums") && told.output.contains("sales.orders"))
        #expect(told.output.contains("11"), "the traced row's own total: \(told.output)")
        #expect(!told.output.contains("7"), "a row of another group: \(told.output)")
        let json = try await factory.command.run(trace + ["--json"], in: factory.folder)
        let value = try JSONValue(parsing: json.output)
        #expect(value.object != nil)
        #expect(json.output.contains("sales.orders"))
    }

    @Test func `a table that the factory does not have is told with the ones there are`() async throws {
        _ = try await factory.command.run(["run", "factory"], in: factory.folder)
        let wrong = try await factory.command.run(["trace", "factory", "sales.sum"], in: factory.folder)
        #expect(wrong.status != 0)
        #expect(wrong.errors.contains("sales.sum"))
        #expect(wrong.errors.contains("sales.sums"))
    }

    @Test(arguments: ["trace", "plan"])
    func `the help's paragraphs fill their lines`(_ name: String) async throws {
        let help = try await factory.command.run([name, "--help"], in: factory.folder).output
        let lines = help.split(separator: "\n", omittingEmptySubsequences: false).prefix { !$0.hasPrefix("USAGE") }
        for (line, next) in zip(lines, lines.dropFirst()) where !line.hasPrefix(" ") && !line.isEmpty {
            // A line that ends early has no other behind it, unless that begins with a long word or an example.
            guard !next.isEmpty, !next.hasPrefix(" ") else { continue }
            let first = next.prefix { $0 != " " }
            #expect(line.count + 1 + first.count > 60, "'\(line)' breaks off")
        }
    }
}
