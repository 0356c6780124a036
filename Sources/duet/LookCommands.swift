public import ArgumentParser
import DuetCompare
import DuetEngine
import DuetFetch
public import DuetLineage
import DuetPipeline
import Foundation

extension LineageInspection.ExportFormat: ExpressibleByArgument {}

struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Shows what each update did to a dataset, and who reads it.",
        discussion: """
            Example:
              duet history pipelines/flights gold.daily
            """
    )

    @OptionGroup var look: LookOptions

    @Argument(help: "The dataset.")
    var dataset: String

    func run() throws { Console.print(try look.inspection().history(dataset, asJSON: look.json)) }
}

struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Shows which rows of a dataset came and went between two updates.",
        discussion: """
            The dataset keeps its changes when its statement says so, for the declarative style:
            TBLPROPERTIES ('duet.keepChanges' = '30') keeps those of 30 updates. An update is named by the beginning of
            its run's id, as duet history shows it.

            Example:
              duet diff pipelines/flights gold.daily --from 3f2a91c0
            """
    )

    @OptionGroup var look: LookOptions

    @Argument(help: "The dataset.")
    var dataset: String

    @Option(help: "The earlier update.")
    var from: String

    @Option(help: "The later update; the present unless given.")
    var to: String?

    @Option(help: "The most rows.")
    var limit = 100

    func validate() throws {
        if limit < 0 { throw ValidationError("--limit must not be negative") }
    }

    func run() throws {
        Console.print(
            try look.inspection().difference(dataset, from: from, to: to, limit: limit, asJSON: look.json)
        )
    }
}

struct DebugCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "debug",
        abstract: "Runs step by step, with looks in between.",
        discussion: """
            Reads commands from standard input. Declarative, it updates the datasets one at a time: next, until DATASET,
            show DATASET, profile DATASET, why-not DATASET CONDITION, sql QUERY, where, quit. Procedural, it stops before
            activities: next, continue, variables, parameters, outputs, eval, table, sql, quit. The procedural activities
            of a pipeline are those that duet export adf writes, on a warehouse of their own; a data factory's are its own.

            Example:
              duet debug pipelines/flights --until silver.flights
              duet debug pipelines/flights --style procedural --until silver.flights
              duet debug my-factory --until "Copy rows"
            """
    )

    @OptionGroup var options: PipelineOptions
    @OptionGroup var engine: EngineOptions

    @Option(help: "procedural or declarative.")
    var style = Style.declarative

    @Option(help: "Begin by running everything up to this dataset, or to the activity before this one (procedural).")
    var until: String?

    @Option(help: "The data factory's pipeline to run; the only one unless given.")
    var only: String?

    func run() throws {
        if style == .procedural || FactoryValidation.isFactory(options.pipeline) { return try runActivities() }
        let pipeline = try options.load()
        let home = PipelineHome(pipeline: pipeline.name, root: options.home)
        let (settings, workers) = (engine.settings, engine.workers)
        let session = try DebugSession(LineageInspection(pipeline, home: home, style: .declarative)) { names in
            try Styles.executor(.declarative).run(
                RunRequest(
                    pipeline: pipeline,
                    home: home,
                    settings: settings,
                    workers: workers,
                    selection: names,
                    fetcher: Fetcher()
                )
            )
        }
        Console.print(try until.map { try session.answer("until \($0)") ?? "" } ?? session.place)
        let isTerminal = isatty(STDIN_FILENO) == 1
        while true {
            if isTerminal { Console.write("debug> ", to: .standardError) }
            guard let line = readLine() else { return }
            do {
                guard let text = try session.answer(line) else { return }
                Console.print(text)
            } catch {
                // What failed is told, and the session goes on from where it was.
                Console.note("\(error)")
            }
        }
    }
}

extension DebugCommand {
    /// Stops before activities: those of a data factory, or those derived from a pipeline.
    fileprivate func runActivities() throws {
        var folder = options.pipeline
        var stop = until ?? "*"
        if !FactoryValidation.isFactory(folder) {
            let pipeline = try options.load()
            folder = "\(PipelineHome(pipeline: pipeline.name, root: options.home).folder)/debug-factory"
            _ = try ExportCommand.ADF.write(pipeline, home: options.home, to: folder)
            let named = pipeline.datasets.first { $0.name.key == stop.lowercased() }
            if let named { stop = StepName.dataset(named.name, style: Style.procedural.rawValue) }
        }
        try FactoryRunning(
            folder: folder,
            home: options.home,
            parameters: [:],
            options: try FactoryOptions.parse(["--break", stop] + (only.map { ["--only", $0] } ?? [])),
            engine: engine
        ).run()
    }
}

struct SampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Shows rows of a dataset drawn by lot.",
        discussion: """
            Example:
              duet sample pipelines/flights silver.departures --count 5 --seed 7
            """
    )

    @OptionGroup var look: LookOptions

    @Argument(help: "The dataset.")
    var dataset: String

    @Option(help: "How many rows.")
    var count = 10

    @Option(help: "The seed: the same one draws the same rows.")
    var seed = 1

    func validate() throws {
        if count < 1 || seed < 0 { throw ValidationError("--count must be at least 1, and --seed not negative") }
    }

    func run() throws {
        Console.print(try look.inspection().sample(dataset, count: count, seed: seed, asJSON: look.json))
    }
}

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Shows what the columns of a dataset hold.",
        discussion: """
            Types, NULLs, distinct values, the least and the greatest, and a histogram or the most frequent values.

            Example:
              duet profile pipelines/flights silver.departures
              duet profile pipelines/flights gold.daily --query
            """
    )

    @OptionGroup var look: LookOptions

    @Argument(help: "The dataset.")
    var dataset: String

    @Flag(help: "Run the dataset's query under EXPLAIN ANALYZE instead, and show DuckDB's profile of it.")
    var query = false

    func run() throws {
        let inspection = try look.inspection()
        Console.print(
            query ? try inspection.explainAnalyze(dataset) : try inspection.profile(dataset, asJSON: look.json)
        )
    }
}

struct SQLCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sql",
        abstract: "Answers SQL over both warehouses, for reading only.",
        discussion: """
            Tables are named procedural.gold.t and declarative.gold.t; without the first part the declarative one is
            meant. Without a query it reads queries from standard input, each ended by a semicolon.

            Example:
              duet sql pipelines/flights "SELECT count(*) FROM silver.flights"
            """
    )

    @OptionGroup var options: PipelineOptions

    @Argument(help: "The query.")
    var query: String?

    @Flag(help: "Print JSON objects, one a line.")
    var json = false

    func run() throws {
        let pipeline = try options.load()
        let prompt = try SQLPrompt(PipelineHome(pipeline: pipeline.name, root: options.home))
        if let query { return Console.print(try prompt.answer(query, asJSON: json)) }
        let isTerminal = isatty(STDIN_FILENO) == 1
        if isTerminal {
            Console.note("\(prompt.styles.map(\.rawValue).joined(separator: " and ")), for reading; Ctrl-D ends")
        }
        var text = ""
        while let line = Self.line(isTerminal ? (text.isEmpty ? "sql> " : "  -> ") : "") {
            text += line + "\n"
            guard line.trimmingCharacters(in: .whitespaces).hasSuffix(";") else { continue }
            answer(text, prompt)
            text = ""
        }
        if !text.trimmingCharacters(in: .whitespacesAndNewlines).isEmpty { answer(text, prompt) }
    }

    private static func line(_ prompt: String) -> String? {
        if !prompt.isEmpty { Console.write(prompt, to: .standardError) }
        return readLine()
    }

    private func answer(_ text: String, _ prompt: SQLPrompt) {
        do {
            let query = text.trimmingCharacters(in: CharacterSet(charactersIn: "; \n\t"))
            Console.print(try prompt.answer(query, asJSON: json))
        } catch {
            // A wrong query is told, and the next one is read.
            Console.note("\(error)")
        }
    }
}

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Reports on runs.",
        discussion: """
            Example:
              duet report run pipelines/flights
            """,
        subcommands: [ReportRunCommand.self]
    )
}

struct ReportRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Says where the time of a run went, and how it compares with earlier ones.",
        discussion: """
            Steps on the critical path are marked; 'waited' is the time between the end of a step's last input and its
            own start. A run that wrote something is held against the median of earlier ones that did, an idle one
            against idle ones.

            Example:
              duet report run pipelines/flights --style procedural
            """
    )

    @OptionGroup var look: LookOptions

    @Option(name: .customLong("run"), help: "The run, by the beginning of its id; the newest unless given.")
    var runID: String?

    func run() throws { Console.print(try look.inspection().timing(runID, asJSON: look.json)) }
}

/// Where events go in other tools' forms.
struct ExportOptions: ParsableArguments {
    @Option(help: "openlineage, otlp, chrome or prometheus: print a run in another tool's form.")
    var format: LineageInspection.ExportFormat?

    @Option(help: "With --format openlineage: post the events to this address.")
    var url: String?

    func validate() throws {
        if url != nil, format != .openlineage { throw ValidationError("--url goes with --format openlineage") }
    }

    /// Prints or sends a run; false when no form was asked for.
    func handle(_ inspection: LineageInspection, run: String?) throws -> Bool {
        guard let format else { return false }
        guard let url else {
            Console.print(try inspection.export(format, run: run))
            return true
        }
        let count = try inspection.sendOpenLineage(run: run, to: url, fetcher: Fetcher())
        Console.note("\(count) events sent to \(url)")
        return true
    }
}
