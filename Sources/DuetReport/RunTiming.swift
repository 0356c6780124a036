public import DuetEvents
public import DuetPipeline
internal import Foundation

/// Where the time of one run went.
public struct RunTiming: Sendable {
    /// A step's share.
    public struct Step: Sendable {
        /// The name.
        public var name: String
        /// Seconds from the run's start to the step's.
        public var start: Double
        /// Seconds it took.
        public var seconds: Double
        /// Seconds between the end of the last step it waited for and its own start.
        public var waited: Double
        /// Whether it lies on the critical path.
        public var isCritical: Bool
        /// What it took and gave.
        public var measures: StepMeasures
    }

    /// The run.
    public let runID: String
    /// How it ended: `completed`, `failed`, `cancelled`, `abandoned`, or `running`.
    public let end: String
    /// From start to end, in seconds.
    public let wall: Double
    /// Processor time of the process at the run's end, in seconds; nil when not told.
    public let cpu: Double?
    /// The most memory the process had, in bytes; nil when not told.
    public let peakMemory: Int?
    /// The steps that ran, in the order of their starts.
    public let steps: [Step]

    /// Works it out.
    ///
    /// - Parameters:
    ///   - events: The run's events in order.
    ///   - inputs: For each step the steps it waits for.
    public init(_ events: [RunEvent], inputs: [String: [String]]) {
        runID = events.first?.runID ?? ""
        let last = events.last
        end =
            last.flatMap { $0.kind.endsRun ? String($0.kind.rawValue.dropFirst("run_".count)) : nil } ?? "running"
        let first = events.first?.timestamp
        wall = first.flatMap { start in last.map { $0.timestamp.timeIntervalSince(start) } } ?? 0
        cpu = last?.measures?.cpuSeconds
        peakMemory = last?.measures?.peakMemory
        let ended = events.filter { [.stepCompleted, .stepFailed].contains($0.kind) }
        var found: [String: Step] = [:]
        for event in ended {
            guard let name = event.step, let measures = event.measures else { continue }
            found[name] = Step(
                name: name,
                start: measures.startedAt,
                seconds: measures.seconds,
                waited: 0,
                isCritical: false,
                measures: measures
            )
        }
        for (name, step) in found {
            let before = (inputs[name] ?? []).compactMap { found[$0] }.map { $0.start + $0.seconds }.max() ?? 0
            found[name]?.waited = max(0, step.start - before)
        }
        // Back from the step that ended last, always to the input that ended last.
        var next = Self.last(of: Array(found.values))?.name
        while let name = next, found[name]?.isCritical == false {
            found[name]?.isCritical = true
            next = Self.last(of: (inputs[name] ?? []).compactMap { found[$0] })?.name
        }
        steps = found.values.sorted { ($0.start, $0.name) < ($1.start, $1.name) }
    }

    /// The step that ended last; of several the last by name, so that the same events give the same path.
    private static func last(of steps: [Step]) -> Step? {
        steps.max { ($0.start + $0.seconds, $0.name) < ($1.start + $1.seconds, $1.name) }
    }

    /// Seconds in which at least one step was at work.
    public var working: Double {
        var total = 0.0
        var reached = 0.0
        for step in steps {
            let end = step.start + step.seconds
            total += max(0, end - max(reached, step.start))
            reached = max(reached, end)
        }
        return total
    }

    /// Seconds in which none was: opening, planning, writing down and closing.
    public var overhead: Double { max(0, wall - working) }

    /// Seconds of the steps that could not have been shortened by running more side by side.
    public var criticalPath: Double { steps.filter(\.isCritical).reduce(0) { $0 + $1.seconds } }

    /// How the run compares with the median of earlier ones.
    ///
    /// - Parameter earlier: Wall times of earlier runs, in seconds.
    /// - Returns: Seconds of the median and this run's share of it; nil without earlier runs.
    public func trend(_ earlier: [Double]) -> (median: Double, ratio: Double)? {
        guard !earlier.isEmpty else { return nil }
        let median = Statistics.median(earlier)
        return median > 0 ? (median, wall / median) : nil
    }

    /// The timing for people.
    ///
    /// - Parameter earlier: Wall times of earlier runs of the same style, in seconds.
    /// - Returns: A few lines and a table of the steps.
    public func text(earlier: [Double]) -> String {
        let parallel = working > 0 ? steps.reduce(0) { $0 + $1.seconds } / working : 0
        var lines = [
            "run \(runID): \(end)",
            "wall \(NumberText.seconds(wall)); a step at work for \(NumberText.seconds(working)), "
                + "\(NumberText.decimals(parallel, 2)) at a time; none for \(NumberText.seconds(overhead)) "
                + "(\(NumberText.decimals(wall > 0 ? overhead / wall * 100 : 0, 1)) %)",
            "critical path \(NumberText.seconds(criticalPath)): "
                + steps.filter(\.isCritical).map(\.name).joined(separator: " > "),
        ]
        var machine: [String] = []
        if let cpu { machine.append("processor time \(NumberText.seconds(cpu))") }
        if let peakMemory { machine.append("peak memory \(NumberText.bytes(peakMemory))") }
        if !machine.isEmpty { lines.append(machine.joined(separator: ", ")) }
        if let trend = trend(earlier) {
            lines.append(
                "\(NumberText.decimals(trend.ratio, 2)) x the median of \(earlier.count) earlier "
                    + "run\(earlier.count == 1 ? "" : "s") (\(NumberText.seconds(trend.median)))"
            )
        }
        let rows = steps.map { step in
            [
                step.isCritical ? "*" : "", step.name, NumberText.decimals(step.start, 3),
                NumberText.decimals(step.seconds, 3), NumberText.decimals(step.waited, 3),
                NumberText.count(step.measures.rowsInserted + step.measures.rowsDeleted),
                NumberText.bytes(step.measures.bytesTransferred), step.measures.strategy?.rawValue ?? "",
            ]
        }
        lines.append(
            TextTable.text(
                header: ["", "step", "start s", "work s", "waited s", "rows written", "fetched", "strategy"],
                rows: rows,
                rightAligned: [2, 3, 4, 5, 6]
            )
        )
        return lines.joined(separator: "\n")
    }

    /// The timing for machines.
    ///
    /// - Parameter earlier: Wall times of earlier runs of the same style, in seconds.
    /// - Returns: An object.
    public func json(earlier: [Double]) -> JSONValue {
        var object: JSONObject = [
            "run_id": .string(runID), "end": .string(end), "wall_seconds": .double(wall),
            "working_seconds": .double(working), "overhead_seconds": .double(overhead),
            "critical_path_seconds": .double(criticalPath),
        ]
        object["cpu_seconds"] = cpu.map { .double($0) }
        object["peak_memory"] = peakMemory.map { .integer(Int64($0)) }
        if let trend = trend(earlier) {
            object["median_of_earlier_seconds"] = .double(trend.median)
            object["ratio_to_median"] = .double(trend.ratio)
        }
        object["steps"] = .array(
            steps.map {
                [
                    "step": .string($0.name), "is_critical": .bool($0.isCritical), "waited_seconds": .double($0.waited),
                    "details": $0.measures.json,
                ]
            }
        )
        return .object(object)
    }
}
