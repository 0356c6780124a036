public import DuetPipeline
internal import Foundation

extension RunEvent {
    /// Reads what ``json`` gave; nil for what is no event.
    public init?(json: JSONValue) {
        guard let sequence = json["sequence"]?.integer, let run = json["run_id"]?.string,
            let kind = json["event_type"]?.string.flatMap(Kind.init), let time = json["timestamp"]?.string,
            let timestamp = Self.date(time)
        else { return nil }
        self.init(
            sequence: sequence,
            timestamp: timestamp,
            runID: run,
            pipeline: json["pipeline"]?.string ?? "",
            style: json["style"]?.string ?? "",
            kind: kind,
            level: json["level"]?.string.flatMap(Level.init) ?? .info,
            step: json["step"]?.string,
            stepKind: json["step_kind"]?.string.flatMap(StepKind.init),
            message: json["message"]?.string ?? "",
            measures: json["details"].flatMap { $0.isNull ? nil : StepMeasures(json: $0) },
            error: json["error"]?.string
        )
    }

    private static func date(_ text: String) -> Date? {
        do {
            return try Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        } catch {
            // A text that is no time belongs to no event.
            return nil
        }
    }
}

extension StepMeasures {
    /// Reads what ``json`` gave.
    public init(json: JSONValue) {
        self.init()
        func count(_ name: String) -> Int { json[name]?.integer ?? 0 }
        seconds = json["seconds"]?.number ?? 0
        startedAt = json["started_at"]?.number ?? 0
        strategy = json["strategy"]?.string.flatMap(Strategy.init)
        rule = json["rule"]?.string
        reason = json["reason"]?.string
        rowsRead = json["rows_read"]?.integer
        rowsTotal = json["rows_total"]?.integer
        rowsInserted = count("rows_inserted")
        rowsDeleted = count("rows_deleted")
        bytesTransferred = count("bytes_transferred")
        requests = count("requests")
        filesTotal = count("files_total")
        filesChanged = count("files_changed")
        attempts = json["attempts"]?.integer ?? 1
        definition = json["definition"]?.string
        version = json["version"]?.integer
        cpuSeconds = json["cpu_seconds"]?.number
        peakMemory = json["peak_memory"]?.integer
        expectations = (json["expectations"]?.array ?? []).compactMap { item in
            guard let name = item["name"]?.string, let action = item["action"]?.string.flatMap(Expectation.Action.init)
            else { return nil }
            return ExpectationCount(
                name: name,
                action: action,
                passed: item["passed"]?.integer ?? 0,
                failed: item["failed"]?.integer ?? 0
            )
        }
        profile = json["profile"]?.string
        movement = json["movement"].flatMap(Movement.init)
        statements = (json["statements"]?.array ?? []).compactMap(\.string)
        for (index, value) in (json["statement_seconds"]?.array ?? []).enumerated() {
            statementSeconds[index] = value.number
        }
    }
}

extension JSONValue {
    /// The number, with or without a fraction.
    fileprivate var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}
