/// A BERT-like sentence encoder that ONNX Runtime runs, with mean pooling.
///
/// A sentence's vector is the mean of its tokens' last hidden states, scaled to length 1 (Reimers and Gurevych 2019).
struct BertEncoder: TextEncoder {
    let identity: String
    let dimensions: Int
    let maximumTokens: Int
    private let tokenizer: WordPiece
    private let session: OnnxRuntime.Session

    init(identity: String, dimensions: Int, maximumTokens: Int, tokenizer: WordPiece, session: OnnxRuntime.Session) {
        self.identity = identity
        self.dimensions = dimensions
        self.maximumTokens = maximumTokens
        self.tokenizer = tokenizer
        self.session = session
    }

    func prepare(_ text: String, limit: Int) -> PreparedText {
        let pieces = tokenizer.tokens(text)
        let kept = pieces.prefix(max(0, min(limit, maximumTokens) - 2))
        return PreparedText(
            tokens: [tokenizer.start] + kept + [tokenizer.end],
            text: "",
            tokenCount: kept.count + 2,
            fullCount: pieces.count + 2
        )
    }

    func encode(_ batch: [PreparedText]) throws -> [[Float]] {
        guard let width = batch.map(\.tokens.count).max() else { return [] }
        let size = batch.count * width
        var numbers = [Int64](repeating: 0, count: size)
        var mask = numbers
        for (row, text) in batch.enumerated() {
            for (column, token) in text.tokens.enumerated() {
                numbers[row * width + column] = token
                mask[row * width + column] = 1
            }
        }
        let inputs = [
            ("input_ids", numbers), ("attention_mask", mask), ("token_type_ids", [Int64](repeating: 0, count: size)),
        ]
        return try session.run(inputs, rows: batch.count, columns: width, output: "last_hidden_state") { states in
            batch.indices.map { row in
                pool(states + row * width * dimensions, count: batch[row].tokens.count)
            }
        }
    }

    private func pool(_ states: UnsafePointer<Float>, count: Int) -> [Float] {
        var mean = [Float](repeating: 0, count: dimensions)
        for token in 0..<count {
            for index in 0..<dimensions { mean[index] += states[token * dimensions + index] }
        }
        return Vector.normalized(mean.map { $0 / Float(count) })
    }
}

/// What is done with vectors.
enum Vector {
    static func dot(_ a: [Float], _ b: [Float]) -> Float {
        var sum: Float = 0
        for index in 0..<min(a.count, b.count) { sum += a[index] * b[index] }
        return sum
    }

    /// The same direction with length 1; zero stays zero.
    static func normalized(_ vector: [Float]) -> [Float] {
        let length = dot(vector, vector).squareRoot()
        return length > 0 ? vector.map { $0 / length } : vector
    }

    /// The sum of vectors, each times its weight, with length 1.
    static func mean(_ vectors: [[Float]], weights: [Int]) -> [Float] {
        guard var sum = vectors.first.map({ [Float](repeating: 0, count: $0.count) }) else { return [] }
        for (vector, weight) in zip(vectors, weights) {
            for index in sum.indices { sum[index] += vector[index] * Float(weight) }
        }
        return normalized(sum)
    }
}
