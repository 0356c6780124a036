import DuetEngine
import DuetEvents
import DuetFetch
import DuetInference
import DuetPipeline
import DuetServe
import Foundation
import Glibc
import Synchronization

/// Questions to a real model's server within a pipeline, against the same requests sent by the curl command.
///
/// The server is `scripts/serve-model`'s: one model, one slot, one thread. Both sides send two requests at once, so that
/// the next is there when one is answered, and what is measured is what the server can do.
struct EndpointBenchmark {
    let repetitions: Int
    let questions: Int
    let folder: String

    func run() async throws {
        let script = "\(FileManager.default.currentDirectoryPath)/scripts/serve-model"
        let model = "\(FileManager.default.currentDirectoryPath)/.deps/llm/smollm2.gguf"
        guard FileManager.default.isExecutableFile(atPath: script), FileManager.default.fileExists(atPath: model) else {
            return print("  a model's server: left out, it is not here (scripts/setup llm)")
        }
        let bodies = try recorded()
        let port = 20_000 + Int(getpid()) % 20_000
        let server = Process()
        server.executableURL = URL(fileURLWithPath: script)
        server.arguments = ["\(port)"]
        server.standardOutput = FileHandle.nullDevice
        server.standardError = FileHandle.nullDevice
        try server.run()
        defer {
            // The script becomes the server, which has nothing to lose and is slow to end when it is asked to.
            kill(server.processIdentifier, SIGKILL)
        }
        let base = "http://127.0.0.1:\(port)"
        try await wait(for: base, server)
        let config = try curlConfig(bodies, base)
        // Once for nothing: the server allocates and reads its weights.
        _ = try curl(config)
        var ratios: [Double] = []
        for repetition in 1...repetitions {
            let pipeline = try pipeline("run-\(repetition)", base)
            let before = repetition % 2 == 1 ? try curl(config) : nil
            let inference = try pipeline.run(.declarative).inference
            guard inference.calls == bodies.count, inference.retries == 0 else {
                throw BenchmarkError(
                    "\(inference.calls) calls and \(inference.retries) repeats of \(bodies.count) questions"
                )
            }
            ratios.append(try (before ?? curl(config)) / inference.seconds)
        }
        InferenceBenchmark.tell(
            "\(bodies.count) questions to SmolLM2's server, throughput against curl's with the same requests",
            ratios,
            "≥ 0.95"
        )
    }

    private func pipeline(_ name: String, _ base: String) throws -> BenchPipeline {
        let pipeline = try BenchPipeline(
            at: "\(folder)/\(name)",
            models: """
                {m: {backend: endpoint, model: smollm2, url: '\(base)/v1', concurrency: 2, max_tokens: 8,
                parameters: {cache_prompt: false, seed: 7}, attempts: 1, timeout: 600, functions: [ai_summarize]}}
                """,
            sql: "SELECT text, ai_summarize(text, 4) AS summary FROM STREAM(bronze.texts)"
        )
        try pipeline.write(0..<questions, to: "a.csv")
        return pipeline
    }

    /// The bodies that duet sends, taken down by a server that answers at once.
    private func recorded() throws -> [[UInt8]] {
        let bodies = Mutex<[[UInt8]]>([])
        let answer = Array("{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}".utf8)
        let server = FaultServer { request, connection in
            bodies.withLock { $0.append(request.body) }
            _ = connection.answer(200, ["Content-Type: application/json"], body: answer)
            return .keepAlive
        }
        defer { server.stop() }
        _ = try pipeline("recording", "http://127.0.0.1:\(try server.start())").run(.declarative)
        return bodies.withLock { $0 }
    }

    private func wait(for base: String, _ server: Process) async throws {
        let fetcher = Fetcher(configuration: FetchConfiguration(proxy: ""))
        defer { fetcher.shutdown() }
        for _ in 0..<600 {
            guard server.isRunning else { throw BenchmarkError("the model's server ended; try scripts/serve-model") }
            let answer = await fetcher.fetchAll([FetchRequest(url: "\(base)/health", retry: .never)])
            if case .success? = answer.first { return }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw BenchmarkError("the model's server does not come up; try scripts/serve-model")
    }

    private func curlConfig(_ bodies: [[UInt8]], _ base: String) throws -> String {
        try FileManager.default.createDirectory(atPath: "\(folder)/curl", withIntermediateDirectories: true)
        var lines = ["parallel", "parallel-max = 2"]
        for (number, body) in bodies.enumerated() {
            let file = "\(folder)/curl/\(number)"
            try Data(body).write(to: URL(fileURLWithPath: "\(file).json"))
            if number > 0 { lines.append("next") }
            lines += [
                "fail", "url = \"\(base)/v1/chat/completions\"", "noproxy = \"*\"", "output = \"\(file).answer\"",
                "header = \"Content-Type: application/json\"", "data-binary = \"@\(file).json\"",
            ]
        }
        let path = "\(folder)/curl.conf"
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func curl(_ config: String) throws -> Double {
        try ChildProcess("/usr/bin/curl", ["-Z", "-s", "-f", "--parallel-max", "2", "-K", config]).seconds
    }
}
