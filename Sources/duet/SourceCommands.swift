import ArgumentParser
import DuetCompare
import DuetEngine
import DuetFetch
import DuetPipeline

struct FetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Pulls a pipeline's sources without running it.",
        discussion: """
            Asks only for what may have changed; the next run of the style finds the files landed.

            Example:
              duet fetch pipelines/flights
              duet fetch pipelines/flights --source planes --source airlines
            """
    )

    @OptionGroup var options: PipelineOptions

    @Option(name: .customLong("source"), help: "A source's name; repeatable. All sources unless given.")
    var sources: [String] = []

    @Option(help: "Whose landing folder: procedural or declarative.")
    var style = Style.declarative

    @Flag(help: "Transfer everything, whether it has changed or not.")
    var all = false

    @Flag(help: "Print the run as JSON on standard output.")
    var json = false

    func run() throws {
        let progress = Progress()
        let control = RunControl()
        let signals = StopSignals(control)
        defer { withExtendedLifetime(signals) {} }
        let request = try options.request(control: control, progress: json ? nil : progress)
        let mode: SourceReader.Mode = all ? .everything : .conditional
        let outcome = try SourceFetching.run(request, style: style, sources: sources, mode: mode)
        progress.clear()
        Console.print(json ? RunSummary(outcome).json.text(pretty: true) : RunSummary(outcome).text)
        guard outcome.isSuccess else { throw DuetErrors(outcome.errors) }
    }
}

struct SourcesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sources",
        abstract: "Lists a pipeline's sources: what is here of them, and since when.",
        discussion: """
            With --check servers are asked what a fetch would bring; only lists and heads are transferred.

            Example:
              duet sources pipelines/flights --check
            """
    )

    @OptionGroup var options: PipelineOptions

    @Option(name: .customLong("source"), help: "A source's name; repeatable. All sources unless given.")
    var sources: [String] = []

    @Option(help: "Whose landing folder: procedural or declarative.")
    var style = Style.declarative

    @Flag(help: "Ask the servers what a fetch would bring.")
    var check = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let request = try options.request(control: RunControl(), progress: nil)
        let states = try SourceStatus.all(request, style: style, sources: sources, asking: check)
        Console.print(
            json
                ? JSONValue.array(states.map(\.json)).text(pretty: true)
                : states.map(\.text).joined(separator: "\n")
        )
    }
}

extension PipelineOptions {
    /// A request for the sources alone.
    fileprivate func request(control: RunControl, progress: Progress?) throws -> RunRequest {
        let pipeline = try load()
        return RunRequest(
            pipeline: pipeline,
            home: PipelineHome(pipeline: pipeline.name, root: home),
            fetcher: Fetcher(),
            control: control,
            sinks: progress.map { [$0] } ?? [],
            progress: progress?.reporter
        )
    }
}
