import ArgumentParser
import DuetEngine
import DuetExpression
import DuetFactory
import DuetFetch
import DuetPipeline
import DuetProcedural
import Foundation

struct TriggerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trigger",
        abstract: "Lists what a data factory's triggers would fire, or runs it.",
        discussion: """
            Without --run or --watch nothing is started. Windows of tumbling window triggers are run the oldest first, each
            once: what has been done is kept in triggers.json beside the factory's warehouse.

            Example:
              duet trigger my-factory --from 2026-01-01 --to 2026-01-08
              duet trigger my-factory --from 2026-01-01 --to 2026-01-08 --run --only Hourly
              duet trigger my-factory --watch
              duet trigger my-factory --rerun Hourly@2026-01-01T03:00:00Z
            """
    )

    @OptionGroup var options: PipelineOptions
    @OptionGroup var engine: EngineOptions

    @Option(help: "The first moment, such as 2026-01-31 or 2026-01-31T02:30:00Z; now unless given.")
    var from: String?

    @Option(help: "The moment behind the last; a day after the first unless given.")
    var to: String?

    @Option(help: "Only this trigger; repeatable. Stopped triggers are run only when they are named.")
    var only: [String] = []

    @Option(help: "The file that maps linked services; DIR/stand-ins.yml unless given.")
    var standIns: String?

    @Flag(name: .customLong("run"), help: "Run what is due in the span and has not been done.")
    var runs = false

    @Flag(help: "Keep running what becomes due, until Ctrl-C.")
    var watch = false

    @Option(help: "Seconds between two looks of --watch.")
    var poll = 5.0

    @Option(help: "Do not run this window: TRIGGER@START.")
    var cancel: String?

    @Option(help: "Run this window again: TRIGGER@START.")
    var rerun: String?

    @Flag(help: "Print what would fire as JSON, one object a line.")
    var json = false

    func validate() throws {
        if runs, watch { throw ValidationError("give either --run or --watch") }
        if poll <= 0 { throw ValidationError("--poll must be above 0") }
    }

    func run() throws {
        let session = try FactorySession(
            folder: options.pipeline,
            home: options.home,
            standIns: standIns,
            parameters: try options.overrides()
        )
        let work = try TriggerSession(session, only: only)
        for error in work.errors { Console.note(error.description) }
        if let cancel { return Console.print(try work.mark(cancel, as: .cancelled)) }
        if let rerun { return Console.print(try work.mark(rerun, as: .waiting)) }
        let span = try work.span(from: from, to: to)
        guard runs || watch else {
            for firing in work.firings(span) { Console.print(json ? firing.json.json : firing.text) }
            return
        }
        let control = RunControl()
        let signals = StopSignals(control)
        defer { withExtendedLifetime(signals) {} }
        let runner = try work.runner(
            settings: engine.settings,
            workers: engine.workers,
            control: control,
            fetcher: Fetcher()
        ) { Console.note($0) }
        if watch { return try runner.watch(pause: poll) }
        let outcome = try runner.run(from: span.from, to: span.to)
        Console.print("\(outcome.succeeded) succeeded, \(outcome.failed) failed, \(outcome.waiting.count) wait")
        if outcome.failed > 0 || !outcome.waiting.isEmpty { throw ExitCode(1) }
    }
}
