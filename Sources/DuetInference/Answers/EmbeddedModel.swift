internal import Dispatch
internal import DuetPipeline
internal import Foundation
internal import Synchronization

/// A declared model of the embedded backend: an encoder, and what turns its vectors into labels.
final class EmbeddedModel: Sendable {
    let declaration: ModelDeclaration
    /// What the vectors depend on: the weights, and how much of a text is read.
    let vectorIdentity: String
    /// What the labels depend on besides.
    let version: String
    private let head: Head?
    private let models: ModelFolder
    private let loaded = Mutex<(any TextEncoder)?>(nil)
    private let prototypes = Mutex<[String: [[Float]]]>([:])

    init(_ declaration: ModelDeclaration, folder: String, models: ModelFolder) throws {
        self.declaration = declaration
        self.models = models
        let encoder = try models.identity(of: declaration.model)
        vectorIdentity = "\(encoder) \(declaration.overlong.rawValue) \(declaration.maxInputTokens ?? 0)"
        head = try declaration.head.map { path in
            let full = path.hasPrefix("/") ? path : "\(folder)/\(path)"
            let text: String
            do {
                text = try String(contentsOfFile: full, encoding: .utf8)
            } catch {
                throw DuetError(
                    .modelMissing,
                    "the head '\(path)' of model '\(declaration.name)' cannot be read",
                    hint: "train it: duet model train, see docs/inference.md",
                    at: declaration.location,
                    cause: error.localizedDescription
                )
            }
            return try Head(text: text, path: path)
        }
        if let head, head.encoder != encoder {
            throw DuetError(
                .modelMissing,
                "the head '\(declaration.head ?? "")' was trained on vectors of '\(head.encoder)', but the model "
                    + "'\(declaration.name)' is '\(encoder)'",
                hint: "train it again: duet model train",
                at: declaration.location
            )
        }
        let texts = declaration.prototypes.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        version = "\(vectorIdentity) \(head?.version ?? "") \(ResultKey.version(of: texts.joined(separator: "\n")))"
    }

    /// The encoder, loaded when it is first wanted.
    func encoder() throws -> any TextEncoder {
        try loaded.withLock { loaded in
            if let loaded { return loaded }
            let encoder = try models.encoder(declaration.model)
            loaded = encoder
            return encoder
        }
    }

    func key(of text: String) -> ResultKey { ResultKey(["vector", vectorIdentity, text]) }

    /// The labels of `ai_analyze_sentiment`.
    var sentiments: [String] { head?.labels ?? Prototypes.sentiment }

    /// The label that fits a vector best.
    func label(of vector: [Float], among labels: [String]) throws -> String? {
        let scores: [Double]
        if let head, Set(labels).isSubset(of: head.labels) {
            let known = Dictionary(zip(head.labels, head.scores(vector))) { first, _ in first }
            scores = labels.map { known[$0] ?? -.infinity }
        } else {
            scores = try vectors(for: labels).map { Double(Vector.dot($0, vector)) }
        }
        // The first of equal ones, so that the answer does not depend on the order of anything.
        var best: Int?
        for index in labels.indices where best.map({ scores[index] > scores[$0] }) ?? true { best = index }
        return best.map { labels[$0] }
    }

    private func vectors(for labels: [String]) throws -> [[Float]] {
        let name = labels.joined(separator: "\u{0}")
        if let known = prototypes.withLock({ $0[name] }) { return known }
        let encoder = try encoder()
        let vectors = try labels.map { label in
            let texts = declaration.prototypes[label] ?? Prototypes.texts(for: label)
            let prepared = texts.map { encoder.prepare($0, limit: encoder.maximumTokens) }
            return Vector.mean(try encoder.encode(prepared), weights: prepared.map { _ in 1 })
        }
        prototypes.withLock { $0[name] = vectors }
        return vectors
    }

    // MARK: - Encoding

    /// A text's pieces, ready to be encoded; nil when the text is too long and must not be read in part.
    func pieces(of text: String) throws -> [PreparedText]? {
        let encoder = try encoder()
        let limit = min(declaration.maxInputTokens ?? encoder.maximumTokens, encoder.maximumTokens)
        let whole = encoder.prepare(text, limit: limit)
        guard whole.fullCount > limit else { return [whole] }
        switch declaration.overlong {
        case .truncate: return [whole]
        case .quarantine: return nil
        case .split:
            let words = text.split(whereSeparator: \.isWhitespace)
            var parts = (whole.fullCount + limit - 1) / limit
            while parts <= words.count {
                let size = (words.count + parts - 1) / parts
                let pieces = stride(from: 0, to: words.count, by: size).map { start in
                    encoder.prepare(
                        words[start..<min(start + size, words.count)].joined(separator: " "),
                        limit: limit
                    )
                }
                if pieces.allSatisfy({ $0.fullCount <= limit }) { return pieces }
                parts += 1
            }
            // A single word longer than the limit cannot be split at a space.
            return [whole]
        }
    }

    /// Runs work items on as many threads as the model may use.
    ///
    /// - Throws: What the first failing item throws; the others that were begun are still ended.
    func concurrently(_ count: Int, _ body: @Sendable (Int) throws -> Void) throws {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let workers = min(declaration.concurrency ?? cores, count)
        let next = Mutex(0)
        let failure = Mutex<(any Error)?>(nil)
        @Sendable func work() {
            while failure.withLock({ $0 }) == nil {
                let item = next.withLock { next in
                    defer { next += 1 }
                    return next
                }
                guard item < count else { return }
                do {
                    try body(item)
                } catch {
                    failure.withLock { $0 = $0 ?? error }
                }
            }
        }
        if workers <= 1 {
            work()
        } else {
            DispatchQueue.concurrentPerform(iterations: workers) { _ in work() }
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }
}
