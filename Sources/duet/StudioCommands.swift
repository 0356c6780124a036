import ArgumentParser
import DuetEngine
import DuetStudio
import Foundation

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Shows both styles side by side in a web page on this machine, to run, change and look into.",
        discussion: """
            Prints the page's address, which has a token in it: whoever has the address may use the page. It is served on
            127.0.0.1 only, and works on a copy: the pipeline's own files and warehouses stay as they are. Ends with
            Ctrl-C.

            Example:
              scripts/setup studio
              duet serve pipelines/flights
            """
    )

    @Argument(help: "The pipeline's folder.")
    var pipeline = "pipelines/flights"

    @OptionGroup var engine: EngineOptions

    @Option(
        name: [.customShort("p"), .customLong("parameter")],
        help: "A parameter's value, as name=value; repeatable."
    )
    var parameters: [String] = []

    @Option(help: "The port; 0 takes a free one.")
    var port: UInt16 = 0

    @Option(help: "Where copies, fetched files and warehouses are kept; emptied at the start.")
    var home = ".duet/studio"

    @Option(help: "The folder of the guided tour's lessons.")
    var lessons = "docs/lessons"

    @Option(help: "Where 'scripts/setup studio' has put the page's library.")
    var library = ".deps/studio"

    func run() throws {
        var options = Studio.Options(folder: pipeline, workFolder: home)
        options.parameters = try PipelineOptions.overrides(parameters)
        options.lessonFolder = FileManager.default.fileExists(atPath: lessons) ? lessons : nil
        options.libraryFolder = library
        options.port = port
        options.settings = engine.settings
        options.workers = engine.workers
        options.command = "/proc/self/exe"
        let control = RunControl()
        let signals = StopSignals(control)
        defer { withExtendedLifetime(signals) {} }
        try Studio.serve(options, control: control) { address in
            Console.print("duet studio: \(address.absoluteString)")
            Console.note("open the address in a browser on this machine; Ctrl-C ends")
        }
    }
}

struct TeachCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "teach",
        abstract: "A guided tour of the two styles in the terminal: ten short lessons over the flights pipeline.",
        discussion: """
            Each lesson says what there is to see, does something, tells what happened in each style with the figures just
            measured, and asks a question. The same lessons are in the page: see 'duet serve'.

            Example:
              duet teach
              duet teach --lesson 3 --no-pause
            """
    )

    @Argument(help: "The pipeline's folder.")
    var pipeline = "pipelines/flights"

    @OptionGroup var engine: EngineOptions

    @Option(help: "The folder of the lessons.")
    var lessons = "docs/lessons"

    @Option(help: "Where copies, fetched files and warehouses are kept; emptied at the start.")
    var home = ".duet/teach"

    @Option(help: "Show only the lessons up to this one; those before are done without words.")
    var lesson: Int?

    @Flag(inversion: .prefixedNo, help: "Wait for Enter before doing something and before giving an answer.")
    var pause = true

    func run() throws {
        let all = try Lesson.load(lessons)
        if let lesson, !(1...max(1, all.count)).contains(lesson) {
            throw ValidationError("there are lessons 1 to \(all.count)")
        }
        let isAsking = pause && isatty(STDIN_FILENO) == 1
        try LessonPlayer.tour(
            all,
            only: lesson,
            folder: pipeline,
            workFolder: home,
            settings: engine.settings,
            workers: engine.workers,
            say: { Console.print($0) },
            pause: {
                guard isAsking else { return }
                Console.note("— press Enter —")
                _ = readLine()
            }
        )
    }
}
