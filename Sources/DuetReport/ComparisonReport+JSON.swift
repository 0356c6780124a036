internal import DuetEvents
public import DuetPipeline

extension ComparisonReport {
    /// The whole report as JSON; `docs/report.md` describes its members.
    public var json: JSONValue {
        [
            "format": "duet-comparison-1",
            "pipeline": .string(pipeline),
            "date": .string(date),
            "machine": [
                "processor": .string(machine.processor), "cores": .integer(Int64(machine.cores)),
                "memory_bytes": .integer(Int64(machine.memory)), "system": .string(machine.system),
                "duckdb": .string(machine.duckDB),
            ],
            "repetitions": .integer(Int64(repetitions)),
            "equal": .bool(isEqual),
            "steps": .array(steps.map(\.json)),
        ]
    }
}

extension ComparisonReport.Step {
    fileprivate var json: JSONValue {
        [
            "step": .string(name),
            "equal": .bool(isEqual),
            "procedural": Self.json(of: procedural),
            "declarative": Self.json(of: declarative),
            "datasets": .array(
                datasets.map { comparison in
                    [
                        "dataset": .string(comparison.name.description),
                        "equal": .bool(comparison.isEqual),
                        "rows_procedural": .integer(Int64(comparison.rows.procedural)),
                        "rows_declarative": .integer(Int64(comparison.rows.declarative)),
                        "note": comparison.note.map { .string($0) } ?? .null,
                        "samples": .array(comparison.samples.map { .string($0) }),
                    ]
                }
            ),
        ]
    }

    private static func json(of runs: [RunMeasures]) -> JSONValue {
        [
            "seconds": .array(runs.map { .double($0.seconds) }),
            "median_seconds": .double(Statistics.median(runs.map(\.seconds))),
            "bytes_transferred": .integer(Int64(runs.last?.sum(\.bytesTransferred) ?? 0)),
            "bytes_saved": .integer(Int64(runs.last?.sum(\.transfers.bytesSaved) ?? 0)),
            "requests": .integer(Int64(runs.last?.sum(\.requests) ?? 0)),
            "rows_written": .integer(Int64(runs.last?.sum(of: .dataset) { $0.rowsInserted + $0.rowsDeleted } ?? 0)),
            "events": .array(runs.last?.steps.map(\.json) ?? []),
        ]
    }
}
