internal import DuetCompare
public import DuetEngine
internal import DuetEvents
internal import DuetPipeline
internal import DuetReport
internal import Foundation
internal import Mustache

/// Plays lessons without a browser: on a terminal, and in tests.
public struct LessonPlayer: Sendable {
    private let playground: Playground
    private let say: @Sendable (String) -> Void

    /// Creates a player.
    ///
    /// - Parameters:
    ///   - playground: An open playground.
    ///   - say: Takes what is to be read, in pieces.
    public init(_ playground: Playground, say: @escaping @Sendable (String) -> Void) {
        self.playground = playground
        self.say = say
    }

    /// Does what a lesson says, tells what happened with the figures just measured, and checks it.
    ///
    /// - Parameters:
    ///   - lesson: The lesson.
    ///   - pause: Called where a reader may want to think: before the actions, and before the answer.
    /// - Throws: ``DuetError`` when an action fails or what the lesson states does not hold.
    public func play(_ lesson: Lesson, pause: () throws -> Void = {}) throws {
        say("\(lesson.number). \(lesson.title)\n")
        say(lesson.see + "\n")
        for action in lesson.actions { say("  > \(action.words)") }
        try pause()
        for action in lesson.actions { try perform(action) }
        if let round = playground.rounds.last { say("\n" + Self.table(round) + "\n") }
        say(try filled(lesson.happened) + "\n")
        for check in lesson.checks { try verify(check, lesson) }
        say("Question: \(lesson.question)")
        try pause()
        say("Answer: \(lesson.answer)\n")
    }

    private func perform(_ action: Lesson.Action) throws {
        switch action {
        case .reset: try playground.reset()
        case .apply(let name):
            guard let index = playground.steps.firstIndex(where: { $0.name == name }) else {
                throw DuetError(
                    .wrongValue,
                    "the scenario has no step '\(name)'",
                    hint: Suggestion.hint(for: name, among: playground.steps.map(\.name), noun: "steps")
                )
            }
            try playground.apply(through: index)
        case .run(let names):
            try playground.run(names.compactMap(Style.init(rawValue:)))
            let runs = playground.rounds.last?.runs ?? [:]
            for style in Style.allCases {
                guard let run = runs[style], !run.isSuccess else { continue }
                throw DuetError(.wrongValue, "the \(style.rawValue) run failed: \(run.errors.joined(separator: "; "))")
            }
        case .edit(let file, let from, let to):
            let text = try String(contentsOfFile: "\(playground.copyFolder)/\(file)", encoding: .utf8)
            guard text.contains(from) else {
                throw DuetError(.wrongValue, "'\(file)' does not contain '\(from)'")
            }
            try playground.edit(file, text: text.replacingOccurrences(of: from, with: to))
        case .ask(let name, let sql):
            guard let style = Style(rawValue: name) else { return }
            let path = playground.home.warehouse(style)
            let table = try playground.lane(style).wait { try WarehouseLook(path: path).ask(sql) }
            say(
                TextTable.text(
                    header: table.columns.map(\.name),
                    rows: table.rows.map { $0.map { $0.string ?? ($0.isNull ? "" : $0.text()) } }
                )
            )
        case .expectEqual, .expect: break
        }
    }

    private func verify(_ check: Lesson.Action, _ lesson: Lesson) throws {
        switch check {
        case .expectEqual:
            let differing = playground.rounds.last?.datasets?.filter { !$0.isEqual }.map(\.name.description)
            if differing?.isEmpty == true { return }
            let what = differing.map { "these differ: \($0.joined(separator: ", "))" } ?? "they were not compared"
            throw failed(lesson, "the tables of both styles should be equal, but \(what)")
        case .expect(let left, let comparison, let right):
            let (a, b) = (try figure(left, lesson), try figure(right, lesson))
            let holds =
                switch comparison {
                case "<": a < b
                case ">": a > b
                default: a == b
                }
            guard holds else { throw failed(lesson, "'\(check.words)' does not hold: \(a) and \(b)") }
        default: return
        }
    }

    private func failed(_ lesson: Lesson, _ message: String) -> DuetError {
        DuetError(.wrongValue, "lesson \(lesson.number), '\(lesson.title)': \(message)")
    }

    private func figure(_ text: String, _ lesson: Lesson) throws -> Double {
        if let number = Double(text) { return number }
        let parts = text.split(separator: ".").map(String.init)
        guard parts.count == 2, let style = Style(rawValue: parts[0]), let run = lastRun(style),
            let value = Self.figures(run)[parts[1]]
        else {
            throw failed(
                lesson,
                "'\(text)' is no figure; write procedural or declarative, a dot, and one of "
                    + "rows, bytes, requests, refreshed, datasets, seconds"
            )
        }
        return value
    }

    private func lastRun(_ style: Style) -> Playground.Run? {
        playground.rounds.last { $0.runs[style] != nil }?.runs[style]
    }

    private static func figures(_ run: Playground.Run) -> [String: Double] {
        let measures = run.measures
        let datasets = measures.steps.filter { $0.stepKind == .dataset }
        return [
            "rows": Double(measures.sum(of: .dataset) { $0.rowsInserted + $0.rowsDeleted }),
            "bytes": Double(measures.sum(\.bytesTransferred)),
            "requests": Double(measures.sum(\.requests)),
            "datasets": Double(datasets.count),
            "refreshed": Double(
                datasets.filter { $0.kind == .stepCompleted && $0.measures?.strategy != .nothing }.count
            ),
            "seconds": measures.seconds,
        ]
    }

    /// The text with the latest figures in it.
    private func filled(_ text: String) throws -> String {
        var values: [String: [String: String]] = [:]
        for style in Style.allCases {
            guard let run = lastRun(style) else { continue }
            values[style.rawValue] = Self.figures(run).reduce(into: [:]) { texts, figure in
                texts[figure.key] =
                    switch figure.key {
                    case "bytes": NumberText.bytes(Int(figure.value))
                    case "seconds": NumberText.seconds(figure.value)
                    default: NumberText.count(Int(figure.value))
                    }
            }
        }
        return try MustacheTemplate(string: "{{%CONTENT_TYPE:TEXT}}\n" + text).render(values)
    }

    /// Both runs of a round side by side.
    private static func table(_ round: Playground.Round) -> String {
        let rows = Style.allCases.compactMap { style -> [String]? in
            guard let run = round.runs[style] else { return nil }
            let figures = figures(run)
            return [
                style.rawValue, NumberText.seconds(run.measures.seconds),
                "\(Int(figures["refreshed"] ?? 0)) of \(Int(figures["datasets"] ?? 0))",
                NumberText.count(Int(figures["rows"] ?? 0)), NumberText.bytes(Int(figures["bytes"] ?? 0)),
            ]
        }
        let verdict = round.datasets.map { $0.allSatisfy(\.isEqual) ? "equal tables" : "the tables differ" } ?? ""
        return TextTable.text(
            header: ["style", "time", "refreshed", "rows written", "fetched"],
            rows: rows,
            rightAligned: [1, 2, 3, 4]
        ) + (verdict.isEmpty ? "" : "\n\(verdict)")
    }
}

extension LessonPlayer {
    /// Plays lessons from the start, on a playground of their own.
    ///
    /// - Parameters:
    ///   - lessons: All lessons; each goes on from where the one before has ended.
    ///   - only: The lesson to show; those before it are done without words. Nil shows all.
    ///   - folder: The pipeline's folder.
    ///   - workFolder: Where files and warehouses are made; emptied at the start.
    ///   - settings: How DuckDB may use the machine.
    ///   - workers: How many steps of a run may go on at once.
    ///   - say: Takes what is to be read.
    ///   - pause: Called where a reader may want to think.
    /// - Throws: ``DuetError`` when an action fails or what a lesson states does not hold.
    public static func tour(
        _ lessons: [Lesson],
        only: Int? = nil,
        folder: String,
        workFolder: String,
        settings: EngineSettings = EngineSettings(),
        workers: Int = 2,
        say: @escaping @Sendable (String) -> Void,
        pause: () throws -> Void = {}
    ) throws {
        let playground = try Playground(
            folder: folder,
            workFolder: workFolder,
            settings: settings,
            workers: workers,
            sink: SilentSink()
        )
        try playground.open()
        defer { playground.close() }
        for lesson in lessons where lesson.number <= only ?? Int.max {
            let isShown = only == nil || only == lesson.number
            let player = LessonPlayer(playground, say: { if isShown { say($0) } })
            try player.play(lesson, pause: { if isShown { try pause() } })
        }
    }
}

/// Takes events and does nothing with them; they are in the runs' measures.
private struct SilentSink: EventSink {
    func record(_ event: RunEvent) {}
}
