import DuetEngine
import DuetTestSupport
import Foundation
import Synchronization
import Testing

@Suite struct DependencyWalkTests {
    private struct Diary {
        var started: [Int] = []
        var ended: Set<Int> = []
        var skipped: [Int: Int] = [:]
        var early: [Int] = []
        var running = 0
        var peak = 0
    }

    private func walk(
        _ dependencies: [[Int]],
        workers: Int,
        failing: Set<Int> = []
    ) async throws -> Diary {
        try await offPool {
            let diary = Mutex(Diary())
            DependencyWalk.run(
                dependencies: dependencies,
                workers: workers,
                run: { node in
                    diary.withLock {
                        $0.started.append(node)
                        $0.running += 1
                        $0.peak = max($0.peak, $0.running)
                        if !$0.ended.isSuperset(of: dependencies[node]) { $0.early.append(node) }
                    }
                    diary.withLock {
                        $0.running -= 1
                        $0.ended.insert(node)
                    }
                    return failing.contains(node) ? .failed : .done
                },
                skip: { node, because in
                    diary.withLock {
                        if $0.skipped[node] != nil { $0.early.append(node) }
                        $0.skipped[node] = because
                    }
                }
            )
            return diary.withLock { $0 }
        }
    }

    @Test func `no node is lost and each waits for all it depends on`() async throws {
        var random = SeededGenerator(seed: TestSeed.announced(for: "dependency walk"))
        for _ in 0..<200 {
            let count = Int.random(in: 0...40, using: &random)
            let density = Double.random(in: 0...0.5, using: &random)
            // A node may depend on earlier ones only, which is what keeps circles out; the same one twice is allowed.
            let dependencies = (0..<count).map { node in
                (0..<node).filter { _ in Double.random(in: 0...1, using: &random) < density }.flatMap { [$0, $0] }
            }
            let failing = Set((0..<count).filter { _ in Int.random(in: 0..<12, using: &random) == 0 })
            let workers = Int.random(in: 1...6, using: &random)
            let diary = try await walk(dependencies, workers: workers, failing: failing)
            #expect(diary.early.isEmpty)
            #expect(diary.peak <= workers)
            #expect(Set(diary.started).count == diary.started.count)
            #expect(Set(diary.started).isDisjoint(with: diary.skipped.keys))
            #expect(Set(diary.started).union(diary.skipped.keys) == Set(0..<count))
            // Skipped is exactly what lies behind a failure.
            var blocked: Set<Int> = []
            for node in 0..<count
            where dependencies[node].contains(where: {
                failing.contains($0) && !blocked.contains($0) || blocked.contains($0)
            }) {
                blocked.insert(node)
            }
            #expect(Set(diary.skipped.keys) == blocked)
            for (_, reason) in diary.skipped { #expect(failing.contains(reason)) }
        }
    }

    @Test func `as many nodes run at once as there are workers, however few the cores`() async throws {
        let workers = 3 * ProcessInfo.processInfo.activeProcessorCount
        let met = try await offPool {
            let all = DispatchSemaphore(value: 0)
            let count = Mutex(0)
            let inTime = Mutex(true)
            DependencyWalk.run(
                dependencies: Array(repeating: [], count: workers),
                workers: workers,
                run: { _ in
                    let isLast = count.withLock { count in
                        count += 1
                        return count == workers
                    }
                    if isLast { for _ in 0..<workers { all.signal() } }
                    if all.wait(timeout: .now() + 60) == .timedOut { inTime.withLock { $0 = false } }
                    return .done
                },
                skip: { _, _ in }
            )
            return inTime.withLock { $0 }
        }
        #expect(met)
    }

    @Test func `one worker takes nodes in the order given`() async throws {
        let diary = try await walk([[], [], [0], [1, 2]], workers: 1)
        #expect(diary.started == [0, 1, 2, 3])
    }

    @Test func `a walk over nothing ends`() async throws {
        #expect(try await walk([], workers: 4).started.isEmpty)
    }

    @Test func `what does not lie behind a failure is run all the same`() async throws {
        let diary = try await walk([[], [0], [1], [], [3]], workers: 2, failing: [0])
        #expect(Set(diary.started) == [0, 3, 4])
        #expect(diary.skipped == [1: 0, 2: 0])
    }
}
