public import DuetEvents
public import DuetPipeline
import Foundation

/// A run as spans, for viewers of traces.
public enum SpanExports {
    /// A step or the run itself, from its start to its end.
    struct Span {
        var name: String
        var start: Date
        var end: Date
        var event: RunEvent
    }

    /// The run and its steps; what has no end is left out.
    static func spans(_ events: [RunEvent]) -> (run: Span?, steps: [Span]) {
        guard let first = events.first else { return (nil, []) }
        var starts: [String: Date] = [:]
        var steps: [Span] = []
        var run: Span?
        for event in events {
            if let step = event.step {
                switch event.kind {
                case .stepStarted: starts[step] = event.timestamp
                case .stepCompleted, .stepFailed:
                    steps.append(
                        Span(name: step, start: starts[step] ?? event.timestamp, end: event.timestamp, event: event)
                    )
                default: break
                }
            } else if event.kind.endsRun {
                let name = "\(event.pipeline) (\(event.style))"
                run = Span(name: name, start: first.timestamp, end: event.timestamp, event: event)
            }
        }
        return (run, steps)
    }

    // MARK: - OpenTelemetry

    /// A run in the JSON form of OTLP, one trace with a span for each step.
    ///
    /// The form is that of `ExportTraceServiceRequest` in opentelemetry-proto, with identifiers in hexadecimal.
    ///
    /// - Parameter events: The run's events in order.
    /// - Returns: An object with `resourceSpans`.
    public static func openTelemetry(_ events: [RunEvent]) -> JSONValue {
        let (run, steps) = spans(events)
        let identifier = events.first.map { OpenLineageExport.uuid($0.runID).replacing("-", with: "") } ?? ""
        func span(_ span: Span, parent: String?) -> JSONValue {
            var object: JSONObject = [
                "traceId": .string(identifier), "spanId": .string(spanID(span.event)), "name": .string(span.name),
                "kind": 1, "startTimeUnixNano": .string(nanoseconds(span.start)),
                "endTimeUnixNano": .string(nanoseconds(span.end)),
                "attributes": .array(attributes(span.event)),
                "status": ["code": span.event.level == .error ? 2 : 1],
            ]
            object["parentSpanId"] = parent.map { .string($0) }
            if let error = span.event.error { object["status"] = ["code": 2, "message": .string(error)] }
            return .object(object)
        }
        let root = run.map { spanID($0.event) }
        let all = [run].compactMap { $0 }.map { span($0, parent: nil) } + steps.map { span($0, parent: root) }
        return [
            "resourceSpans": [
                [
                    "resource": ["attributes": [attribute("service.name", .string("duet"))]],
                    "scopeSpans": [["scope": ["name": "duet", "version": "0.1.0"], "spans": .array(all)]],
                ]
            ]
        ]
    }

    private static func spanID(_ event: RunEvent) -> String {
        let name = "\(event.runID)/\(event.step ?? "")"
        return String(OpenLineageExport.uuid("span of \(name)").replacing("-", with: "").suffix(16))
    }

    private static func nanoseconds(_ date: Date) -> String {
        String(Int64((date.timeIntervalSince1970 * 1_000_000).rounded()) * 1000)
    }

    private static func attribute(_ key: String, _ value: JSONValue) -> JSONValue {
        let typed: JSONValue =
            switch value {
            case .integer(let number): ["intValue": .string(String(number))]
            case .double: ["doubleValue": value]
            case .bool: ["boolValue": value]
            default: ["stringValue": value]
            }
        return ["key": .string(key), "value": typed]
    }

    private static func attributes(_ event: RunEvent) -> [JSONValue] {
        var list = [
            attribute("duet.pipeline", .string(event.pipeline)), attribute("duet.style", .string(event.style)),
            attribute("duet.run_id", .string(event.runID)),
        ]
        for member in event.measures?.json.object?.members ?? [] {
            switch member.value {
            case .array, .object: continue
            default: list.append(attribute("duet.\(member.key)", member.value))
            }
        }
        return list
    }

    // MARK: - Chrome

    /// A run in Chrome's trace event format, which chrome://tracing, Perfetto and Speedscope open.
    ///
    /// Steps that ran side by side are put on rows of their own.
    ///
    /// - Parameter events: The run's events in order.
    /// - Returns: An object with `traceEvents`.
    public static func chrome(_ events: [RunEvent]) -> JSONValue {
        let (run, steps) = spans(events)
        var lanes: [Date] = []
        var list: [JSONValue] = []
        func add(_ span: Span, lane: Int) {
            let start = (span.start.timeIntervalSince1970 * 1_000_000).rounded()
            let duration = (span.end.timeIntervalSince(span.start) * 1_000_000).rounded()
            list.append(
                [
                    "name": .string(span.name), "cat": .string(span.event.stepKind?.rawValue ?? "run"), "ph": "X",
                    "ts": .integer(Int64(start)), "dur": .integer(Int64(max(0, duration))), "pid": 1,
                    "tid": .integer(Int64(lane)), "args": span.event.measures?.json ?? [:],
                ]
            )
        }
        if let run { add(run, lane: 0) }
        for span in steps.sorted(by: { $0.start < $1.start }) {
            if let lane = lanes.firstIndex(where: { $0 <= span.start }) {
                lanes[lane] = span.end
                add(span, lane: lane + 1)
            } else {
                lanes.append(span.end)
                add(span, lane: lanes.count)
            }
        }
        return ["traceEvents": .array(list), "displayTimeUnit": "ms"]
    }

    // MARK: - Prometheus

    /// The newest run of a pipeline as metrics in Prometheus' text form (exposition format 0.0.4).
    ///
    /// - Parameter runs: The events of runs, one run after the other; counters count over all of them.
    /// - Returns: The text.
    public static func prometheus(_ runs: [[RunEvent]]) -> String {
        var text = ""
        func label(_ value: String) -> String {
            value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
        }
        func metric(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: String)]) {
            guard !samples.isEmpty else { return }
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
            for sample in samples { text += "\(name){\(sample.labels)} \(sample.value)\n" }
        }
        guard let newest = runs.last, let first = newest.first else { return text }
        let common = "pipeline=\"\(label(first.pipeline))\",style=\"\(label(first.style))\""
        let ends = Dictionary(grouping: runs.compactMap(\.last).filter(\.kind.endsRun), by: \.kind.rawValue)
        metric(
            "duet_runs_total",
            "counter",
            "Runs by how they ended.",
            ends.sorted { $0.key < $1.key }.map { ("\(common),end=\"\($0.key)\"", "\($0.value.count)") }
        )
        let (run, steps) = spans(newest)
        metric(
            "duet_run_seconds",
            "gauge",
            "Wall time of the newest run.",
            run.map { [(common, "\($0.end.timeIntervalSince($0.start))")] } ?? []
        )
        func each(_ value: (StepMeasures) -> String?) -> [(labels: String, value: String)] {
            steps.compactMap { span in
                span.event.measures.flatMap(value).map { ("\(common),step=\"\(label(span.name))\"", $0) }
            }
        }
        metric("duet_step_seconds", "gauge", "Wall time of each step of the newest run.", each { "\($0.seconds)" })
        metric("duet_step_rows", "gauge", "Rows that the dataset has.", each { $0.rowsTotal.map(String.init) })
        metric(
            "duet_step_rows_written",
            "gauge",
            "Rows added and taken away by the newest run.",
            each { "\($0.rowsInserted + $0.rowsDeleted)" }
        )
        metric(
            "duet_step_bytes_transferred",
            "gauge",
            "Bytes that came over the network.",
            each { $0.filesTotal > 0 ? "\($0.bytesTransferred)" : nil }
        )
        let failures = steps.flatMap { span in
            (span.event.measures?.expectations ?? []).map { count in
                (
                    labels: "\(common),step=\"\(label(span.name))\",expectation=\"\(label(count.name))\"",
                    value: "\(count.failed)"
                )
            }
        }
        metric("duet_expectation_failed_rows", "gauge", "Rows that violated an expectation.", failures)
        return text
    }
}
