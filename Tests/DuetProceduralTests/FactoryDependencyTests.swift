import DuetExpression
import DuetFactory
import DuetProcedural
import Testing

@Suite struct FactoryDependencyTests {
    @Test func `an activity waits for what it depends on`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [wait("C", after("B")), wait("A"), wait("B", after("A"))])
        let run = try await fixture.run()
        #expect(run.status == .succeeded)
        #expect(fixture.seen.statuses == ["A Succeeded", "B Succeeded", "C Succeeded"])
    }

    @Test(arguments: [
        ("Succeeded", true, false, false), ("Failed", false, true, false), ("Completed", true, true, false),
        ("Skipped", false, false, true),
    ])
    func `each condition is met by its own ends and no others`(
        _ condition: String,
        _ onSuccess: Bool,
        _ onFailure: Bool,
        _ onSkip: Bool
    ) async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [
                wait("Good"), fail("Bad"), wait("Left out", after("Good", "Failed")),
                wait("1", after("Good", condition)), wait("2", after("Bad", condition)),
                wait("3", after("Left out", condition)),
            ]
        )
        _ = try await fixture.run()
        #expect(fixture.seen.status("1") == (onSuccess ? .succeeded : .skipped))
        #expect(fixture.seen.status("2") == (onFailure ? .succeeded : .skipped))
        #expect(fixture.seen.status("3") == (onSkip ? .succeeded : .skipped))
    }

    @Test func `several conditions on an edge mean any, several edges mean all`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [
                wait("Good"), fail("Bad"), wait("Any", after("Bad", "Succeeded", "Failed")),
                wait("All", after("Good"), after("Bad")),
            ]
        )
        _ = try await fixture.run()
        #expect(fixture.seen.status("Any") == .succeeded)
        #expect(fixture.seen.status("All") == .skipped)
    }

    @Test func `skipping goes on along the chain and says why`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [fail("A"), wait("B", after("A")), wait("C", after("B")), wait("D", after("C", "Completed"))]
        )
        let run = try await fixture.run()
        #expect(fixture.seen.statuses == ["A Failed", "B Skipped", "C Skipped", "D Skipped"])
        #expect(fixture.seen.run("C")?.note == "'B' is Skipped, and not Succeeded")
        #expect(run.status == .failed)
    }

    // The four examples of tutorial-pipeline-failure-error-handling.
    @Test func `a caught failure leaves the run green and is told`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [fail("Try"), wait("Catch", after("Try", "Failed"))])
        let run = try await fixture.run()
        #expect(run.status == .succeeded)
        #expect(run.explanation.contains("'Try' failed and was handled by 'Catch'"))
    }

    @Test func `a failure with branches for both ends is red`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [fail("Do"), wait("If", after("Do")), wait("Else", after("Do", "Failed"))])
        let run = try await fixture.run()
        #expect(run.status == .failed)
        #expect(run.explanation.hasPrefix("Red: 'Do' failed (counts because 'If', which depends on it, was skipped)."))
        #expect(run.failure?.code == "E1")
    }

    @Test func `a failure with a branch that also takes skipping is green`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [fail("Do"), wait("Next", after("Do")), wait("Handle", after("Do", "Failed"), after("Next", "Skipped"))]
        )
        #expect(try await fixture.run().status == .succeeded)
    }

    @Test func `success with a branch for failure is green`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [wait("Do"), wait("Else", after("Do", "Failed"))])
        let run = try await fixture.run()
        #expect(run.status == .succeeded)
        #expect(run.explanation.contains("'Do' succeeded (counts because 'Else', which depends on it, was skipped)"))
    }

    @Test func `an inactive activity is not run and counts as marked`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [
                activity("HDInsightHive", "Off", more: #", "state": "Inactive", "onInactiveMarkAs": "Failed""#),
                wait("Then", after("Off", "Failed")),
                activity("WebActivity", "Off too", more: #", "state": "Inactive""#), wait("Next", after("Off too")),
            ]
        )
        let run = try await fixture.run()
        #expect(run.status == .succeeded)
        #expect(fixture.seen.status("Off") == .inactive)
        #expect(fixture.seen.status("Then") == .succeeded)
        #expect(fixture.seen.status("Next") == .succeeded)
        #expect(run.activityCount == 2)
    }

    @Test func `an empty pipeline is green`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [])
        #expect(try await fixture.run().status == .succeeded)
    }

    @Test func `an unknown type fails where it stands`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [activity("ExecuteWranglingDataflow", "X"), wait("Y", after("X", "Failed"))])
        #expect(try await fixture.run().status == .succeeded)
        #expect(fixture.seen.run("X")?.error?["errorCode"] == "UnsupportedActivity")
    }

    @Test func `the verdict takes a chain of ten thousand`() async throws {
        let fixture = try FactoryFixture()
        var chain = [fail("0")]
        for number in 1...10_000 { chain.append(wait("\(number)", after("\(number - 1)"))) }
        try fixture.pipeline("P", chain)
        #expect(try await fixture.run().status == .failed)
        #expect(fixture.seen.activities.count == 10_001)
    }
}
