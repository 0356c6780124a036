import ArgumentParser
import DuetCompare
import DuetEngine
import DuetPipeline
import DuetReport
import Foundation

struct ScenarioCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenario",
        abstract: "Lists, describes and makes scenarios, or makes their files.",
        subcommands: [List.self, Describe.self, New.self, Apply.self]
    )

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists a pipeline's scenarios, or the steps of one.",
            discussion: """
                Example:
                  duet scenario list pipelines/flights
                  duet scenario list pipelines/flights --scenario everything
                """
        )

        @OptionGroup var options: PipelineOptions

        @Option(help: "A scenario whose steps to list: a name or a file.")
        var scenario: String?

        func run() throws {
            let pipeline = try options.load()
            if let scenario {
                return Console.print(
                    ScenarioLibrary.steps(try ScenarioLibrary.scenario(scenario, of: pipeline))
                )
            }
            Console.print(ScenarioLibrary.list(pipeline))
            guard pipeline.scenario != nil else { return }
            Console.print("\n" + ScenarioLibrary.steps(try ScenarioLibrary.scenario(of: pipeline)))
        }
    }

    struct Describe: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Describes the kinds of steps, or one of them with its options.",
            discussion: """
                Example:
                  duet scenario describe
                  duet scenario describe correct
                """
        )

        @Argument(help: "A kind of step.")
        var kind: String?

        func run() throws { Console.print(try ScenarioLibrary.describe(kind)) }
    }

    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints a scenario file to start from.",
            discussion: """
                Example:
                  duet scenario new pipelines/flights append correct kill > busy.yml
                  duet compare pipelines/flights --scenario busy.yml
                """
        )

        @OptionGroup var options: PipelineOptions

        @Argument(help: "The kinds of steps; all unless given.")
        var kinds: [String] = []

        func run() throws {
            Console.print(try ScenarioLibrary.template(for: try options.load(), kinds: kinds))
        }
    }

    struct Apply: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes the files of the first steps in the pipeline's own data folder.",
            discussion: """
                The files go where the parameter 'base' says, so that 'duet run' finds them.

                Example:
                  duet scenario apply pipelines/flights --steps 1
                  duet run pipelines/flights
                """
        )

        @OptionGroup var options: PipelineOptions

        @Option(help: "How many steps to apply, from the first.")
        var steps = 1

        @Option(help: "Apply only from this step on (the earlier ones have been applied).")
        var from = 1

        func validate() throws {
            if from < 1 || steps < from { throw ValidationError("--from must be at least 1 and at most --steps") }
        }

        func run() throws {
            let pipeline = try options.load()
            for name in try PipelineInspection(pipeline, root: options.home).applyScenario(from: from, through: steps) {
                Console.print("applied: \(name)")
            }
        }
    }
}
