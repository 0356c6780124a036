internal import DuetPipeline
internal import Foundation

/// Makes of a server's text what a function answers, or says what is wrong with it.
struct AnswerReader {
    let request: EndpointRequest

    /// An answer that cannot be used.
    enum Problem: Error {
        /// The model may do better when it is told.
        case malformed(String)
        /// The model will not.
        case refused(String)
    }

    /// The answer's text; for `ai_extract` a JSON object of texts and nulls.
    func answer(_ reply: EndpointReply) throws(Problem) -> String {
        if let refusal = reply.refusal { throw .refused("the model declined: \(refusal)") }
        if reply.ending == "content_filter" { throw .refused("the server's content filter stopped the answer") }
        let text = reply.text.trimmingCharacters(in: .whitespacesAndNewlines)
        switch request.function {
        case .classify, .analyzeSentiment: return try label(reply, text)
        case .extract: return try extraction(text)
        case .query where request.wantsJSON:
            guard let object = Self.json(text) else { throw .malformed("the answer is not JSON") }
            return object.text()
        default:
            guard !text.isEmpty else { throw .malformed("the answer is empty") }
            return text
        }
    }

    private func label(_ reply: EndpointReply, _ text: String) throws(Problem) -> String {
        if request.readsProbabilities, !reply.firstTokens.isEmpty {
            // A label's probability is that of the first tokens it begins with.
            var weights = request.labels.map { _ in 0.0 }
            for (token, logarithm) in reply.firstTokens {
                let start = token.trimmingCharacters(in: .whitespaces).lowercased()
                guard !start.isEmpty else { continue }
                for (index, label) in request.labels.enumerated() where label.lowercased().hasPrefix(start) {
                    weights[index] += exp(logarithm)
                }
            }
            if let best = weights.indices.max(by: { weights[$0] < weights[$1] }), weights[best] > 0 {
                return request.labels[best]
            }
        }
        let said = Self.json(text)?["label"]?.string ?? text
        let bare = said.trimmingCharacters(in: CharacterSet(charactersIn: " \t\n\"'`.*")).lowercased()
        if let label = request.labels.first(where: { $0.lowercased() == bare }) { return label }
        throw .malformed(
            "the answer '\(text.prefix(60))' is none of the labels \(request.labels.joined(separator: ", "))"
        )
    }

    private func extraction(_ text: String) throws(Problem) -> String {
        guard let object = Self.json(text)?.object else { throw .malformed("the answer is not a JSON object") }
        var result = JSONObject()
        for label in request.labels {
            switch object[label] {
            case .null?, nil: result[label] = .null
            case .string(let text)?: result[label] = .string(text)
            case let other?: result[label] = .string(other.text())
            }
        }
        return JSONValue.object(result).text()
    }

    /// The JSON in a text, also when the model has put it into a code block.
    private static func json(_ text: String) -> JSONValue? {
        var candidate = text[...]
        if let open = text.firstRange(of: "```"), let close = text[open.upperBound...].firstRange(of: "```") {
            candidate = text[open.upperBound..<close.lowerBound]
            if candidate.hasPrefix("json") { candidate = candidate.dropFirst(4) }
        }
        do {
            return try JSONValue(parsing: candidate.trimmingCharacters(in: .whitespacesAndNewlines))
        } catch {
            return nil
        }
    }
}
