import DuetCompare
import DuetEngine
import DuetEvents
import DuetFetch
import DuetInference
import DuetPipeline
import Foundation

/// What asking a model within a pipeline costs over asking it in a bare loop.
///
/// Needs `scripts/setup models`; all ratios are of runs of this program, measured in turn.
struct InferenceBenchmark {
    let repetitions: Int
    private let texts = 800
    private let more = 8

    func run() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("duet-bench-\(UUID().uuidString)")
        defer {
            do { try FileManager.default.removeItem(at: folder) } catch { print("left behind: \(folder.path)") }
        }
        var ratios: [Double] = []
        var overheads: [Double] = []
        var shares: [Double] = []
        for repetition in 1...max(1, repetitions) {
            let place = folder.appendingPathComponent("\(repetition)").path
            let pipeline = try pipeline(at: place)
            let bare = try seconds { _ = try ModelWorkshop(pipeline).encode("m", lines(0..<texts)) }
            let home = PipelineHome(pipeline: pipeline.name, root: "\(place)/home")
            let first = try outcome(.declarative, pipeline, home)
            let made = first.inference
            ratios.append(bare / made.seconds)
            overheads.append((first.step - made.seconds) / Double(texts) * 1_000_000)
            let idle = try outcome(.declarative, pipeline, home)
            guard idle.inference.calls == 0 else { throw Failure("an idle update made \(idle.inference.calls) calls") }
            try write(lines(texts..<texts + more), to: "\(place)/pipeline/data/b.csv")
            let added = try outcome(.declarative, pipeline, home).inference
            let everything = try outcome(.procedural, pipeline, home).inference
            guard added.calls == more else { throw Failure("\(more) new rows made \(added.calls) calls") }
            shares.append(added.seconds / everything.seconds)
        }
        print("inference, \(texts) texts, medians of \(max(1, repetitions)):")
        report("  the encoder in the pipeline, of a bare loop over the same batches", median(ratios), "x")
        report("  store, plan and SQL around it, a row", median(overheads), "us")
        report("  1 % new rows, of the procedural run's inference", median(shares), "x")
    }

    private struct Failure: Error, CustomStringConvertible {
        var description: String
        init(_ description: String) { self.description = description }
    }

    private func report(_ what: String, _ value: Double, _ unit: String) {
        print("\(what): \((value * 1000).rounded() / 1000) \(unit)")
    }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }

    private func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    private func lines(_ range: Range<Int>) -> [String] {
        let words = [
            "film", "plot", "actor", "scene", "great", "dull", "moving", "slow", "sharp", "music", "end", "half",
        ]
        return range.map { number in
            let length = 8 + (number * 7) % 24
            return (0..<length).map { words[($0 * 5 + number * 3 + $0 * number) % words.count] }.joined(separator: " ")
                + " \(number)"
        }
    }

    private func write(_ texts: [String], to path: String) throws {
        let url = URL(fileURLWithPath: path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try ("text\n" + texts.joined(separator: "\n") + "\n").write(to: url, atomically: true, encoding: .utf8)
    }

    private func pipeline(at place: String) throws -> Pipeline {
        let folder = "\(place)/pipeline"
        try write(lines(0..<texts), to: "\(folder)/data/a.csv")
        let definition = """
            name: bench
            sources: {texts: {location: data/*.csv}}
            models: {m: {backend: embedded, model: minilm, concurrency: 1, functions: [ai_embed]}}
            """
        let sql = """
            CREATE STREAMING TABLE bronze.texts AS SELECT * FROM STREAM read_files('${source.texts}');
            CREATE STREAMING TABLE silver.vectors AS SELECT text, ai_embed(text) AS vector FROM STREAM(bronze.texts);
            """
        try definition.write(toFile: "\(folder)/pipeline.yml", atomically: true, encoding: .utf8)
        try FileManager.default.createDirectory(atPath: "\(folder)/transformations", withIntermediateDirectories: true)
        try sql.write(toFile: "\(folder)/transformations/all.sql", atomically: true, encoding: .utf8)
        return try Pipeline.load(folder: folder)
    }

    private func outcome(
        _ style: Style,
        _ pipeline: Pipeline,
        _ home: PipelineHome
    ) throws -> (inference: InferenceSeconds, step: Double) {
        let request = RunRequest(pipeline: pipeline, home: home, fetcher: Fetcher())
        let outcome = try Styles.executor(style).run(request)
        guard outcome.isSuccess else { throw DuetErrors(outcome.errors) }
        let step = outcome.events.last { $0.measures?.inference != nil }?.measures
        let inference = step?.inference
        return (InferenceSeconds(calls: inference?.calls ?? 0, seconds: inference?.seconds ?? 0), step?.seconds ?? 0)
    }

    private struct InferenceSeconds {
        var calls: Int
        var seconds: Double
    }
}
