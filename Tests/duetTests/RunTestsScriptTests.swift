import DuetTestSupport
import Foundation
import Testing

/// `scripts/run-tests`, which `make test` ends with, over runners that only say what a real one says.
@Suite struct RunTestsScriptTests {
    private static let closing = "✘ Test run with 3 tests in 1 suite failed after 0.500 seconds with 2 issues."

    /// Two tests fail, one of them with a text of several lines; another passes.
    private static let failing = """
        [1/1] Linking tests
        ◇ Test "a" started.
        \u{1B}[91m✘\u{1B}[0m Test "a" recorded an issue at ATests.swift:7:9: Expectation failed: (x → 1) == 2
        ↳ what was
          expected of it
        ✘ Test "a" with 2 test cases failed after 0.100 seconds with 1 issue.
        ◇ Test "b" started.
        a line that some test prints
        ✔ Test "b" passed after 0.100 seconds.
        ◇ Test c() started.
        ✘ Test c() recorded an issue at CTests.swift:3:1: Caught error: gone
        ✘ Test c() failed after 0.100 seconds with 1 issue.
        \(closing)
        """

    /// Starts a program with no signal blocked or ignored, as a shell at a terminal would; children of a test's threads
    /// have some blocked, and a shell cannot trap what was ignored when it began.
    private static let asAtTerminal = """
        import os, signal, sys
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(name, signal.SIG_DFL)
        os.execv(sys.argv[1], sys.argv[1:])
        """

    /// What comes out of the script, with a runner that is a shell script of these lines.
    private func run(_ runner: String, _ arguments: [String] = []) throws -> (status: Int32, lines: [String]) {
        let folder = try TemporaryFolder()
        try folder.write(runner, to: "runner.sh")
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let script = root.appendingPathComponent("scripts/run-tests").path
        process.arguments = ["python3", "-c", Self.asAtTerminal, script] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["DUET_TEST_RUNNER": "bash \(folder.path)/runner.sh", "DUET_TEST_LOG": "\(folder.path)/log"]
        ) { $1 }
        let out = "\(folder.path)/out"
        _ = FileManager.default.createFile(atPath: out, contents: nil)
        process.standardOutput = FileHandle(forWritingAtPath: out)
        process.standardError = process.standardOutput
        try process.run()
        process.waitUntilExit()
        let lines = try folder.text("out").split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(process.terminationReason == .exit)
        return (process.terminationStatus, lines.last == "" ? lines.dropLast() : lines)
    }

    private func says(_ text: String, thenExits status: Int32) -> String {
        "cat <<'END'\n\(text)\nEND\nexit \(status)\n"
    }

    @Test func `failed tests are named again before the closing line, which is the last`() async throws {
        let (status, lines) = try await offPool { try run(says(Self.failing, thenExits: 1)) }
        #expect(status == 1)
        let told = Self.failing.split(separator: "\n").map(String.init)
        #expect(Array(lines.prefix(told.count)) == told, "what the runner says comes as it is")
        #expect(
            Array(lines.dropFirst(told.count)) == [
                "", "failed, once more: 2 issues",
                #"✘ Test "a" recorded an issue at ATests.swift:7:9: Expectation failed: (x → 1) == 2"#,
                "↳ what was", "  expected of it",
                "✘ Test c() recorded an issue at CTests.swift:3:1: Caught error: gone",
                Self.closing,
            ]
        )
    }

    @Test func `what passes is not told twice, and arguments reach the runner`() async throws {
        let (status, lines) = try await offPool {
            try run("echo \"$@\" >&2\necho '✔ Test run with 1 test passed.'\n", ["--filter", "a b"])
        }
        #expect(status == 0)
        #expect(lines == ["--filter a b", "✔ Test run with 1 test passed."])
    }

    @Test func `a crash is told with the tests that were under way, and keeps its exit code`() async throws {
        let text =
            "◇ Test run started.\n◇ Test \"deep\" started.\n◇ Test \"done\" started.\n"
            + "✔ Test \"done\" passed after 0.1 seconds.\nerror: Exited with unexpected signal code 11"
        let (status, lines) = try await offPool { try run(says(text, thenExits: 9)) }
        #expect(status == 9)
        #expect(
            Array(lines.suffix(4)) == [
                "failed, once more: 0 issues", "error: Exited with unexpected signal code 11",
                #"not ended: Test "deep""#, "error: Exited with unexpected signal code 11",
            ]
        )
    }

    @Test(arguments: ["INT", "TERM"]) func `a signal reaches the runner, whose last words are kept`(
        signal: String
    ) async throws {
        let runner = """
            trap 'echo stopped; exit 130' \(signal)
            kill -s \(signal) $PPID
            # Until the signal comes back; the limit is for a test that fails.
            for n in $(seq 600); do sleep 0.1; done

            """
        let (status, lines) = try await offPool { try run(runner) }
        #expect(status == 130)
        #expect(lines.first == "stopped" && lines.last == "stopped", "\(lines)")
    }
}
