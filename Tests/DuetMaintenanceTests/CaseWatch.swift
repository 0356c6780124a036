import DuckKit
import Foundation
import Synchronization

/// How generated cases are run: how many, for how long, and how long one of them may take.
struct RunLimits {
    var cases: Int
    /// No case begins later than after so many seconds; nil for no such limit.
    var total: Double?
    /// The seconds after which a case is stopped, and told as slow.
    var perCase: Double

    /// As the environment says.
    static func ofEnvironment(cases: Int) -> Self {
        Self(
            cases: GeneratedTests.setting("DUET_TEST_CASES") ?? cases,
            total: GeneratedTests.setting("DUET_TEST_MINUTES").map { Double($0) * 60 },
            perCase: Double(GeneratedTests.setting("DUET_TEST_CASE_SECONDS") ?? 120)
        )
    }
}

/// Hands out numbers of cases, says how far they are, and stops those that take too long.
///
/// Progress goes to standard error at once: what is printed to a file or a pipe shows only when much has come together.
final class CaseWatch: Sendable {
    /// A case that was stopped.
    struct Slow: Sendable {
        var number: Int
        var query: String
        var seconds: Double
    }

    private struct Running {
        var query: String
        var start: ContinuousClock.Instant
        var interrupt: InterruptHandle
        var isTold = false
    }

    private struct Content {
        var next = 0
        var ended = 0
        var running: [Int: Running] = [:]
        var slow: [Slow] = []
        /// The cases that took longest, the longest first.
        var longest: [(number: Int, seconds: Double)] = []
        var seconds = 0.0
        var lastTold: ContinuousClock.Instant
        var isOver = false
    }

    private let limits: RunLimits
    private let start = ContinuousClock.now
    private let content: Mutex<Content>
    /// Seconds between two lines of progress.
    private static let pause = 15.0

    init(_ limits: RunLimits) {
        self.limits = limits
        content = Mutex(Content(lastTold: start))
    }

    /// Looks at the running cases every second, until its task is cancelled.
    ///
    /// No case waits for it: it only tells how far they are, and stops those that would never end.
    func keepLooking() async {
        while !Task.isCancelled {
            look()
            do {
                try await Task.sleep(for: .seconds(1))
            } catch {
                return
            }
        }
    }

    /// The number of a case that nobody has taken yet; nil when there are enough or it is too late.
    func next() -> Int? {
        content.withLock { content in
            if let total = limits.total, seconds(since: start) > total { content.isOver = true }
            guard content.next < limits.cases, !content.isOver else { return nil }
            content.next += 1
            return content.next - 1
        }
    }

    /// Whether time was up before all cases were taken.
    var isCutShort: Bool { content.withLock { $0.isOver && $0.next < limits.cases } }

    /// The cases that were stopped.
    var slow: [Slow] { content.withLock { $0.slow } }

    /// Runs a case under watch.
    ///
    /// - Returns: What the body gives; nil if the case was stopped because it took too long.
    /// - Throws: What the body throws, if it was not stopped.
    func run<T>(_ number: Int, _ query: String, _ connection: Connection, _ body: () throws -> T) throws -> T? {
        let began = ContinuousClock.now
        content.withLock {
            $0.running[number] = Running(query: query, start: began, interrupt: connection.interruptHandle)
        }
        defer {
            content.withLock { content in
                content.running[number] = nil
                content.ended += 1
                let seconds = seconds(since: began)
                content.seconds += seconds
                content.longest = Array(
                    (content.longest + [(number, seconds)]).sorted { $0.seconds > $1.seconds }.prefix(5)
                )
            }
        }
        do {
            return try body()
        } catch {
            let seconds = seconds(since: began)
            guard seconds > limits.perCase else { throw error }
            content.withLock { $0.slow.append(Slow(number: number, query: query, seconds: seconds)) }
            return nil
        }
    }

    /// How it went, for the end.
    var summary: String {
        content.withLock { content in
            let longest = content.longest.map { "\(Self.tenths($0.seconds)) s (\($0.number))" }.joined(separator: ", ")
            let each = content.ended == 0 ? 0 : content.seconds / Double(content.ended)
            return "\(content.ended) of \(limits.cases) cases in \(Self.tenths(seconds(since: start))) s, "
                + "\(Int(each * 1000)) ms each; longest: \(longest); stopped as slow: \(content.slow.count)"
        }
    }

    // MARK: - Every second

    private func look() {
        let lines = content.withLock { content -> [String] in
            var lines: [String] = []
            for (number, running) in content.running.sorted(by: { $0.key < $1.key }) {
                let seconds = seconds(since: running.start)
                guard seconds > limits.perCase else { continue }
                // Between two statements there is nothing to stop, so it is tried until the case ends.
                running.interrupt.interrupt()
                if running.isTold { continue }
                content.running[number]?.isTold = true
                lines.append("slow: case \(number) runs for \(Int(seconds)) s and is stopped:\n\(running.query)")
            }
            if seconds(since: content.lastTold) >= Self.pause {
                content.lastTold = .now
                lines.append(progress(content))
            }
            return lines
        }
        for line in lines { FileHandle.standardError.write(Data("generated views: \(line)\n".utf8)) }
    }

    private func progress(_ content: Content) -> String {
        let gone = seconds(since: start)
        let each = content.ended == 0 ? 0 : gone / Double(content.ended)
        var left = each * Double(limits.cases - content.ended)
        if let total = limits.total { left = max(0, min(left, total - gone)) }
        let now = content.running.sorted { $0.key < $1.key }
            .map { "\($0.key) for \(Self.tenths(seconds(since: $0.value.start))) s" }.joined(separator: ", ")
        return "\(content.ended) of \(limits.cases) cases after \(Int(gone)) s (\(Int(each * 1000)) ms each), "
            + "about \(Int(left)) s to go; running: \(now); stopped as slow: \(content.slow.count)"
    }

    private func seconds(since instant: ContinuousClock.Instant) -> Double {
        (ContinuousClock.now - instant) / .seconds(1)
    }

    private static func tenths(_ seconds: Double) -> String {
        let tenths = Int((seconds * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
