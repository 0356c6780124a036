import DuetEvents
import DuetPipeline
import DuetReport
import Testing

/// Numbers over repetitions.
@Suite struct MeasurementTests {
    @Test func `the interval holds the median, and needs three values`() {
        #expect(Measurement([1, 2]).interval == nil)
        let measured = Measurement([1.0, 1.1, 0.9, 1.05, 0.95, 1.02, 0.98])
        #expect(measured.median == 1.0)
        #expect(measured.interval.map { $0.contains(1.0) && $0.lowerBound >= 0.9 && $0.upperBound <= 1.1 } == true)
        #expect(
            Measurement([1.0, 1.1, 0.9]).interval == Measurement([1.0, 1.1, 0.9]).interval,
            "resamples are the same"
        )
    }

    @Test func `outliers are told and not dropped`() {
        let measured = Measurement([1, 1.1, 0.9, 1, 9])
        #expect(measured.outliers == [4] && measured.values.count == 5)
        #expect(Measurement([1, 1.1, 0.9, 1.05]).outliers.isEmpty)
    }

    @Test func `a ratio is not given when its interval is too wide`() throws {
        let steady = try #require(
            TimeRatio(declarative: [1.0, 1.01, 0.99, 1.0, 1.02], procedural: [2.0, 2.01, 1.99, 2.0, 2.02])
        )
        #expect(!steady.isTooNoisy && steady.text == "0.500")
        let noisy = try #require(TimeRatio(declarative: [0.1, 5, 0.2, 9, 1], procedural: [1, 1, 1, 1, 1]))
        #expect(noisy.isTooNoisy && noisy.text == "too noisy")
        let single = try #require(TimeRatio(declarative: [1], procedural: [4]))
        #expect(single.interval == nil && single.text == "0.250")
        #expect(TimeRatio(declarative: [1], procedural: []) == nil)
    }

    @Test(arguments: [(1, "none"), (2, "none"), (3, "spread"), (5, "spread"), (6, "confidence"), (30, "confidence")])
    func `intervals of few repetitions are called a spread in text and JSON`(_ repetitions: Int, _ kind: String) throws
    {
        let report = ComparisonReport(
            pipeline: "p",
            summary: nil,
            date: "2026-01-01",
            machine: Machine(processor: "x", cores: 2, memory: 1, system: "s", duckDB: "1"),
            repetitions: repetitions,
            datasets: [],
            steps: []
        )
        #expect(report.json["intervals"]?.string == kind)
        #expect((report.json["spread_note"] != nil) == (kind == "spread"))
        for text in [try MarkdownReport.text(report), MarkdownReport.summary(report)] {
            #expect(text.contains("only a spread") == (kind == "spread"), "\(text)")
        }
        #expect(try MarkdownReport.text(report).contains("have 95 % intervals") == (kind == "confidence"))
    }

    @Test func `a run's time is split among what went on, and what no step covers is orchestration`() {
        let log = EventLog(runID: "r", pipeline: "p", style: "s")
        let step = { (name: String, kind: RunEvent.StepKind, from: Double, seconds: Double) in
            var measures = StepMeasures()
            measures.startedAt = from
            measures.seconds = seconds
            log.record(.stepCompleted, step: name, stepKind: kind, "", measures: measures)
        }
        step("source a", .transfer, 1, 2)
        step("t", .dataset, 2, 2)
        let split = TimeSplit(RunMeasures(seconds: 6, events: log.events))
        // From 1 to 2 transfer alone, from 2 to 3 both, from 3 to 4 the dataset alone.
        #expect(split.transfer == 1.5 && split.engine == 1.5 && split.orchestration == 3)
    }

    private func sweep(
        _ series: SweepReport.Series = .change,
        _ times: (x: Double, procedural: Double, declarative: Double)...
    ) -> SweepReport {
        let points = times.map {
            SweepReport.Point(
                series: series,
                change: .append,
                x: $0.x,
                rowsBefore: 1,
                procedural: [$0.procedural],
                declarative: [$0.declarative],
                isEqual: true,
                datasets: [.init(dataset: "gold.t", procedural: 1, declarative: $0.x, strategy: "full")]
            )
        }
        return SweepReport(source: "s", points: points)
    }

    @Test func `break-even lies between the last point that is faster and the first that is not`() throws {
        let crossing = sweep(.change, (10, 4, 3), (0, 4, 1), (30, 4, 5))
        let found = try #require(crossing.breakEven(.append))
        #expect(found.percent == 20 && found.between == 10...30 && found.crossings == 1)
        #expect(found.text == "from about 20 % on (measured at 10 and 30 %)", "\(found.text)")
        // With nothing changed it is faster, and at the first change it is not: there is no line between the two.
        let small = try #require(crossing.breakEven(.append, of: "gold.t"))
        #expect(small.percent == 10 && small.text == "from the smallest change on (measured at 10 %)")
        #expect(crossing.breakEven(.correct) == nil, "nothing was measured")
        let never = sweep(.change, (0, 4, 1), (100, 4, 3)).breakEven(.append)
        #expect(never?.percent == nil && never?.text == "never, up to 100 %")
        let always = sweep(.change, (0, 1, 4), (100, 1, 4)).breakEven(.append)
        #expect(always?.percent == 0 && always?.text == "at once, even with nothing changed")
        let close = sweep(.change, (0, 1, 2), (1, 2, 1), (10, 1, 2), (50, 2, 1), (100, 1, 2)).breakEven(.append)
        #expect(close?.crossings == 4 && close?.text.hasPrefix("unclear: the curves cross 4 times") == true)
        #expect(sweep(.change, (0, 1, 2)).breakEven(.append) == nil, "one point has no line")
    }

    @Test func `growth holds the largest size against the smallest`() {
        let found = sweep(.size, (4, 8, 3), (1, 2, 2), (2, 9, 9)).growth(.append)
        #expect(found?.size == 4 && found?.procedural == 4 && found?.declarative == 1.5)
        #expect(sweep(.size, (1, 2, 2)).growth(.append) == nil)
    }

    @Test func `JUnit holds a suite for each step, with rows of what differs`() {
        var different = DatasetComparison(
            name: .init(schema: "gold", table: "t"),
            rows: (2, 1),
            isEqual: false,
            note: "1 < 2 & \"more\"",
            samples: ["procedural only: a<b\u{1}"]
        )
        different.surplus = (1, 0)
        let report = ComparisonReport(
            pipeline: "p",
            summary: nil,
            date: "2024-01-01",
            machine: Machine(processor: "", cores: 1, memory: 1, system: "", duckDB: ""),
            repetitions: 1,
            datasets: [],
            steps: [.init(name: "one & two", datasets: [different])]
        )
        let change = TimeChange(step: "one & two", style: "declarative", before: 1, now: 2, isRegression: true)
        let text = JUnitReport.text(report, changes: [change])
        #expect(text.contains("<testsuite name=\"one &amp; two\" tests=\"2\" failures=\"2\""))
        #expect(text.contains("message=\"1 &lt; 2 &amp; &quot;more&quot;\">procedural only: a&lt;b?</failure>"))
        #expect(text.contains("<failure message=\"2.00 s, before 1.00 s\"/>"))
    }
}
