internal import DuetPipeline

extension SweepReport {
    /// The report as JSON.
    var json: JSONValue {
        [
            "source": .string(source), "equal": .bool(isEqual), "stopped_because": .string(stop),
            "interrupted": .bool(isInterrupted), "left_out": .array(leftOut.map { .string($0) }),
            "break_even": breakEvens(of: nil), "growth": growths(of: nil),
            "datasets": .array(
                datasets.map {
                    ["dataset": .string($0), "break_even": breakEvens(of: $0), "growth": growths(of: $0)]
                }
            ),
            "points": .array(points.map(\.json)),
        ]
    }

    private func breakEvens(of dataset: String?) -> JSONValue {
        .array(
            changes.compactMap { breakEven($0, of: dataset) }.map {
                [
                    "change": .string($0.change.rawValue), "percent": $0.percent.map { .double($0) } ?? .null,
                    "between": $0.between.map { [.double($0.lowerBound), .double($0.upperBound)] } ?? .null,
                    "crossings": .integer(Int64($0.crossings)), "text": .string($0.text),
                ]
            }
        )
    }

    private func growths(of dataset: String?) -> JSONValue {
        .array(
            changes.compactMap { growth($0, of: dataset) }.map {
                [
                    "change": .string($0.change.rawValue), "size": .double($0.size),
                    "procedural": .double($0.procedural), "declarative": .double($0.declarative),
                ]
            }
        )
    }
}

extension SweepReport.Point {
    fileprivate var json: JSONValue {
        [
            "series": .string(series.rawValue), "change": .string(change.rawValue), "x": .double(x),
            "rows_before": .integer(Int64(rowsBefore)), "note": .string(note),
            "procedural": Measurement(procedural).json, "declarative": Measurement(declarative).json,
            "ratio": ratio?.json ?? .null, "equal": .bool(isEqual),
            "datasets": .array(
                datasets.map {
                    [
                        "dataset": .string($0.dataset), "procedural_seconds": .double($0.procedural),
                        "declarative_seconds": .double($0.declarative), "strategy": .string($0.strategy),
                    ]
                }
            ),
        ]
    }
}
