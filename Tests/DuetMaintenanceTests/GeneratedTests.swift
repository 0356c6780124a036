import DuckKit
import DuetMaintenance
import DuetTestSupport
import Foundation
import Testing

/// Random schemas, queries and changes against full recomputation.
///
/// `make test` takes the same cases each time, so that a change of the code is what turns it red; `make soak` takes new
/// ones. `DUET_TEST_SEED` replays a run, `DUET_TEST_CASES` sets how many cases there are, `DUET_TEST_CASE` takes one alone;
/// no case begins after `DUET_TEST_MINUTES`, and one that runs for `DUET_TEST_CASE_SECONDS` is stopped and told as slow.
@Suite struct GeneratedTests {
    static func setting(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

    @Test func `every generated view is kept equal to its query`() async throws {
        let seed = UInt64(Self.setting("DUET_TEST_SEED") ?? 20_130_101)
        let limits = RunLimits.ofEnvironment(cases: 2_000)
        print("generated views: DUET_TEST_SEED=\(seed) DUET_TEST_CASES=\(limits.cases)")
        let watch = CaseWatch(limits)
        let looking = Task { await watch.keepLooking() }
        defer { looking.cancel() }
        let only = Self.setting("DUET_TEST_CASE")
        let tallies = try await withThrowingTaskGroup(of: Tally.self) { group in
            for _ in 0..<(only == nil ? 2 : 1) {
                group.addTask {
                    try await offPool { try Self.work(seed: seed, watch: watch, only: only) }
                }
            }
            var all: [Tally] = []
            for try await tally in group { all.append(tally) }
            return all
        }
        let total = tallies.reduce(Tally()) { $0 + $1 }
        print("generated views: \(total)")
        print("generated views: \(watch.summary)\(watch.isCutShort ? "; time was up" : "")")
        for slow in watch.slow {
            print("slow: DUET_TEST_SEED=\(seed) DUET_TEST_CASE=\(slow.number), \(Int(slow.seconds)) s\n\(slow.query)")
        }
        for failure in total.failures { Issue.record("\(failure)") }
        #expect(total.misunderstood == 0)
        if only != nil { return }
        // Were everything recomputed in full, all would be equal and nothing proved; nor would it be by stopped cases.
        #expect(Double(total.incrementalUpdates) > 0.8 * Double(total.updates))
        #expect(total.passedOver > total.cases / 100)
        #expect(Double(total.refused) < 0.1 * Double(total.cases))
        #expect(Double(watch.slow.count) <= 0.01 * Double(total.cases))
    }

    struct Tally: CustomStringConvertible {
        var cases = 0
        var refused = 0
        var updates = 0
        var incrementalUpdates = 0
        /// Changes of an input that made no difference to the view.
        var passedOver = 0
        var misunderstood = 0
        var strategies: [MaintenanceStrategy: Int] = [:]
        var reasons: [String: Int] = [:]
        var failures: [String] = []

        static func + (a: Self, b: Self) -> Self {
            Tally(
                cases: a.cases + b.cases,
                refused: a.refused + b.refused,
                updates: a.updates + b.updates,
                incrementalUpdates: a.incrementalUpdates + b.incrementalUpdates,
                passedOver: a.passedOver + b.passedOver,
                misunderstood: a.misunderstood + b.misunderstood,
                strategies: a.strategies.merging(b.strategies, uniquingKeysWith: +),
                reasons: a.reasons.merging(b.reasons, uniquingKeysWith: +),
                failures: a.failures + b.failures
            )
        }

        var description: String {
            let share = updates == 0 ? 0 : 100 * incrementalUpdates / updates
            let used = strategies.map { "\($0.key) \($0.value)" }.sorted().joined(separator: ", ")
            let why = reasons.sorted { $0.value > $1.value }.prefix(12).map { "\n  \($0.value) x \($0.key)" }.joined()
            return "\(cases) cases (\(refused) refused by DuckDB), \(updates) updates, \(share) % incremental, "
                + "\(passedOver) changes passed over; "
                + "nodes: \(used); failures: \(failures.count); reasons for full:\(why)"
        }
    }

    /// After so many cases a worker takes a new database: one that thousands of tables were made and replaced in answers
    /// ten times slower (DuckDB 1.5.5).
    private static let casesPerDatabase = 100

    private static func work(seed: UInt64, watch: CaseWatch, only: Int?) throws -> Tally {
        var tally = Tally()
        var database = try Database(configuration: ["threads": "1"])
        var isDone = false
        while !isDone, tally.failures.count < 3, let number = only ?? watch.next() {
            isDone = only != nil
            let generated = GeneratedCase(choices: Choices(seed: seed &* 1_000_003 &+ UInt64(number)))
            tally.cases += 1
            do {
                if tally.cases.isMultiple(of: Self.casesPerDatabase) {
                    database = try Database(configuration: ["threads": "1"])
                }
                let connection = try database.connect()
                let run = try watch.run(number, generated.query, connection) { try generated.run(connection) }
                // What was stopped is counted by the watch.
                guard let harness = run else { continue }
                guard let harness else {
                    tally.refused += 1
                    continue
                }
                tally.updates += harness.updates
                tally.incrementalUpdates += harness.incrementalUpdates
                tally.passedOver += harness.passedOver
                tally.strategies.merge(harness.strategies, uniquingKeysWith: +)
                for issue in harness.program.issues {
                    tally.reasons[issue, default: 0] += 1
                    if issue.contains("could not be followed") {
                        tally.misunderstood += 1
                        if tally.misunderstood <= 3 { print("misunderstood: \(issue)\n\(generated.query)") }
                    }
                }
            } catch {
                let what = "DUET_TEST_SEED=\(seed) DUET_TEST_CASE=\(number)"
                // Making it smaller takes minutes, and must not be all that is told if the run ends before.
                FileHandle.standardError.write(Data("generated views: WRONG: \(what)\n\(error)\n".utf8))
                tally.failures.append("\(what)\n" + (try smallest(generated, database).text))
            }
        }
        return tally
    }

    /// A case that still fails when nothing more can be left out of it.
    struct Smallest {
        var generated: GeneratedCase
        /// The case to paste, and what is wrong about it.
        var text: String
    }

    /// Makes a failing case smaller while it keeps failing.
    static func smallest(
        _ failing: GeneratedCase,
        _ database: Database,
        budget: Int = setting("DUET_TEST_SHRINK") ?? 400,
        breaking: @escaping (String) -> String = { $0 }
    ) throws -> Smallest {
        let connection = try database.connect()
        func failure(_ generated: GeneratedCase) -> String? {
            do {
                _ = try generated.run(connection, breaking: breaking)
                return nil
            } catch {
                return "\(error)"
            }
        }
        let numbers = shrunk(failing.taken, budget: budget) { numbers in
            failure(GeneratedCase(choices: Choices(replaying: numbers))) != nil
        }
        let generated = GeneratedCase(choices: Choices(replaying: numbers))
            .smallest(budget: budget) { failure($0) != nil }
        let error = failure(generated) ?? "it fails only on a fresh connection"
        let comment = error.split(separator: "\n").map { "-- \($0)" }.joined(separator: "\n")
        return Smallest(generated: generated, text: "\(generated.text)\n\(comment)")
    }

    // MARK: - The test of the test

    /// Mistakes as rules could have them: what the rules write, and what they write instead.
    static let mistakes: [(name: String, from: String, to: String)] = [
        ("NULL equals nothing", "IS NOT DISTINCT FROM", "="),
        ("what goes comes", "CAST(sum(__w) AS BIGINT)", "CAST(abs(sum(__w)) AS BIGINT)"),
        ("one of equal rows stays", "WHERE __copy <= -__w", "WHERE __copy < -__w"),
        ("a change is taken for none", "max(__w), count(*)", "max(__w), 0 * count(*)"),
        ("a match found is a match lost", "= 0 THEN 1 ELSE -1 END", "= 0 THEN -1 ELSE 1 END"),
    ]

    @Test(arguments: mistakes)
    func `a mistake in a rule is found, and told by a small case that can be pasted`(
        _ name: String,
        _ from: String,
        _ to: String
    ) async throws {
        let small = try await offPool { () -> Smallest in
            let database = try Database(configuration: ["threads": "1"])
            let breaking = { (sql: String) in sql.replacing(from, with: to) }
            for number in 0..<1000 {
                let generated = GeneratedCase(choices: Choices(seed: 7_000_003 &+ UInt64(number)))
                // A long query takes many attempts to make small.
                if generated.query.count > 180 { continue }
                do {
                    _ = try generated.run(try database.connect(), breaking: breaking)
                } catch {
                    return try Self.smallest(generated, database, budget: 120, breaking: breaking)
                }
            }
            throw Wrong("no case of 1,000 shows it")
        }
        print("mistake '\(name)':\n\(small.text)\n")
        let generated = small.generated
        #expect(generated.start.values.map(\.count).reduce(0, +) <= 4)
        #expect(generated.updates.flatMap { $0.values }.map(\.count).reduce(0, +) <= 4)
        #expect(generated.query.count <= 260, "\(generated.query)")
        // Pasted, the case runs, and its last line shows what the view must be.
        try await offPool {
            let connection = try Database().connect()
            for statement in try connection.statements(in: generated.text) {
                _ = try connection.execute(statement.sql)
            }
        }
        // Without the mistake the small case is right.
        try await offPool { _ = try generated.run(try Database().connect()) }
    }
}
