internal import DuetPipeline
internal import Foundation

/// What a server said, taken out of its protocol.
struct EndpointReply: Sendable {
    /// The text.
    var text = ""
    /// The vectors, from `embeddings`, in the order of the texts they belong to.
    private(set) var vectors: [[Float]] = []
    /// The logarithms of the probabilities of first tokens, where the server tells them.
    var firstTokens: [(token: String, logarithm: Double)] = []
    /// Why it ended: `stop`, `length`, `content_filter` and the like; nil when that was not said.
    var ending: String?
    /// Why the model declined.
    var refusal: String?
    /// Tokens read; nil when the server does not tell.
    var tokensIn: Int?
    /// Tokens written.
    var tokensOut: Int?
    /// Whether a stream came to its end.
    var isWhole = true

    /// An answer that is none in the protocol.
    struct Malformed: Error {
        var reason: String
    }

    /// Reads a whole body, or a stream's body when it is one.
    init(body: [UInt8], isStream: Bool) throws(Malformed) {
        let text = String(decoding: body, as: UTF8.self)
        // A server that does not stream sends the whole at once, whatever was asked for.
        if isStream, text.hasPrefix("data:") || text.contains("\ndata:") || text.hasPrefix(":") {
            try readStream(text)
        } else {
            take(try Self.parse(text))
            guard !self.text.isEmpty || !vectors.isEmpty || ending != nil || refusal != nil else {
                throw Malformed(reason: "the answer has no choices")
            }
        }
    }

    private static func parse(_ text: String) throws(Malformed) -> JSONValue {
        do {
            return try JSONValue(parsing: text)
        } catch {
            throw Malformed(reason: "the answer is not JSON")
        }
    }

    /// Server-sent events: `data: <json>` for each piece, `data: [DONE]` at the end.
    private mutating func readStream(_ text: String) throws(Malformed) {
        isWhole = false
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("data:") {
            let data = line.dropFirst(5).trimmingCharacters(in: .whitespaces)
            if data == "[DONE]" {
                isWhole = true
                break
            }
            take(try Self.parse(data))
        }
        if ending != nil { isWhole = true }
        guard isWhole else { throw Malformed(reason: "the answer breaks off") }
    }

    private mutating func take(_ value: JSONValue) {
        if let usage = value["usage"] {
            tokensIn = usage["prompt_tokens"]?.integer ?? tokensIn
            tokensOut = usage["completion_tokens"]?.integer ?? tokensOut
        }
        if let data = value["data"]?.array {
            // Servers may answer in any order; the index says which text is meant.
            let numbered = data.enumerated().map { ($1["index"]?.integer ?? $0, $1) }.sorted { $0.0 < $1.0 }
            vectors = numbered.map { entry in
                (entry.1["embedding"]?.array ?? []).compactMap { Self.number($0).map { Float($0) } }
            }
        }
        guard let choice = value["choices"]?.array?.first else { return }
        let message = choice["message"] ?? choice["delta"]
        text += message?["content"]?.string ?? choice["text"]?.string ?? ""
        refusal = message?["refusal"]?.string ?? refusal
        ending = choice["finish_reason"]?.string ?? ending
        guard firstTokens.isEmpty, let logprobs = choice["logprobs"] else { return }
        if let tops = logprobs["content"]?.array?.first?["top_logprobs"]?.array {
            firstTokens = tops.compactMap { top in
                guard let token = top["token"]?.string, let number = Self.number(top["logprob"]) else { return nil }
                return (token, number)
            }
        } else if let tops = logprobs["top_logprobs"]?.array?.first?.object {
            firstTokens = tops.members.compactMap { member in
                Self.number(member.value).map { (member.key, $0) }
            }
        }
    }

    private static func number(_ value: JSONValue?) -> Double? {
        switch value {
        case .double(let number)?: number
        case .integer(let number)?: Double(number)
        default: nil
        }
    }
}
