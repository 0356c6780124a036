internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline
internal import DuetReport

/// The way through a sweep's points: begins each from a kept state, and stops at the limit of time.
struct SweepWalk {
    let play: ComparisonPlay
    let control: RunControl
    let limit: Double
    let progress: @Sendable (String) -> Void
    let points: [SweepPoint]
    let sizes: [Int]
    var isInterrupted = false

    private var source = ""
    private var first: PlayState?
    private var rowsAtFirst = 0
    private let clock = ContinuousClock.now
    /// Seconds from a point's beginning to its end, the last time.
    private var lasted: [SweepPoint: Double] = [:]
    private var found: [SweepPoint: (step: ComparisonReport.Step, rowsBefore: Int)] = [:]
    private var order: [SweepPoint] = []
    private var hasReachedLimit = false
    private var plays = 0

    init(
        play: ComparisonPlay,
        control: RunControl,
        limit: Double,
        progress: @escaping @Sendable (String) -> Void,
        points: [SweepPoint],
        sizes: [Int]
    ) {
        self.play = play
        self.control = control
        self.limit = limit
        self.progress = progress
        self.points = points
        self.sizes = sizes
    }

    private var elapsed: Double { (ContinuousClock.now - clock) / .seconds(1) }

    private var sizePoints: [SweepPoint] {
        sizes.flatMap { size in
            SweepReport.Change.allCases.map { SweepPoint(series: .size, change: $0, x: Double(size)) }
        }
    }

    // MARK: - States

    /// Loads the data in both styles, and keeps what that leaves.
    mutating func load(_ step: ScenarioStep) throws {
        progress("sweep, \(step.name)")
        rowsAtFirst = try grow(step, number: 1)
        source = try play.largestSource()
        first = try PlayState(of: play, named: "first")
    }

    /// Plays a step that is not measured.
    ///
    /// - Returns: The rows of the largest dataset after it.
    private func grow(_ step: ScenarioStep, number: Int) throws -> Int {
        var result = ComparisonReport.Step(name: step.name)
        try play.play(step, number: number, [.procedural, .declarative], &result)
        return result.datasets.map(\.rows.procedural).max() ?? 0
    }

    // MARK: - Points

    /// Measures each change once, from the first state.
    mutating func measureChanges() throws {
        guard let first else { return }
        for (index, point) in points.enumerated() where point.x > 0 || point.change == .correct {
            try measure(point, from: first, number: 100 + index, percent: point.x, rowsBefore: rowsAtFirst)
        }
    }

    /// Measures at each size, which grows out of the one before.
    mutating func measureSizes(repetitions: Int) throws {
        guard let start = first else { return }
        var (state, rows, last) = (start, rowsAtFirst, 1)
        var growing = 0.0
        for (index, size) in sizes.enumerated() {
            if size > last {
                // What comes next is larger by the same factor as what came last, and takes longer by about as much.
                let factor = Double(size) / Double(last)
                guard isTime(for: max(growing, lasted.values.max() ?? 0) * factor) else { break }
                progress("sweep, growing to size × \(size)")
                let began = elapsed
                try state.restore()
                let percent = (factor - 1) * 100
                let step = SweepPoint(series: .size, change: .append, x: Double(size)).step(percent: percent)
                rows = try grow(step, number: 10 + index)
                if last > 1 { try state.forget() }
                state = try PlayState(of: play, named: "size-\(size)")
                growing = elapsed - began
                last = size
            }
            for repetition in 0..<repetitions where repetition == 0 || elapsed < limit * Self.shareOfSizes {
                for change in SweepReport.Change.allCases {
                    try measure(
                        SweepPoint(series: .size, change: change, x: Double(size)),
                        from: state,
                        number: 200 + index,
                        percent: Sweep.percentAtSizes / Double(size),
                        rowsBefore: rows
                    )
                }
            }
        }
    }

    /// The part of the limit after which sizes are measured once only, so that all of them are.
    private static let shareOfSizes = 0.6

    private mutating func isTime(for seconds: Double) -> Bool {
        if elapsed + seconds > limit { hasReachedLimit = true }
        return elapsed + seconds <= limit
    }

    private mutating func measure(
        _ point: SweepPoint,
        from state: PlayState,
        number: Int,
        percent: Double,
        rowsBefore: Int
    ) throws {
        guard isTime(for: lasted[point] ?? lasted.values.max() ?? 0) else { return }
        try control.check()
        let began = elapsed
        try state.restore()
        plays += 1
        var step = found[point]?.step ?? ComparisonReport.Step(name: point.title)
        // Whoever runs second finds the operating system's caches warm; taking turns shares that out.
        let turn: [Style] = plays.isMultiple(of: 2) ? [.declarative, .procedural] : [.procedural, .declarative]
        try play.play(point.step(percent: percent), number: number, turn, &step)
        if found[point] == nil { order.append(point) }
        found[point] = (step, rowsBefore)
        lasted[point] = elapsed - began
        progress(
            "sweep, \(point.title): procedural \(NumberText.seconds(step.procedural.last?.seconds ?? 0)), declarative "
                + "\(NumberText.seconds(step.declarative.last?.seconds ?? 0)), \(step.isEqual ? "equal" : "DIFFERENT") "
                + "(after \(Int(elapsed)) of at most \(Int(limit)) s)"
        )
    }

    // MARK: - The report

    /// What was measured.
    func report(repetitions: Int) -> SweepReport {
        var report = SweepReport(source: source, points: order.flatMap(reported))
        // Nothing changed is measured once for both kinds of change.
        let wanted = points.filter { $0.x > 0 || $0.change == .correct } + sizePoints
        report.leftOut = wanted.filter { found[$0] == nil }.map(\.title)
        let most = found.values.map(\.step.declarative.count).max() ?? 0
        let least = found.values.map(\.step.declarative.count).min() ?? 0
        let times = most == 1 ? "once" : least == most ? "\(least) times" : "\(least) to \(most) times"
        if isInterrupted {
            report.stop = "stopped from outside; each point below was measured \(times)"
        } else if hasReachedLimit {
            report.stop =
                "the limit of \(NumberText.significant(limit / 60)) minutes was reached; each point below was measured "
                + "\(times), of \(repetitions) asked for"
        } else {
            report.stop = "each point was measured \(times), of \(repetitions) asked for"
        }
        report.isInterrupted = isInterrupted
        return report
    }

    private func reported(_ point: SweepPoint) -> [SweepReport.Point] {
        guard let (step, rowsBefore) = found[point] else { return [] }
        let measured = SweepReport.Point(
            series: point.series,
            change: point.change,
            x: point.x,
            rowsBefore: rowsBefore,
            note: step.notes.joined(separator: "; "),
            procedural: step.procedural.map(\.seconds),
            declarative: step.declarative.map(\.seconds),
            isEqual: step.isEqual,
            datasets: times(step)
        )
        guard point.series == .change, point.x == 0 else { return [measured] }
        return SweepReport.Change.allCases.map {
            var copy = measured
            copy.change = $0
            return copy
        }
    }

    private func times(_ step: ComparisonReport.Step) -> [SweepReport.DatasetTime] {
        step.datasets.compactMap { dataset in
            let seconds = { (runs: [RunMeasures], isMine: (String) -> Bool) -> [Double] in
                runs.compactMap { run in
                    run.steps.last { $0.stepKind == .dataset && isMine($0.step ?? "") }?.measures?.seconds
                }
            }
            let name = dataset.name
            let procedural = seconds(step.procedural) {
                $0.lowercased() == "make \(name.schema)_\(name.table)".lowercased()
            }
            let declarative = seconds(step.declarative) { $0.lowercased() == name.key }
            guard !procedural.isEmpty, !declarative.isEmpty else { return nil }
            let strategy = step.declarative.last?.steps.last { $0.step?.lowercased() == name.key }?.measures?.strategy
            return .init(
                dataset: name.description,
                procedural: Statistics.median(procedural),
                declarative: Statistics.median(declarative),
                strategy: strategy?.rawValue ?? ""
            )
        }
    }
}
