import ArgumentParser
import DuetCompare
import DuetEngine
import DuetPipeline
import DuetReport
import Foundation

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Plays a pipeline's scenario in both styles and proves that the tables are equal.",
        discussion: """
            The scenario's files are served over HTTP from this machine. After every step both styles run, and every
            published dataset is compared. Ends with exit code 3 when any differs, and with 4 when a run has become
            slower than in --baseline. Stopped by Ctrl-C it reports what was measured until then, with exit code 130.

            Example:
              duet compare pipelines/flights --report REPORT.md --html report.html
              duet compare pipelines/reviews --report REPORT.md --append
              duet compare pipelines/flights --scenario everything
              duet compare pipelines/flights --precision 5 --warm-up --baseline old.json
              duet compare pipelines/flights --sweep --html sweep.html

            Two definitions of your own, without pipeline.yml; the sources are found in both:
              duet compare --procedural activities/ --declarative transformations/ --data data/
            """
    )

    @Argument(help: "The pipeline's folder: the one with pipeline.yml.")
    var pipeline: String?

    @Option(
        name: [.customShort("p"), .customLong("parameter")],
        help: "A parameter's value, as name=value; repeatable."
    )
    var parameters: [String] = []

    @Option(help: "Where warehouses and fetched files are kept.")
    var home = ".duet"

    @OptionGroup var engine: EngineOptions
    @OptionGroup var measuring: MeasuringOptions
    @OptionGroup var reports: ReportOptions

    @Option(help: "A scenario under 'scenarios:', 'everything', or a scenario file.")
    var scenario: String?

    @Option(help: "The seed of choices by lot; the scenario's own unless given.")
    var seed: Int?

    @Option(
        help: """
            For the procedural style: derived (from the definition), activities (the hand-written ones), or a folder of \
            Azure Data Factory JSON.
            """
    )
    var procedural = "derived"

    @Option(help: "A folder of SQL as the declarative style, in place of a pipeline's folder.")
    var declarative: String?

    @Option(help: "With --declarative: the folder of the sources' files.")
    var data: String?

    @Option(help: "With --declarative: the file that maps linked services to this machine.")
    var standIns: String?

    @Flag(help: "Measure how time grows with the change and with the data, and where full reprocessing gets cheaper.")
    var sweep = false

    @Option(
        help: """
            With --sweep: how long it may take in all. Each point is measured three times (or --repeat) while there is \
            time; those that were left out are named.
            """
    )
    var sweepMinutes = Sweep.limit / 60

    @Option(
        help: """
            With --sweep: measure at these sizes alone, as 1,4,8: multiples of the data there at first; the part that \
            changes is then not measured.
            """
    )
    var sweepSizes: String?

    @Option(help: "A file of prices, to show what the runs would come to; see docs/cost.md.")
    var prices: String?

    @Flag(name: .shortAndLong, help: "Show every step of every run.")
    var verbose = false

    func validate() throws {
        if declarative == nil, pipeline == nil { throw ValidationError("name the pipeline's folder") }
        _ = try sizes()
        if sweepMinutes <= 0 { throw ValidationError("--sweep-minutes must be above 0") }
        if declarative != nil, pipeline != nil {
            throw ValidationError("--declarative takes the place of the pipeline's folder; give one of them")
        }
    }

    /// The sizes that --sweep-sizes names; nil without it.
    private func sizes() throws -> [Int]? {
        guard let sweepSizes else { return nil }
        let parts = sweepSizes.split(separator: ",", omittingEmptySubsequences: false)
        let sizes = parts.compactMap { Int($0.filter { $0 != " " }) }
        guard sweep else { throw ValidationError("--sweep-sizes needs --sweep") }
        guard sizes.count == parts.count, sizes.allSatisfy({ 1...1_024 ~= $0 }), sizes == Set(sizes).sorted() else {
            throw ValidationError(
                "--sweep-sizes takes growing whole numbers from 1 to 1024, as 1,4,8; found '\(sweepSizes)'"
            )
        }
        return sizes
    }

    func run() throws {
        let control = RunControl()
        let signals = StopSignals(control)
        defer { withExtendedLifetime(signals) {} }
        let note: @Sendable (String) -> Void = { Console.note("compare: \($0)") }
        if let declarative {
            let found = try Migration(
                procedural: procedural,
                declarative: declarative,
                data: data,
                standIns: standIns,
                parameters: try Options.values(parameters),
                workFolder: "\(home)/compare",
                settings: engine.settings,
                workers: engine.workers,
                control: control,
                progress: note
            ).run()
            return try Console.finish(found, reports, measuring)
        }
        let folder = pipeline ?? ""
        let form = try Options.form(procedural)
        let comparison = Comparison(
            folder: folder,
            parameters: try Options.values(parameters),
            scenario: scenario,
            seed: seed,
            workFolder: "\(home)/compare",
            settings: engine.settings,
            workers: engine.workers,
            repetitions: measuring.repetitions,
            warmsUp: measuring.warmUp,
            procedural: form,
            command: "/proc/self/exe",
            control: control,
            sinks: verbose ? [Progress(verbose: true)] : [],
            progress: note
        )
        var result = try comparison.run()
        if sweep, !result.isInterrupted {
            let named = try sizes()
            result.sweep = try Sweep(
                comparison,
                repetitions: measuring.count ?? 3,
                limit: sweepMinutes * 60,
                percentages: named == nil ? Sweep.percentages : [],
                sizes: named ?? Sweep.sizes,
                progress: note
            ).run()
        }
        result.effort = try Effort(folder: folder, parameters: try Options.values(parameters)).report()
        if let prices { result.cost = try PriceList.load(prices).cost(of: result) }
        try Console.finish(result, reports, measuring)
    }
}

/// How often things are measured, and against what.
struct MeasuringOptions: ParsableArguments {
    @Option(name: .customLong("repeat"), help: "How often to play the scenario; times are then medians.")
    var count: Int?

    @Option(
        help: """
            Repeat until the 95 % interval of every ratio is within this many percent of it: six times at least, up to \
            --most and --minutes.
            """
    )
    var precision: Double?

    @Option(help: "With --precision: the most repetitions.")
    var most = 30

    @Option(help: "With --precision: no repetition begins after so many minutes.")
    var minutes = 30.0

    @Flag(help: "Play the first step once before anything is measured.")
    var warmUp = false

    @Option(help: "An earlier JSON report to hold the times against.")
    var baseline: String?

    @Option(help: "With --baseline: how many percent slower is a regression.")
    var threshold = 25.0

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--repeat must be at least 1") }
        if let precision, precision <= 0 { throw ValidationError("--precision must be above 0 (percent)") }
        if count != nil, precision != nil { throw ValidationError("give --repeat or --precision, not both") }
        if most < Comparison.Repetitions.fewest {
            throw ValidationError("--most must be at least \(Comparison.Repetitions.fewest); fewer give no interval")
        }
        if minutes <= 0 { throw ValidationError("--minutes must be above 0") }
        if threshold <= 0 { throw ValidationError("--threshold must be above 0 (percent)") }
    }

    var repetitions: Comparison.Repetitions {
        precision.map { .untilNarrow($0 / 100, most: most, seconds: minutes * 60) } ?? .exactly(count ?? 1)
    }
}

/// Where reports go.
struct ReportOptions: ParsableArguments {
    @Option(help: "Write the report as Markdown to this file.")
    var report: String?

    @Flag(help: "Add the Markdown report at the end of --report, after what is there.")
    var append = false

    @Option(help: "Write the report as one self-contained HTML page to this file.")
    var html: String?

    @Option(help: "Write the report as JSON to this file.")
    var jsonReport: String?

    @Option(help: "Write the verdicts as JUnit XML to this file, for CI.")
    var junit: String?

    @Flag(help: "Print the report as JSON on standard output instead of the summary.")
    var json = false

    var files: ReportFiles {
        ReportFiles(markdown: report, appends: append, html: html, json: jsonReport, junit: junit)
    }
}

extension Console {
    /// Writes the reports, prints the summary and ends with the code of the verdict.
    static func finish(_ result: ComparisonReport, _ reports: ReportOptions, _ measuring: MeasuringOptions) throws {
        let regressions = try measuring.baseline.map {
            try Baseline.load($0).regressions(in: result, threshold: measuring.threshold / 100)
        }
        try reports.files.write(result, regressions: regressions ?? [])
        print(reports.json ? result.json.text(pretty: true) : MarkdownReport.summary(result))
        if let regressions, !reports.json { print("\n" + Baseline.text(regressions)) }
        guard result.isEqual else { throw ExitCode(Code.differs) }
        if result.isInterrupted {
            note("compare: stopped; what is above was measured until then")
            throw ExitCode(Code.stopped)
        }
        if regressions?.contains(where: \.isRegression) == true { throw ExitCode(Code.slower) }
    }
}

/// Readings of options that several commands have.
enum Options {
    static func values(_ parameters: [String]) throws -> [String: String] {
        var values: [String: String] = [:]
        for parameter in parameters {
            guard let equals = parameter.firstIndex(of: "=") else {
                throw ValidationError("'\(parameter)' is no parameter; write --parameter name=value")
            }
            values[String(parameter[..<equals])] = String(parameter[parameter.index(after: equals)...])
        }
        return values
    }

    static func form(_ text: String) throws -> ProceduralForm {
        if let form = ProceduralForm(rawValue: text) { return form }
        throw ValidationError("--procedural is 'derived' or 'activities'; a folder goes with --declarative")
    }
}

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "The flights pipeline in both styles, from a server on this machine, with a report.",
        discussion: """
            Example:
              duet demo
              duet demo --studio
            """
    )

    @OptionGroup var engine: EngineOptions

    @Option(help: "The pipeline's folder.")
    var pipeline = "pipelines/flights"

    @Option(help: "Where warehouses and fetched files are kept.")
    var home = ".duet"

    @Option(help: "Where the report is written; an HTML page goes to the home folder.")
    var report = "REPORT.md"

    @Option(name: .customLong("repeat"), help: "How often to play the scenario; times are then medians.")
    var repetitions = 1

    @Flag(help: "Show the pipeline in a web page instead; see 'duet serve'.")
    var studio = false

    func run() throws {
        if studio { return try ServeCommand.parse([pipeline, "--home", "\(home)/studio"]).run() }
        let control = RunControl()
        let signals = StopSignals(control)
        defer { withExtendedLifetime(signals) {} }
        var result = try Comparison(
            folder: pipeline,
            workFolder: "\(home)/demo",
            settings: engine.settings,
            workers: engine.workers,
            repetitions: .exactly(max(1, repetitions)),
            command: "/proc/self/exe",
            control: control,
            progress: { Console.note("demo: \($0)") }
        ).run()
        result.effort = try Effort(folder: pipeline).report()
        let page = "\(home)/demo/report.html"
        try ReportFiles(markdown: report, html: page, json: "\(home)/demo/report.json").write(result)
        Console.print(MarkdownReport.summary(result))
        let datasets = Set(result.steps.flatMap(\.datasets).map(\.name)).count
        Console.print("")
        Console.print(
            result.isEqual
                ? "Both styles ended in the same tables: \(datasets) datasets, compared after each of "
                    + "\(result.steps.count) steps. The report is in \(report), with charts in \(page)."
                : "The styles differ; \(report) shows where."
        )
        guard result.isEqual else { throw ExitCode(Console.Code.differs) }
    }
}
