internal import DuetEvents
public import DuetPipeline

extension ComparisonReport {
    /// The name and version of the form.
    public static let format = "duet-comparison-3"

    /// The whole report as JSON; `docs/report.schema.json` is its schema.
    public var json: JSONValue {
        var object: JSONObject = [
            "format": .string(Self.format),
            "pipeline": .string(pipeline),
            "summary": summary.map { .string($0) } ?? .null,
            "date": .string(date),
            "machine": [
                "processor": .string(machine.processor), "cores": .integer(Int64(machine.cores)),
                "memory_bytes": .integer(Int64(machine.memory)), "system": .string(machine.system),
                "duckdb": .string(machine.duckDB),
            ],
            "method": method.json,
            "repetitions": .integer(Int64(repetitions)),
            "intervals": .string(intervals.rawValue),
            "equal": .bool(isEqual),
            "first_difference": firstDifference.map {
                ["step": .string($0.step), "dataset": .string($0.dataset.name.description)]
            } ?? .null,
            "datasets": .array(datasets.map(\.json)),
            "steps": .array(steps.map(\.json)),
        ]
        object["spread_note"] = spreadNote.map { .string($0) }
        object["effort"] = effort?.json
        object["cost"] = cost?.json
        object["sweep"] = sweep?.json
        object["lineage"] = lineage?.json
        object["procedural_lineage"] = proceduralLineage?.json
        return .object(object)
    }
}

extension DatasetOutline {
    fileprivate var json: JSONValue {
        [
            "dataset": .string(name.description), "kind": .string(kind.rawValue),
            "layer": layer.map { .string($0) } ?? .null,
            "inputs": .array(inputs.map { .string($0.description) }), "sources": .array(sources.map { .string($0) }),
            "published": .bool(isPublished),
        ]
    }
}

extension ComparisonReport.Step {
    fileprivate var json: JSONValue {
        [
            "step": .string(name),
            "kinds": .string(kinds),
            "notes": .array(notes.map { .string($0) }),
            "taken_back": .bool(isTakenBack),
            "equal": .bool(isEqual),
            "ratio": ratio?.json ?? .null,
            "procedural": Self.json(of: procedural),
            "declarative": Self.json(of: declarative),
            "datasets": .array(
                datasets.map { comparison in
                    [
                        "dataset": .string(comparison.name.description),
                        "equal": .bool(comparison.isEqual),
                        "rows_procedural": .integer(Int64(comparison.rows.procedural)),
                        "rows_declarative": .integer(Int64(comparison.rows.declarative)),
                        "only_procedural": .integer(Int64(comparison.surplus.procedural)),
                        "only_declarative": .integer(Int64(comparison.surplus.declarative)),
                        "method": .string(comparison.method),
                        "note": comparison.note.map { .string($0) } ?? .null,
                        "samples": .array(comparison.samples.map { .string($0) }),
                    ]
                }
            ),
            "faults": .array(faults.map(\.json)),
        ]
    }

    private static func json(of runs: [RunMeasures]) -> JSONValue {
        [
            "seconds": .array(runs.map { .double($0.seconds) }),
            "median_seconds": .double(Statistics.median(runs.map(\.seconds))),
            "measurement": Measurement(runs.map(\.seconds)).json,
            "split": runs.last.map { TimeSplit($0).json } ?? .null,
            "resources": .array(runs.map { $0.resources?.json ?? .null }),
            "bytes_transferred": .integer(Int64(runs.last?.sum(\.bytesTransferred) ?? 0)),
            "bytes_saved": .integer(Int64(runs.last?.sum(\.transfers.bytesSaved) ?? 0)),
            "requests": .integer(Int64(runs.last?.sum(\.requests) ?? 0)),
            "rows_written": .integer(Int64(runs.last?.sum(of: .dataset) { $0.rowsInserted + $0.rowsDeleted } ?? 0)),
            "statements": .integer(Int64(runs.last?.sum { $0.statements.count } ?? 0)),
            "events": .array(runs.last?.steps.map(\.json) ?? []),
        ]
    }
}
