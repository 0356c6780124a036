import DuetCompare
import DuetEngine
import DuetEvents
import DuetFetch
import DuetInference
import DuetPipeline
import Foundation

/// What asking a model within a pipeline costs over asking it in a bare loop.
///
/// Needs `scripts/setup models`, and for the server `scripts/setup llm`; all ratios are of runs of this program, measured
/// in turn, the first of a pair the second of the next.
struct InferenceBenchmark {
    let repetitions: Int
    /// Texts at first; a hundredth of them comes later.
    let texts: Int
    /// Rows for the store, and questions to the server.
    let rows: Int
    let questions: Int
    private let folder: String

    init(repetitions: Int, texts: Int = 2400, rows: Int = 50_000, questions: Int = 40) {
        self.repetitions = max(1, repetitions)
        self.texts = max(100, texts)
        self.rows = max(1000, rows)
        self.questions = max(4, questions)
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("duet-bench-\(UUID().uuidString)").path
    }

    func run() async throws {
        defer {
            do { try FileManager.default.removeItem(atPath: folder) } catch { print("left behind: \(folder)") }
        }
        print("inference, medians of \(repetitions):")
        try embedded()
        try overhead()
        try await EndpointBenchmark(repetitions: repetitions, questions: questions, folder: "\(folder)/endpoint").run()
    }

    // MARK: - An embedded model

    private func embedded() throws {
        let more = texts / 100
        var ratios: [Double] = []
        var shares: [Double] = []
        for repetition in 1...repetitions {
            let place = "\(folder)/\(repetition)"
            let pipeline = try BenchPipeline(
                at: place,
                models: "{m: {backend: embedded, model: minilm, concurrency: 1, functions: [ai_embed]}}",
                sql: "SELECT text, ai_embed(text) AS vector FROM STREAM(bronze.texts)"
            )
            try pipeline.write(0..<texts, to: "a.csv")
            let loaded = try pipeline.load()
            // Without the rows that the store has to keep; loading the model is in both.
            let bare = { try Self.seconds { _ = try ModelWorkshop(loaded).encode("m", pipeline.texts(0..<texts)) } }
            let before = repetition % 2 == 1 ? try bare() : nil
            let first = try pipeline.run(.declarative)
            let after = try before ?? bare()
            ratios.append(after / first.inference.seconds)
            let idle = try pipeline.run(.declarative).inference
            guard idle.calls == 0 else { throw BenchmarkError("an idle update made \(idle.calls) calls") }
            try pipeline.write(texts..<texts + more, to: "b.csv")
            let added = try pipeline.run(.declarative).inference
            let everything = try pipeline.run(.procedural).inference
            guard added.calls == more, everything.calls == texts + more else {
                throw BenchmarkError("\(added.calls) and \(everything.calls) calls, not \(more) and \(texts + more)")
            }
            shares.append(added.seconds / everything.seconds)
        }
        Self.tell("\(texts) texts by MiniLM, throughput against a bare loop over the same batches", ratios, "≥ 0.95")
        print("  nothing changed: 0 calls in each run (none)")
        Self.tell("1 % new rows, inference time of the procedural run's (the model loaded in both)", shares, "≤ 0.02")
    }

    // MARK: - What is around the model

    /// The store alone, with vectors of MiniLM's size; and a step that finds all answers against one that asks for none.
    private func overhead() throws {
        let vector = (0..<384).map { Float($0) / 384 }
        var fresh: [Double] = []
        var steps: [Double] = []
        for repetition in 1...repetitions {
            let place = "\(folder)/store-\(repetition)"
            let distinct = 2000
            let pipeline = try BenchPipeline(
                at: place,
                models: "{m: {backend: embedded, model: minilm, functions: [ai_similarity]}}",
                sql: "SELECT text, length(text) AS n FROM STREAM(bronze.texts)"
            )
            try pipeline.write((0..<rows).map { "text \($0 % distinct)" }, to: "a.csv")
            let store = try ResultStore(path: "\(place)/store.duckdb")
            let took = try Self.seconds {
                // As a run does: chunk by chunk looked for, batch by batch kept, and in the end put into the table.
                for start in stride(from: 0, to: rows, by: 2048) {
                    let keys = (start..<min(start + 2048, rows)).map { ResultKey(["vector", "bench", "text \($0)"]) }
                    guard try store.find(keys).isEmpty else { throw BenchmarkError("the store was not empty") }
                    for batch in stride(from: 0, to: keys.count, by: 32) {
                        let answers = keys[batch..<min(batch + 32, keys.count)].map { key in
                            (key: key, answer: StoredAnswer(vector: vector, tokensIn: 9))
                        }
                        try store.keep(answers, model: "bench")
                    }
                }
                try store.close()
            }
            fresh.append(took / Double(rows) * 1_000_000)
            // Known answers: the step that looks all of them up, against the same step without the call.
            let plain = try pipeline.run(.procedural).step
            try pipeline.change(
                sql: "SELECT text, ai_similarity(text, text) AS n FROM STREAM(bronze.texts)",
                reuse: true
            )
            _ = try pipeline.run(.procedural)
            let found = try pipeline.run(.procedural)
            guard found.inference.calls == 0 else { throw BenchmarkError("\(found.inference.calls) answers were lost") }
            steps.append((found.step - plain) / Double(rows) * 1_000_000)
        }
        Self.tell("store, microseconds for a row made anew (\(rows) rows of 384 numbers)", fresh, "≤ 20")
        Self.tell("step, microseconds for a row whose answer is known (\(rows) rows)", steps, "≤ 20")
    }

    // MARK: - The rest

    static func tell(_ what: String, _ values: [Double], _ bound: String) {
        let sorted = values.sorted()
        let shown = { (value: Double) in "\((value * 1000).rounded() / 1000)" }
        let spread = sorted.count > 1 ? ", from \(shown(sorted[0])) to \(shown(sorted[sorted.count - 1]))" : ""
        print("  \(what): \(shown(sorted[sorted.count / 2]))\(spread) (\(bound))")
    }

    static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        return (ContinuousClock.now - start) / .seconds(1)
    }
}

/// A small pipeline whose silver table asks a model.
final class BenchPipeline {
    struct Result {
        var inference: InferenceMeasures
        /// Seconds of the silver table's step.
        var step: Double
    }

    private let place: String
    private let models: String

    init(at place: String, models: String, sql: String) throws {
        self.place = place
        self.models = models
        for folder in ["data", "transformations"] {
            try FileManager.default.createDirectory(
                atPath: "\(place)/pipeline/\(folder)",
                withIntermediateDirectories: true
            )
        }
        try change(sql: sql)
    }

    /// Writes the pipeline's definition.
    func change(sql: String, reuse: Bool = false) throws {
        let models = reuse ? models.replacing("backend:", with: "reuse: true, backend:") : models
        let definition = """
            name: bench
            sources: {texts: {location: data/*.csv}}
            models: \(models)
            """
        let statements = """
            CREATE OR REFRESH STREAMING TABLE bronze.texts AS SELECT * FROM STREAM read_files('${source.texts}');
            CREATE OR REFRESH STREAMING TABLE silver.answers AS \(sql);
            """
        try definition.write(toFile: "\(place)/pipeline/pipeline.yml", atomically: true, encoding: .utf8)
        try statements.write(
            toFile: "\(place)/pipeline/transformations/all.sql",
            atomically: true,
            encoding: .utf8
        )
    }

    /// Texts of about 25 tokens, all different.
    func texts(_ range: Range<Int>) -> [String] {
        let words = [
            "film", "plot", "actor", "scene", "great", "dull", "moving", "slow", "sharp", "music", "end", "half",
        ]
        return range.map { number in
            let length = 8 + (number * 7) % 24
            return (0..<length).map { words[($0 * 5 + number * 3 + $0 * number) % words.count] }.joined(separator: " ")
                + " \(number)"
        }
    }

    func write(_ range: Range<Int>, to name: String) throws { try write(texts(range), to: name) }

    func write(_ texts: [String], to name: String) throws {
        let text = "text\n" + texts.joined(separator: "\n") + "\n"
        try text.write(toFile: "\(place)/pipeline/data/\(name)", atomically: true, encoding: .utf8)
    }

    func load() throws -> Pipeline { try Pipeline.load(folder: "\(place)/pipeline") }

    func run(_ style: Style) throws -> Result {
        let pipeline = try load()
        let home = PipelineHome(pipeline: pipeline.name, root: "\(place)/home")
        let outcome = try Styles.executor(style)
            .run(RunRequest(pipeline: pipeline, home: home, fetcher: Fetcher()))
        guard outcome.isSuccess else { throw DuetErrors(outcome.errors) }
        let ends = outcome.events.filter { $0.step?.contains("answers") == true && $0.measures != nil }
        let measures = ends.last?.measures
        return Result(inference: measures?.inference ?? InferenceMeasures(), step: measures?.seconds ?? 0)
    }
}
