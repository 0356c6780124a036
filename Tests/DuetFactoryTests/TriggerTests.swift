import DuetFactory
import DuetPipeline
import DuetTestSupport
import Foundation
import Testing

/// When triggers fire.
@Suite struct TriggerTests {
    private func trigger(_ type: String, _ properties: String) throws -> FactoryTrigger {
        let folder = try TemporaryFolder()
        let text =
            #"{"name": "T", "properties": {"type": "\#(type)", "runtimeState": "Started", "typeProperties": {\#(properties)}, "pipelines": [{"pipelineReference": {"referenceName": "P", "type": "PipelineReference"}}]}}"#
        try folder.write(text, to: "trigger/T.json")
        let resource = try #require(try Factory.load(folder.path).resources.first)
        return try FactoryTrigger(resource)
    }

    private func moments(_ recurrence: String, _ from: String, _ to: String) throws -> [String] {
        let trigger = try trigger("ScheduleTrigger", #""recurrence": {\#(recurrence)}"#)
        guard case .schedule(let schedule) = trigger.kind else { return [] }
        let span = try (#require(TriggerTime.date(from, .gmt)), #require(TriggerTime.date(to, .gmt)))
        return schedule.moments(from: span.0, to: span.1).map(TriggerTime.text)
    }

    @Test func `minutes and hours are counted from the start`() throws {
        let every15 = #""frequency": "Minute", "interval": 15, "startTime": "2026-01-01T00:05:00Z""#
        #expect(
            try moments(every15, "2026-01-01T09:00:00Z", "2026-01-01T10:00:00Z") == [
                "2026-01-01T09:05:00Z", "2026-01-01T09:20:00Z", "2026-01-01T09:35:00Z", "2026-01-01T09:50:00Z",
            ]
        )
        let hours =
            #""frequency": "Hour", "interval": 6, "startTime": "2026-01-01T00:00:00Z", "schedule": {"minutes": [0, 30]}"#
        #expect(
            try moments(hours, "2026-01-02", "2026-01-02T12:00:00Z") == [
                "2026-01-02T00:00:00Z", "2026-01-02T00:30:00Z", "2026-01-02T06:00:00Z", "2026-01-02T06:30:00Z",
            ]
        )
    }

    @Test func `a day's hours and minutes are taken together, from the start on`() throws {
        let schedule =
            #""frequency": "Day", "interval": 1, "startTime": "2026-01-01T10:00:00Z", "schedule": {"hours": [5, 17], "minutes": [15, 45]}"#
        #expect(
            try moments(schedule, "2026-01-01", "2026-01-02T06:00:00Z") == [
                "2026-01-01T17:15:00Z", "2026-01-01T17:45:00Z", "2026-01-02T05:15:00Z", "2026-01-02T05:45:00Z",
            ]
        )
    }

    @Test func `a local time keeps to its zone when the clocks change`() throws {
        let schedule =
            #""frequency": "Day", "interval": 1, "startTime": "2026-01-01T02:30:00", "timeZone": "W. Europe Standard Time""#
        #expect(
            try moments(schedule, "2026-03-28", "2026-03-31") == [
                "2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z",
            ]
        )
    }

    @Test func `every second week stays every second week`() throws {
        let schedule =
            #""frequency": "Week", "interval": 2, "startTime": "2026-01-07T08:00:00Z", "schedule": {"weekDays": ["Monday", "Friday"]}"#
        #expect(
            try moments(schedule, "2026-01-01", "2026-02-08") == [
                "2026-01-09T08:00:00Z", "2026-01-19T08:00:00Z", "2026-01-23T08:00:00Z", "2026-02-02T08:00:00Z",
                "2026-02-06T08:00:00Z",
            ]
        )
    }

    @Test func `days of the month count from either end, and a month without the day is passed over`() throws {
        let last =
            #""frequency": "Month", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "schedule": {"monthDays": [31, -1]}"#
        #expect(
            try moments(last, "2026-01-01", "2026-04-01") == [
                "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z",
            ]
        )
        let fridays =
            #""frequency": "Month", "interval": 1, "startTime": "2026-01-01T06:00:00Z", "schedule": {"monthlyOccurrences": [{"day": "Friday", "occurrence": 1}, {"day": "Friday", "occurrence": -1}]}"#
        #expect(
            try moments(fridays, "2026-02-01", "2026-03-01") == ["2026-02-06T06:00:00Z", "2026-02-27T06:00:00Z"]
        )
    }

    @Test func `nothing happens from the end on`() throws {
        let schedule =
            #""frequency": "Day", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-03T00:00:00Z""#
        #expect(try moments(schedule, "2025-12-01", "2026-02-01") == ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])
    }

    @Test func `windows follow each other without gap`() throws {
        let trigger = try trigger(
            "TumblingWindowTrigger",
            #""frequency": "Hour", "interval": 6, "startTime": "2026-01-01T00:00:00Z", "maxConcurrency": 3, "delay": "00:15:00", "retryPolicy": {"count": 2, "intervalInSeconds": 60}, "dependsOn": [{"type": "SelfDependencyTumblingWindowTriggerReference", "offset": "-06:00:00", "size": "06:00:00"}]"#
        )
        guard case .tumblingWindow(let windows) = trigger.kind else { throw TestFailure("no window") }
        let span = try (
            #require(TriggerTime.date("2026-01-01", .gmt)), #require(TriggerTime.date("2026-01-02T05:00:00Z", .gmt))
        )
        let all = windows.windows(from: span.0, to: span.1)
        #expect(all.map { TriggerTime.text($0.start) }.last == "2026-01-01T18:00:00Z")
        #expect(all.count == 4)
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.end == $1.start })
        #expect(windows.delay == 900)
        #expect(windows.maxConcurrency == 3)
        #expect(windows.retryCount == 2)
        #expect(windows.dependencies.first?.offset == -21_600)
    }

    @Test func `a storage event looks at container, beginning, ending and size`() throws {
        let trigger = try trigger(
            "BlobEventsTrigger",
            #""blobPathBeginsWith": "/in/blobs/orders/", "blobPathEndsWith": ".csv", "ignoreEmptyBlobs": true, "events": ["Microsoft.Storage.BlobCreated"]"#
        )
        guard case .storageEvent(let event) = trigger.kind else { throw TestFailure("no event") }
        #expect(event.matches("in/orders/2026/a.csv", size: 1))
        #expect(!event.matches("in/orders/a.csv", size: 0))
        #expect(!event.matches("in/orders/a.json", size: 1))
        #expect(!event.matches("in/other/a.csv", size: 1))
        #expect(!event.matches("out/orders/a.csv", size: 1))
    }

    @Test(arguments: [
        (#""recurrence": {"frequency": "Fortnight", "interval": 1, "startTime": "2026-01-01T00:00:00Z"}"#, "Fortnight"),
        (#""recurrence": {"frequency": "Day", "startTime": "soon"}"#, "soon"),
        (#""recurrence": {"frequency": "Day", "startTime": "2026-01-01", "timeZone": "Moon"}"#, "Moon"),
        (#""x": 1"#, "recurrence"),
    ])
    func `what is wrong is told with its place`(properties: String, message: String) {
        do {
            _ = try trigger("ScheduleTrigger", properties)
            Issue.record("nothing was thrown")
        } catch let error as DuetError {
            #expect(error.message.contains(message))
            #expect(error.location != nil)
        } catch {
            Issue.record(error)
        }
    }
}
