internal import DuetPipeline
public import DuetReport
internal import Foundation

/// An earlier report, to hold times against.
public struct Baseline: Sendable {
    private let json: JSONValue

    /// Reads an earlier JSON report.
    ///
    /// - Throws: ``DuetError`` when it is missing or no such report.
    public static func load(_ path: String) throws -> Baseline {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw DuetError(
                .missingFile,
                "there is no baseline '\(path)'",
                hint: "write one: duet compare ... --json-report \(path)"
            )
        }
        let json: JSONValue
        do {
            json = try JSONValue(parsing: String(decoding: data, as: UTF8.self))
        } catch {
            throw DuetError(.badFormat, "the baseline '\(path)' is not JSON", cause: "\(error)")
        }
        guard json["format"]?.string?.hasPrefix("duet-comparison-") == true else {
            throw DuetError(
                .badFormat,
                "'\(path)' is no report of duet compare",
                hint: "a baseline is what --json-report has written"
            )
        }
        return Baseline(json: json)
    }

    /// How each step's times compare with the earlier ones.
    ///
    /// A time counts as a regression when its median is more than the threshold above the earlier one, and, where there
    /// are intervals, when these do not overlap: what the spread explains is no regression.
    ///
    /// - Parameters:
    ///   - report: The new report.
    ///   - threshold: The allowed growth, 0.25 for a quarter.
    /// - Returns: A comparison for each step and style that both reports have.
    public func regressions(in report: ComparisonReport, threshold: Double) -> [TimeChange] {
        let earlier = Dictionary(
            (json["steps"]?.array ?? []).compactMap { step in step["step"]?.string.map { ($0, step) } }
        ) { first, _ in first }
        return report.steps.flatMap { step -> [TimeChange] in
            guard let before = earlier[step.name] else { return [] }
            return [("procedural", step.procedural), ("declarative", step.declarative)].compactMap { style, runs in
                guard !runs.isEmpty, let old = before[style], let median = old["median_seconds"]?.double, median > 0
                else { return nil }
                let now = Measurement(runs.map(\.seconds))
                let low = old["measurement"]?["high"]?.double
                let overlaps = low.flatMap { high in now.interval.map { $0.lowerBound <= high } } ?? false
                let isSlower = now.median > median * (1 + threshold)
                return TimeChange(
                    step: step.name,
                    style: style,
                    before: median,
                    now: now.median,
                    isRegression: isSlower && !overlaps
                )
            }
        }
    }

    /// The times in a table, regressions marked.
    public static func text(_ changes: [TimeChange]) -> String {
        let table = TextTable.text(
            header: ["step", "style", "before", "now", "change", ""],
            rows: changes.map {
                [
                    $0.step, $0.style, NumberText.seconds($0.before), NumberText.seconds($0.now),
                    "\($0.now >= $0.before ? "+" : "")\(NumberText.decimals(($0.now / $0.before - 1) * 100, 0)) %",
                    $0.isRegression ? "SLOWER" : "",
                ]
            },
            rightAligned: [2, 3, 4]
        )
        let count = changes.filter(\.isRegression).count
        return changes.isEmpty
            ? "the baseline has none of these steps"
            : "\(table)\n\n\(count == 0 ? "nothing has become slower" : "\(count) of \(changes.count) times have become slower")"
    }
}

extension JSONValue {
    /// A number of either kind.
    fileprivate var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}
