import DuckKit
import DuetMaintenance
import DuetTestSupport
import Foundation
import Testing

/// Random schemas, queries and changes against full recomputation.
///
/// `make test` takes the same cases each time, so that a change of the code is what turns it red; `make soak` takes new
/// ones. `DUET_TEST_SEED` replays a run, `DUET_TEST_CASES` sets how many cases there are.
@Suite struct GeneratedTests {
    static func setting(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

    @Test func `every generated view is kept equal to its query`() async throws {
        let seed = UInt64(Self.setting("DUET_TEST_SEED") ?? 20_130_101)
        let cases = Self.setting("DUET_TEST_CASES") ?? 2_000
        print("generated views: DUET_TEST_SEED=\(seed) DUET_TEST_CASES=\(cases)")
        let workers = 2
        let tallies = try await withThrowingTaskGroup(of: Tally.self) { group in
            for worker in 0..<workers {
                group.addTask {
                    try await offPool {
                        try Self.work(seed: seed, numbers: Array(stride(from: worker, to: cases, by: workers)))
                    }
                }
            }
            var all: [Tally] = []
            for try await tally in group { all.append(tally) }
            return all
        }
        let total = tallies.reduce(Tally()) { $0 + $1 }
        print("generated views: \(total)")
        for failure in total.failures { Issue.record("\(failure)") }
        #expect(total.misunderstood == 0)
        // Were everything recomputed in full, all would be equal and nothing proved.
        #expect(Double(total.incrementalUpdates) > 0.8 * Double(total.updates))
        #expect(Double(total.refused) < 0.1 * Double(cases))
    }

    struct Tally: CustomStringConvertible {
        var cases = 0
        var refused = 0
        var updates = 0
        var incrementalUpdates = 0
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
            return "\(cases) cases (\(refused) refused by DuckDB), \(updates) updates, \(share) % incremental; "
                + "nodes: \(used); failures: \(failures.count); reasons for full:\(why)"
        }
    }

    private static func work(seed: UInt64, numbers: [Int]) throws -> Tally {
        var tally = Tally()
        let database = try Database(configuration: ["threads": "1"])
        for number in numbers where tally.failures.count < 3 {
            let generated = GeneratedCase(choices: Choices(seed: seed &* 1_000_003 &+ UInt64(number)))
            tally.cases += 1
            do {
                guard let harness = try generated.run(try database.connect()) else {
                    tally.refused += 1
                    continue
                }
                tally.updates += harness.updates
                tally.incrementalUpdates += harness.incrementalUpdates
                tally.strategies.merge(harness.strategies, uniquingKeysWith: +)
                for issue in harness.program.issues {
                    tally.reasons[issue, default: 0] += 1
                    if issue.contains("could not be followed") {
                        tally.misunderstood += 1
                        if tally.misunderstood <= 3 { print("misunderstood: \(issue)\n\(generated.query)") }
                    }
                }
            } catch {
                tally.failures.append(try explain(generated, database, number))
            }
        }
        return tally
    }

    /// The smallest case that still fails, with what is wrong about it.
    private static func explain(_ failing: GeneratedCase, _ database: Database, _ number: Int) throws -> String {
        let connection = try database.connect()
        func failure(_ numbers: [Int]) -> (String, String)? {
            let generated = GeneratedCase(choices: Choices(replaying: numbers))
            do {
                _ = try generated.run(connection)
                return nil
            } catch {
                return (generated.text, "\(error)")
            }
        }
        let small = shrunk(failing.taken, budget: setting("DUET_TEST_SHRINK") ?? 400) { failure($0) != nil }
        let (text, error) = failure(small) ?? (failing.text, "it fails only on a fresh connection")
        return "case \(number):\n\(text)\n\(error)"
    }
}
