internal import DuetEvents
internal import DuetPipeline

/// What a run took of the machine, and what else went on there.
public struct RunResources: Sendable, Hashable {
    /// Processor seconds of this process during the run, the server of the sources included.
    public var processorSeconds: Double
    /// Processor cores that others kept busy during the run, on average.
    public var backgroundCores: Double
    /// The most memory that this process held during the run, in bytes; nil where the system does not tell.
    public var peakMemory: Int?
    /// Bytes that this process read from files, caches included.
    public var bytesRead: Int
    /// Bytes that this process wrote to files.
    public var bytesWritten: Int

    /// Creates measures.
    public init(
        processorSeconds: Double,
        backgroundCores: Double,
        peakMemory: Int?,
        bytesRead: Int,
        bytesWritten: Int
    ) {
        self.processorSeconds = processorSeconds
        self.backgroundCores = backgroundCores
        self.peakMemory = peakMemory
        self.bytesRead = bytesRead
        self.bytesWritten = bytesWritten
    }

    /// The measures as JSON.
    var json: JSONValue {
        [
            "processor_seconds": .double(processorSeconds), "background_cores": .double(backgroundCores),
            "peak_memory_bytes": peakMemory.map { .integer(Int64($0)) } ?? .null,
            "bytes_read": .integer(Int64(bytesRead)), "bytes_written": .integer(Int64(bytesWritten)),
        ]
    }
}

/// Where a run's wall time went.
///
/// While steps of several kinds run at once, each kind gets its share of the time; what no step covers is the
/// orchestrator's own: opening the warehouse, planning, recording, ending.
public struct TimeSplit: Sendable, Hashable {
    /// Bringing files here, in seconds.
    public var transfer = 0.0
    /// Queries and writing, in seconds.
    public var engine = 0.0
    /// Models, in seconds.
    public var inference = 0.0
    /// Everything else, in seconds.
    public var orchestration = 0.0

    /// Reads the split off a run's events.
    public init(_ run: RunMeasures) {
        let bars = run.steps.compactMap {
            event -> (kind: RunEvent.StepKind, from: Double, to: Double, model: Double)? in
            guard event.kind != .stepSkipped, let measures = event.measures, let kind = event.stepKind else {
                return nil
            }
            let share = measures.seconds > 0 ? min(1, run.inferenceSeconds(measures) / measures.seconds) : 0
            return (kind, measures.startedAt, measures.startedAt + measures.seconds, share)
        }
        let times = Set(bars.flatMap { [$0.from, $0.to] }).sorted()
        var covered = 0.0
        for (from, to) in zip(times, times.dropFirst()) {
            let running = bars.filter { $0.from <= from && $0.to >= to }
            guard !running.isEmpty else { continue }
            covered += to - from
            let share = (to - from) / Double(running.count)
            for bar in running {
                if bar.kind == .transfer {
                    transfer += share
                } else {
                    inference += share * bar.model
                    engine += share * (1 - bar.model)
                }
            }
        }
        orchestration = max(0, run.seconds - covered)
    }

    /// The split as JSON.
    var json: JSONValue {
        [
            "transfer_seconds": .double(transfer), "engine_seconds": .double(engine),
            "inference_seconds": .double(inference), "orchestration_seconds": .double(orchestration),
        ]
    }
}

extension RunMeasures {
    /// The part of a step's time that models took.
    func inferenceSeconds(_ measures: StepMeasures) -> Double { measures.inference?.seconds ?? 0 }
}

/// What a fault did to one style, and what it took to get over it.
public struct FaultOutcome: Sendable, Hashable {
    /// How the run under the fault ended.
    public enum Ending: String, Sendable, Hashable {
        /// As it should, as if nothing were wrong.
        case held
        /// With an error that was told.
        case failed
        /// It was killed.
        case killed
        /// It was over before it could be killed.
        case missed
    }

    /// The style.
    public var style: String
    /// How the run ended.
    public var ending: Ending
    /// The first error told; nil when there was none.
    public var error: String?
    /// Seconds until the run under the fault had ended.
    public var seconds: Double
    /// Published datasets with other rows than before the run.
    public var datasetsChanged: Int
    /// Published datasets with the rows they had before.
    public var datasetsKept: Int
    /// Published datasets that were there before and are gone, or cannot be read.
    public var datasetsLost: Int
    /// Seconds that the next run took, with the fault taken back.
    public var recoverySeconds: Double
    /// Rows that the next run wrote.
    public var rowsRewritten: Int
    /// Steps that the run under the fault had done and the next run did again.
    public var stepsRepeated: Int
    /// Bytes that the next run fetched.
    public var bytesRefetched: Int
    /// Rows missing after the next run, held against the other style.
    public var rowsLost: Int
    /// Rows too many after the next run, held against the other style.
    public var rowsDoubled: Int

    /// Creates an outcome.
    public init(
        style: String,
        ending: Ending,
        error: String? = nil,
        seconds: Double,
        datasetsChanged: Int = 0,
        datasetsKept: Int = 0,
        datasetsLost: Int = 0,
        recoverySeconds: Double = 0,
        rowsRewritten: Int = 0,
        stepsRepeated: Int = 0,
        bytesRefetched: Int = 0,
        rowsLost: Int = 0,
        rowsDoubled: Int = 0
    ) {
        self.style = style
        self.ending = ending
        self.error = error
        self.seconds = seconds
        self.datasetsChanged = datasetsChanged
        self.datasetsKept = datasetsKept
        self.datasetsLost = datasetsLost
        self.recoverySeconds = recoverySeconds
        self.rowsRewritten = rowsRewritten
        self.stepsRepeated = stepsRepeated
        self.bytesRefetched = bytesRefetched
        self.rowsLost = rowsLost
        self.rowsDoubled = rowsDoubled
    }

    /// The outcome as JSON.
    var json: JSONValue {
        [
            "style": .string(style), "ending": .string(ending.rawValue), "error": error.map { .string($0) } ?? .null,
            "seconds": .double(seconds), "datasets_changed": .integer(Int64(datasetsChanged)),
            "datasets_kept": .integer(Int64(datasetsKept)), "datasets_lost": .integer(Int64(datasetsLost)),
            "recovery_seconds": .double(recoverySeconds), "rows_rewritten": .integer(Int64(rowsRewritten)),
            "steps_repeated": .integer(Int64(stepsRepeated)), "bytes_refetched": .integer(Int64(bytesRefetched)),
            "rows_lost": .integer(Int64(rowsLost)), "rows_doubled": .integer(Int64(rowsDoubled)),
        ]
    }
}

extension RunMeasures {
    /// The tokens that models read and wrote.
    public var modelTokens: (input: Int, output: Int) {
        (sum { $0.inference?.tokensIn ?? 0 }, sum { $0.inference?.tokensOut ?? 0 })
    }
}
