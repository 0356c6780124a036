import ArgumentParser
import DuetCompare
import DuetEngine
import DuetFactory
import DuetLineage
import DuetPipeline
import DuetReport

/// Options of every command that looks into a warehouse.
struct LookOptions: ParsableArguments {
    @OptionGroup var options: PipelineOptions

    @Option(help: "procedural or declarative.")
    var style = Style.declarative

    @Flag(help: "Print JSON.")
    var json = false

    func inspection() throws -> LineageInspection {
        if FactoryValidation.isFactory(options.pipeline) {
            let name = try Factory.load(options.pipeline).name
            return LineageInspection(
                Pipeline(factory: name, folder: options.pipeline),
                home: PipelineHome(pipeline: name, root: options.home),
                style: .procedural
            )
        }
        let pipeline = try options.load()
        return LineageInspection(
            pipeline,
            home: PipelineHome(pipeline: pipeline.name, root: options.home),
            style: style
        )
    }
}

struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Shows which rows a row was made from, or what a row has become.",
        discussion: """
            Back, every dataset on the way is shown with the rows that took part, down \
            to the rows of the source files. Rows that only influenced the result, as \
            the others of a window do, are marked as context.

            Of a hand-written data factory, any table of its warehouse is followed back \
            through the Copy activities, data flows, scripts and procedures of its runs; \
            what cannot be followed is told, with the reason.

            Example:
              duet trace pipelines/flights gold.carrier_month --where "month = 2"
              duet trace my-factory etl.sums --where "no = '1'"
              duet trace pipelines/flights gold.carrier_month --procedural activities
              duet trace pipelines/flights bronze.flights --where "day = 1" --forward
            """
    )

    @OptionGroup var look: LookOptions

    @Argument(help: "The dataset.")
    var dataset: String

    @Option(name: .customLong("where"), help: "Which of its rows, as a condition in SQL; all unless given.")
    var condition: String?

    @Flag(help: "Follow the rows forward instead.")
    var forward = false

    @Flag(help: "Make the rows again from nothing but what the trace has found, and say whether they agree.")
    var verify = false

    @Option(help: "The most rows to trace; all unless given.")
    var limit: Int?

    @Option(help: "The most rows to show of each dataset.")
    var rows = 5

    @Option(help: "activities: follow rows that the pipeline's hand-written activities have written.")
    var procedural = ProceduralForm.derived

    private var isFactory: Bool {
        procedural == .activities || FactoryValidation.isFactory(look.options.pipeline)
    }

    func validate() throws {
        if isFactory, forward || verify {
            throw ValidationError("--forward and --verify are for pipelines of queries, not for data factories")
        }
        if forward, verify { throw ValidationError("--verify is for traces back") }
        if rows < 0 || limit ?? 1 < 1 { throw ValidationError("--rows and --limit must not be negative") }
    }

    func run() throws {
        var inspection = try look.inspection()
        if isFactory {
            inspection = LineageInspection(inspection.pipeline, home: inspection.home, style: .procedural)
            let trace = try inspection.factoryTrace(dataset, where: condition, limit: limit)
            return Console.print(
                look.json
                    ? try TraceText.json(trace, rows: rows).text(pretty: true) : try TraceText.text(trace, rows: rows)
            )
        }
        if forward {
            let fate = try inspection.fate(dataset, where: condition, limit: limit)
            return Console.print(look.json ? TraceText.json(fate).text(pretty: true) : TraceText.text(fate))
        }
        let trace = try inspection.trace(dataset, where: condition, limit: limit)
        Console.print(
            look.json
                ? try TraceText.json(trace, rows: rows).text(pretty: true) : try TraceText.text(trace, rows: rows)
        )
        if verify { Console.note(try TraceText.verification(trace)) }
    }
}

struct WhyNotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why-not",
        abstract: "Names the operator or expectation that lost a row.",
        discussion: """
            The dataset's query is asked operator by operator how many rows meet the condition, then the queries behind
            it, back to the source files.

            Example:
              duet why-not pipelines/flights silver.flights --where "carrier = 'OO' AND tailnum IS NULL"
            """
    )

    @OptionGroup var look: LookOptions

    @Argument(help: "The dataset that lacks the row.")
    var dataset: String

    @Option(name: .customLong("where"), help: "What the row would meet: a condition in SQL over the dataset's columns.")
    var condition: String

    func run() throws {
        let answer = try look.inspection().whyNot(dataset, where: condition)
        Console.print(look.json ? TraceText.json(answer).text(pretty: true) : TraceText.text(answer))
    }
}

struct LineageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lineage",
        abstract: "Shows where tables and columns come from.",
        discussion: """
            Kinds: identity, transformation and aggregation for columns whose values flow into the column; join, filter,
            group_by, sort, window and conditional for those that only decide about it. Of a data factory the columns of
            Copy activities and mapping data flows are shown, as far as its files tell.

            Example:
              duet lineage pipelines/flights
              duet lineage pipelines/flights --column gold.carrier_month.late
              duet lineage pipelines/flights --mermaid
              duet lineage my-factory
            """
    )

    @OptionGroup var look: LookOptions

    @Option(help: "One column, as schema.table.column.")
    var column: String?

    @Flag(help: "Print a Mermaid flowchart.")
    var mermaid = false

    func validate() throws {
        if mermaid, look.json { throw ValidationError("choose --json or --mermaid") }
        if let column, !column.contains(".") { throw ValidationError("write --column schema.table.column") }
    }

    func run() throws {
        if FactoryValidation.isFactory(look.options.pipeline) {
            let lineage = FactoryLineage(try Factory.load(look.options.pipeline))
            let table = TextTable.text(header: ["activity", "column", "input column", "kind"], rows: lineage.lines)
            return Console.print(look.json ? lineage.json.text(pretty: true) : table)
        }
        let inspection = try look.inspection()
        let text = LineageText(try inspection.lineage())
        guard let column, let dot = column.lastIndex(of: ".") else {
            return Console.print(mermaid ? text.mermaid : look.json ? text.json.text(pretty: true) : text.text)
        }
        let name = String(column[column.index(after: dot)...])
        let dataset = try inspection.dataset(String(column[..<dot])).name
        if mermaid { return Console.print(try text.mermaid(column: name, of: dataset)) }
        Console.print(
            look.json
                ? try text.json(column: name, of: dataset).text(pretty: true) : try text.text(column: name, of: dataset)
        )
    }
}

struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Shows the event log, or answers queries over it.",
        discussion: """
            Example:
              duet events pipelines/flights --newest
              duet events pipelines/flights --format chrome > run.json
              duet events pipelines/flights --sql "SELECT event_type, count(*) FROM events GROUP BY ALL ORDER BY ALL"
            """
    )

    @OptionGroup var look: LookOptions

    @OptionGroup var export: ExportOptions

    @Option(help: "A SELECT over the table 'events'.")
    var sql: String?

    @Option(name: .customLong("run"), help: "One run, by the beginning of its id.")
    var runID: String?

    @Flag(help: "The newest run only.")
    var newest = false

    @Option(help: "The least level: INFO, WARN or ERROR.")
    var level = "INFO"

    @Option(help: "The most events, the newest ones.")
    var limit = 50

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1") }
        if !["INFO", "WARN", "ERROR"].contains(level.uppercased()) {
            throw ValidationError("--level is INFO, WARN or ERROR")
        }
    }

    func run() throws {
        let inspection = try look.inspection()
        if try export.handle(inspection, run: runID) { return }
        if let sql { return Console.print(try inspection.events(sql: sql, asJSON: look.json)) }
        var filter = LineageInspection.EventFilter()
        filter.run = runID
        filter.newestRun = newest
        filter.level = level.uppercased()
        filter.limit = limit
        Console.print(try inspection.events(filter, asJSON: look.json))
    }
}
