import ArgumentParser
import DuetPipeline

/// The `duet` command.
@main
struct Duet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "duet",
        abstract: "Runs one data pipeline in two styles, and proves that both end in the same tables.",
        discussion: """
            procedural   activities with dependencies, as in Azure Data Factory; each run reprocesses everything
            declarative  datasets as queries, as in Delta Live Tables; a run updates what has changed

            Example:
              duet compare pipelines/flights

            Exit codes: 0 done (and equal), 1 error, 2 wrong usage, 3 the results differ, 4 slower than the
            baseline, 130 stopped by Ctrl-C (with --watch, which ends so, 0).
            """,
        version: "0.1.0",
        subcommands: [
            ValidateCommand.self, PlanCommand.self, RunCommand.self, RerunCommand.self, ExportCommand.self,
            CompareCommand.self, ShowCommand.self,
            TraceCommand.self, WhyNotCommand.self, LineageCommand.self, EventsCommand.self, HistoryCommand.self,
            DiffCommand.self, DebugCommand.self,
            SampleCommand.self, ProfileCommand.self, SQLCommand.self, ReportCommand.self,
            FetchCommand.self, SourcesCommand.self,
            ScenarioCommand.self, DemoCommand.self, ExpressionCommand.self,
            ServeCommand.self, TeachCommand.self,
            InferenceCommand.self, ModelCommand.self,
            TriggerCommand.self,
        ]
    )

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let code as ExitCode {
            exit(withError: code)
        } catch {
            Console.finish(error)
        }
    }
}
