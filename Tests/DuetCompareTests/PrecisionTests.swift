import DuetCompare
import DuetPipeline
import DuetReport
import DuetTestSupport
import Synchronization
import Testing

@Suite struct PrecisionTests {
    private static let wanted = Comparison.Repetitions.untilNarrow(0.1, most: 10, seconds: 60)

    private func ratios(_ times: [Double]) -> [(step: String, ratio: TimeRatio?)] {
        [("calm", TimeRatio(declarative: [1, 1, 1], procedural: [1, 1, 1]))]
            + [("other", TimeRatio(declarative: times, procedural: times.map { _ in 1 }))]
    }

    @Test func `narrow intervals are enough from six repetitions on`() {
        let calm = ratios([1, 1.01, 1, 0.99, 1, 1])
        #expect(Self.wanted.stop(after: 5, seconds: 1, ratios: calm) == nil)
        #expect(
            Self.wanted.stop(after: 6, seconds: 1, ratios: calm)
                == "every ratio's 95 % interval is within 10 % of the ratio"
        )
    }

    @Test func `an interval with one far end is not narrow, and the report says how far it reaches`() throws {
        // From 1 to 1.4: a fifth to both sides of its middle, and two fifths from the ratio.
        let lopsided = ratios([1, 1, 1, 1, 1.4, 1.4, 1.4])
        let width = try #require(lopsided[1].ratio?.halfWidth)
        #expect(width > 0.3)
        let told = Mutex<[String]>([])
        let wanted = Comparison.Repetitions.untilNarrow(0.25, most: 10, seconds: 60)
        let note: (String) -> Void = { text in told.withLock { $0.append(text) } }
        #expect(wanted.stop(after: 7, seconds: 1, ratios: lopsided, note) == nil)
        #expect(told.withLock { $0.first?.hasPrefix("the widest interval, of 'other', reaches 40 %") } == true)
        let most = wanted.stop(after: 10, seconds: 1, ratios: lopsided)
        #expect(
            most == "the limit of 10 repetitions was reached before every interval was within 25 % of its ratio; "
                + "the widest, of 'other', reaches 40 % from its ratio"
        )
        #expect(wanted.stop(after: 7, seconds: 61, ratios: lopsided)?.hasPrefix("the limit of 1.00 minutes") == true)
    }

    @Test func `a comparison repeats until its ratios are narrow, or the time is up`() async throws {
        let fixture = try ComparisonFixture()
        // Wide enough for any machine: what is looked at is that it stops, and when.
        let narrow = try await fixture.compare(repetitions: .untilNarrow(1000, most: 9, seconds: 600))
        #expect(narrow.repetitions == 6 && narrow.steps[0].declarative.count == 6)
        #expect(narrow.steps[0].ratio?.interval != nil)
        let summary = MarkdownReport.summary(narrow)
        #expect(summary.contains("played 6 times: every ratio's 95 % interval is within"), "\(summary)")
        let short = try await fixture.compare(repetitions: .untilNarrow(0.000001, most: 9, seconds: 0))
        #expect(short.repetitions == 1 && short.method.stop.hasPrefix("the limit of 0 minutes was reached before"))
    }

    @Test func `times that vary too much are called too noisy, in every report`() async throws {
        let fixture = try ComparisonFixture()
        var report = try await fixture.compare(repetitions: .exactly(3))
        for index in report.steps[0].declarative.indices {
            report.steps[0].declarative[index].seconds = [1, 5, 25][index]
            report.steps[0].procedural[index].seconds = 1
        }
        let line = "too noisy for a ratio: 'initial load'; the upper end of the interval is more than 2 times"
        #expect(MarkdownReport.summary(report).contains(line))
        #expect(try MarkdownReport.text(report).contains(line))
        #expect(report.json["steps"]?.array?.first?["ratio"]?["value"] == .null)
    }
}
