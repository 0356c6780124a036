import ArgumentParser
import DuetCompare
import DuetEngine
import DuetFetch
import DuetInference
import DuetPipeline
import DuetReport

struct InferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inference",
        abstract: "Looks after what models have answered.",
        discussion: """
            Answers are kept in .duet/inference.duckdb, shared by all pipelines there.

            Example:
              duet inference stats
              duet inference retry pipelines/reviews
            """,
        subcommands: [StatsCommand.self, PruneCommand.self, InvalidateCommand.self, RetryCommand.self]
    )
}

struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Says what the result store holds, model by model.",
        discussion: "Example:\n  duet inference stats --json"
    )

    @Option(help: "Where warehouses and fetched files are kept.")
    var home = ".duet"

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let entries = try StoreAdministration(path: "\(home)/inference.duckdb").entries()
        if json { return Console.print(JSONValue.array(entries.map(\.json)).text(pretty: true)) }
        Console.print(
            TextTable.text(
                header: ["model", "answers", "failed", "tokens in", "tokens out", "calls", "seconds"],
                rows: entries.map {
                    [
                        $0.model, "\($0.answers)", "\($0.failed)", "\($0.tokensIn)", "\($0.tokensOut)", "\($0.calls)",
                        "\(($0.seconds * 10).rounded() / 10)",
                    ]
                },
                rightAligned: [1, 2, 3, 4, 5, 6]
            )
        )
    }
}

struct PruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Forgets answers of models that no pipeline has any more.",
        discussion: "Name all pipelines that share the store.\n\nExample:\n  duet inference prune pipelines/reviews"
    )

    @Argument(help: "The folders of all pipelines that share the store.")
    var pipelines: [String]

    @Option(help: "Where warehouses and fetched files are kept.")
    var home = ".duet"

    func run() throws {
        let loaded = try pipelines.map { try Pipeline.load(folder: $0) }
        let count = try StoreAdministration(path: "\(home)/inference.duckdb").prune(keeping: loaded)
        Console.print("forgotten: \(count) answers")
    }
}

struct InvalidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invalidate",
        abstract: "Declares a model's answers invalid: the next update asks anew.",
        discussion: "Example:\n  duet inference invalidate pipelines/reviews sentiment"
    )

    @OptionGroup var options: PipelineOptions

    @Argument(help: "The model, as pipeline.yml names it.")
    var model: String

    func run() throws {
        let count = try StoreAdministration(path: "\(options.home)/inference.duckdb")
            .invalidate(model, of: try options.load())
        Console.print("forgotten: \(count) answers of '\(model)'; the next update asks anew")
    }
}

struct RetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Asks again about inputs that got no answer, and updates the datasets they belong to (declarative).",
        discussion: "Example:\n  duet inference retry pipelines/reviews"
    )

    @OptionGroup var options: PipelineOptions
    @OptionGroup var engine: EngineOptions

    func run() throws {
        let pipeline = try options.load()
        let progress = Progress(verbose: false)
        let control = RunControl()
        let signals = StopSignals(control)
        defer { withExtendedLifetime(signals) {} }
        let (outcome, inputs) = try InferenceRetry.run(
            RunRequest(
                pipeline: pipeline,
                home: PipelineHome(pipeline: pipeline.name, root: options.home),
                settings: engine.settings,
                workers: engine.workers,
                fetcher: Fetcher(),
                control: control,
                sinks: [progress]
            )
        )
        progress.clear()
        Console.print("asked again: \(inputs) inputs")
        Console.print(RunSummary(outcome).text)
        guard outcome.isSuccess else { throw DuetErrors(outcome.errors) }
    }
}

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Trains heads for embedded models, and measures models on labelled rows.",
        discussion: """
            Example:
              duet model train pipelines/reviews sentiment --output pipelines/reviews/heads/minilm.json \\
                --query "SELECT text, label FROM 'labelled.csv' LIMIT 200"
              duet model evaluate pipelines/reviews sentiment --query "SELECT text, label FROM 'others.csv'"
            """,
        subcommands: [TrainCommand.self, EvaluateCommand.self, VectorsCommand.self]
    )
}

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a head on labelled rows and writes it to a file.",
        discussion: "See: duet model --help"
    )

    @OptionGroup var options: PipelineOptions

    @Argument(help: "The model, as pipeline.yml names it.")
    var model: String

    @Option(help: "A query for rows of a text and its label; paths in it are relative to the pipeline's folder.")
    var query: String

    @Option(help: "The file to write.")
    var output: String

    func run() throws {
        let head = try ModelWorkshop(try options.load()).train(model, on: query)
        try head.write(to: output)
        Console.print(
            "written: \(output), version \(head.version): \(head.rows) rows, labels \(head.labels.joined(separator: ", ")), "
                + "accuracy on rows left out in turn \((head.crossValidated * 1000).rounded() / 1000)"
        )
    }
}

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Holds a model's labels against known ones.",
        discussion: "See: duet model --help"
    )

    @OptionGroup var options: PipelineOptions

    @Argument(help: "The model, as pipeline.yml names it.")
    var model: String

    @Option(help: "A query for rows of a text and its known label; paths in it are relative to the pipeline's folder.")
    var query: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let evaluation = try ModelWorkshop(try options.load()).evaluate(model, on: query)
        if json { return Console.print(evaluation.json.text(pretty: true)) }
        Console.print(
            TextTable.text(
                header: ["known \\ answered"] + evaluation.labels,
                rows: zip(evaluation.labels, evaluation.confusion).map { [$0] + $1.map { "\($0)" } },
                rightAligned: Set(1...evaluation.labels.count)
            )
        )
        Console.print(
            "accuracy \((evaluation.accuracy * 10_000).rounded() / 10_000) on \(evaluation.rows) rows, "
                + "\(Int(evaluation.rowsPerSecond)) rows a second"
        )
    }
}

struct VectorsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vectors",
        abstract: "Prints the tokens, vectors and labels of texts as JSON objects, one a line.",
        discussion: "See: duet model --help, and scripts/check-inference, which holds them against a reference."
    )

    @OptionGroup var options: PipelineOptions

    @Argument(help: "The model, as pipeline.yml names it.")
    var model: String

    @Option(help: "A query for rows of a text and its label; paths in it are relative to the pipeline's folder.")
    var query: String

    func run() throws {
        for text in try ModelWorkshop(try options.load()).encoded(model, query) { Console.print(text.json.text()) }
    }
}
