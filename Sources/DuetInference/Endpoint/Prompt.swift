internal import DuetPipeline
internal import Foundation

/// A prompt's template: text with `{{content}}` and the like; what stands above a line `---` is for the system's part.
struct Prompt: Sendable {
    private let system: String?
    private let user: String

    /// The hash of the text.
    let version: String

    init(text: String) {
        version = ResultKey.version(of: text)
        let parts = text.components(separatedBy: "\n---\n")
        system = parts.count > 1 ? parts[0].trimmingCharacters(in: .whitespacesAndNewlines) : nil
        user = parts.dropFirst(parts.count > 1 ? 1 : 0).joined(separator: "\n---\n")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The template's text for a function that the pipeline gives none for.
    static func standard(_ function: InferenceFunction) -> Prompt {
        switch function {
        case .classify:
            Prompt(
                text: """
                    You sort texts. Answer with the one label that fits best, and nothing else.
                    ---
                    Labels: {{labels}}
                    Text: {{content}}
                    Label:
                    """
            )
        case .analyzeSentiment:
            Prompt(
                text: """
                    You judge the sentiment of texts. Answer with one label, and nothing else.
                    ---
                    Labels: {{labels}}
                    Text: {{content}}
                    Sentiment:
                    """
            )
        case .extract:
            Prompt(
                text: """
                    You find facts in texts. Answer with a JSON object whose keys are the labels; a value is the words of \
                    the text, or null when the text does not say.
                    ---
                    Labels: {{labels}}
                    Text: {{content}}
                    """
            )
        case .summarize:
            Prompt(
                text: """
                    You summarise texts in at most {{max_words}} words. Answer with the summary, and nothing else.
                    ---
                    {{content}}
                    """
            )
        case .translate:
            Prompt(
                text: """
                    You translate texts into the language {{language}}. Answer with the translation, and nothing else.
                    ---
                    {{content}}
                    """
            )
        case .query, .embed, .similarity: Prompt(text: "{{content}}")
        }
    }

    /// The messages for some values.
    func messages(_ values: [String: String]) -> [JSONValue] {
        var messages: [JSONValue] = []
        if let system { messages.append(["role": "system", "content": .string(fill(system, values))]) }
        messages.append(["role": "user", "content": .string(fill(user, values))])
        return messages
    }

    /// The whole as one text, for servers without roles.
    func text(_ values: [String: String]) -> String {
        [system, user].compactMap { $0 }.map { fill($0, values) }.joined(separator: "\n\n")
    }

    /// Fills a template in one pass, so that braces in a value stay what they are.
    private func fill(_ template: String, _ values: [String: String]) -> String {
        var output = ""
        var rest = template[...]
        while let open = rest.firstRange(of: "{{"), let close = rest[open.upperBound...].firstRange(of: "}}") {
            output += rest[..<open.lowerBound]
            let name = rest[open.upperBound..<close.lowerBound].trimmingCharacters(in: .whitespaces)
            output += values[name] ?? String(rest[open.lowerBound..<close.upperBound])
            rest = rest[close.upperBound...]
        }
        return output + rest
    }
}
