import DuetCompare
import DuetEngine
import DuetEvents
import DuetFetch
import DuetPipeline
import DuetReport
import Foundation

/// The flights pipeline over local files, against the same SQL sent straight to DuckDB.
struct FlightsBenchmark {
    let repetitions: Int
    private let folder: String
    private let pipelineFolder: String
    private let command: String

    init(repetitions: Int) throws {
        self.repetitions = repetitions
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("duet-bench-\(getpid())").path
        pipelineFolder = "pipelines/flights"
        guard FileManager.default.fileExists(atPath: "\(pipelineFolder)/pipeline.yml") else {
            throw BenchmarkError("start this in the repository's folder: make bench")
        }
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        command = beside.appendingPathComponent("duet").path
        guard FileManager.default.isExecutableFile(atPath: command) else {
            throw BenchmarkError("the command is not built: swift build -c release --product duet")
        }
    }

    func run() throws {
        defer {
            do {
                try FileManager.default.removeItem(atPath: folder)
            } catch {
                print("could not remove \(folder): \(error)")
            }
        }
        let data = "\(folder)/data"
        let pipeline = try Pipeline.load(folder: pipelineFolder, overrides: ["base": data])
        let steps = try ScenarioLibrary.scenario(of: pipeline).steps
        let player = ScenarioPlayer(pipeline, folder: data)
        try player.play(steps[0])

        let machine = MachineProbe.machine()
        print(
            "machine: \(machine.processor), \(machine.cores) cores, \(NumberText.bytes(machine.memory)); ",
            terminator: ""
        )
        print("DuckDB \(machine.duckDB); medians of \(repetitions)")
        var rows: [[String]] = []
        rows.append(try procedural(pipeline))
        rows.append(try memory(pipeline))
        rows += try nothingChanged(pipeline)
        rows.append(try newDay(pipeline, player, steps))
        print("")
        print(TextTable.text(header: ["benchmark", "duet", "against", "ratio", "target", ""], rows: rows))
    }

    // MARK: - Benchmarks

    /// A procedural run against its own statements.
    private func procedural(_ pipeline: Pipeline) throws -> [String] {
        var ours: [Double] = []
        var raw: [Double] = []
        for index in 0..<repetitions {
            let outcome = try run(.procedural, pipeline, home: "procedural-\(index)")
            ours.append(outcome.seconds)
            let statements = try Self.statements(of: outcome, pipeline)
            raw.append(try RawSQL.seconds(statements, database: "\(folder)/raw-\(index).duckdb"))
        }
        return Self.row("procedural run / its SQL sent to DuckDB", ours, raw, target: 1.15)
    }

    /// What a whole process holds at most.
    private func memory(_ pipeline: Pipeline) throws -> [String] {
        let outcome = try run(.procedural, pipeline, home: "statements")
        let file = "\(folder)/statements.json"
        try JSONEncoder().encode(try Self.statements(of: outcome, pipeline)).write(to: URL(fileURLWithPath: file))
        var ours: [Double] = []
        var raw: [Double] = []
        for index in 0..<repetitions {
            let arguments = self.arguments("procedural", home: "memory-\(index)")
            ours.append(Double(try ChildProcess(command, arguments).peakMemory))
            let child = [RawSQL.argument, file, "\(folder)/memory-raw-\(index).duckdb"]
            raw.append(Double(try ChildProcess(CommandLine.arguments[0], child).peakMemory))
        }
        let difference = Statistics.median(ours) - Statistics.median(raw)
        let isMet = difference <= Double(64 << 20)
        return [
            "peak memory, procedural / its SQL", NumberText.bytes(Int(Statistics.median(ours))),
            NumberText.bytes(Int(Statistics.median(raw))),
            "\(difference < 0 ? "-" : "+")\(NumberText.bytes(Int(difference.magnitude)))",
            "<= +67.1 MB", isMet ? "met" : "MISSED",
        ]
    }

    /// A whole process that finds nothing to do, and where its time goes.
    private func nothingChanged(_ pipeline: Pipeline) throws -> [[String]] {
        _ = try ChildProcess(command, arguments("declarative", home: "idle"))
        var seconds: [Double] = []
        var starts: [Double] = []
        for _ in 0..<max(repetitions, 10) {
            seconds.append(try ChildProcess(command, arguments("declarative", home: "idle")).seconds)
            starts.append(try ChildProcess(command, ["--version"]).seconds)
        }
        let outcome = try run(.declarative, pipeline, home: "idle")
        let median = Statistics.median(seconds)
        var rows = [
            [
                "nothing changed, whole process", NumberText.seconds(median), "", "", "<= 0.100 s",
                median <= 0.1 ? "met" : "MISSED",
            ],
            ["  start and load the libraries", NumberText.seconds(Statistics.median(starts)), "", "", "", ""],
        ]
        for phase in outcome.phases {
            rows.append(["  \(phase.name)", NumberText.seconds(phase.seconds), "", "", "", ""])
        }
        return rows
    }

    /// A day's files, 0.3 % of the rows, against a procedural run.
    private func newDay(_ pipeline: Pipeline, _ player: ScenarioPlayer, _ steps: [ScenarioStep]) throws -> [String] {
        for index in 0..<repetitions { _ = try run(.declarative, pipeline, home: "day-\(index)") }
        try player.play(steps[2])
        var ours: [Double] = []
        var full: [Double] = []
        for index in 0..<repetitions {
            ours.append(try run(.declarative, pipeline, home: "day-\(index)").seconds)
            full.append(try run(.procedural, pipeline, home: "day-\(index)").seconds)
        }
        return Self.row("one more day, declarative / procedural", ours, full, target: 0.15)
    }

    // MARK: - Parts

    private func arguments(_ style: String, home: String) -> [String] {
        ["run", pipelineFolder, "--style", style, "--home", "\(folder)/\(home)", "--parameter", "base=\(folder)/data"]
    }

    private func run(_ style: Style, _ pipeline: Pipeline, home: String) throws -> RunOutcome {
        let outcome = try Styles.executor(style).run(
            RunRequest(
                pipeline: pipeline,
                home: PipelineHome(pipeline: pipeline.name, root: "\(folder)/\(home)"),
                fetcher: Fetcher()
            )
        )
        guard outcome.isSuccess else { throw DuetErrors(outcome.errors) }
        return outcome
    }

    /// The statements of a run's activities in the order they ended, each activity in a transaction as in the run.
    private static func statements(of outcome: RunOutcome, _ pipeline: Pipeline) throws -> [String] {
        let schemas = Set(pipeline.datasets.map(\.name.schema)).union(["duet_quarantine"]).sorted()
        var statements = schemas.map { "CREATE SCHEMA IF NOT EXISTS \($0)" }
        for event in outcome.events where event.kind == .stepCompleted {
            guard let measures = event.measures, !measures.statements.isEmpty else { continue }
            statements += ["BEGIN"] + measures.statements + ["COMMIT"]
        }
        return statements
    }

    private static func row(_ name: String, _ ours: [Double], _ other: [Double], target: Double) -> [String] {
        let ratio = Statistics.median(ours) / Statistics.median(other)
        return [
            name, NumberText.seconds(Statistics.median(ours)), NumberText.seconds(Statistics.median(other)),
            NumberText.significant(ratio), "<= \(NumberText.significant(target))", ratio <= target ? "met" : "MISSED",
        ]
    }
}
