/// How a step's time compares with that of an earlier report.
public struct TimeChange: Sendable, Hashable {
    /// The step.
    public var step: String
    /// The style.
    public var style: String
    /// The earlier median in seconds.
    public var before: Double
    /// The new one.
    public var now: Double
    /// Whether it has become slower by more than is allowed and than the spread explains.
    public var isRegression: Bool

    /// Creates a change.
    public init(step: String, style: String, before: Double, now: Double, isRegression: Bool) {
        self.step = step
        self.style = style
        self.before = before
        self.now = now
        self.isRegression = isRegression
    }
}

/// The verdicts as JUnit XML: a suite for each step, a case for each dataset and each time held against a baseline.
public enum JUnitReport {
    /// The report's text.
    ///
    /// - Parameters:
    ///   - report: What was found.
    ///   - changes: Times against a baseline.
    /// - Returns: XML, with the elements that CI servers read.
    public static func text(_ report: ComparisonReport, changes: [TimeChange] = []) -> String {
        var suites = ""
        var (tests, failures) = (0, 0)
        for step in report.steps {
            let times = changes.filter { $0.step == step.name }
            let failed = step.datasets.filter { !$0.isEqual }.count + times.filter(\.isRegression).count
            let count = step.datasets.count + times.count
            tests += count
            failures += failed
            let seconds = (step.procedural + step.declarative).reduce(0) { $0 + $1.seconds }
            suites +=
                "  <testsuite name=\"\(escaped(step.name))\" tests=\"\(count)\" failures=\"\(failed)\" "
                + "errors=\"0\" time=\"\(NumberText.decimals(seconds, 3))\">\n"
            for dataset in step.datasets { suites += testCase(dataset, report, step) }
            for change in times {
                let name = "the \(change.style) run is no slower than before"
                suites += open(name, report, step)
                suites +=
                    change.isRegression
                    ? """
                    >
                          <failure message="\(NumberText.seconds(change.now)), before \(NumberText.seconds(change.before))"/>
                        </testcase>

                    """ : "/>\n"
            }
            suites += "  </testsuite>\n"
        }
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="duet compare \(escaped(report.pipeline))" tests="\(tests)" failures="\(failures)">
            \(suites)</testsuites>

            """
    }

    private static func open(_ name: String, _ report: ComparisonReport, _ step: ComparisonReport.Step) -> String {
        "    <testcase name=\"\(escaped(name))\" classname=\"\(escaped("\(report.pipeline).\(step.name)"))\""
    }

    private static func testCase(
        _ dataset: DatasetComparison,
        _ report: ComparisonReport,
        _ step: ComparisonReport.Step
    ) -> String {
        let head = open("\(dataset.name) is equal in both styles", report, step)
        if dataset.isEqual { return head + "/>\n" }
        let rows = dataset.samples.map(escaped).joined(separator: "\n")
        return head + ">\n      <failure message=\"\(escaped(dataset.note ?? "differs"))\">\(rows)</failure>\n"
            + "    </testcase>\n"
    }

    /// Text for XML; control characters, which XML cannot hold, become question marks.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: result += "?"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
