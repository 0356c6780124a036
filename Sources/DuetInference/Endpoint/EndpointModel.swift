internal import DuetFetch
internal import DuetPipeline
internal import Foundation
internal import Synchronization

/// A declared model behind a server: what is sent to it, and what its answers depend on.
final class EndpointModel: Sendable {
    let declaration: ModelDeclaration
    let pace: Pace
    /// The server and the model there, and how often its results were declared invalid.
    let identity: String
    private let prompts: [InferenceFunction: Prompt]
    private let key: String?
    private let takesOneText = Mutex(false)

    init(
        _ declaration: ModelDeclaration,
        folder: String,
        environment: [String: String],
        generation: Int,
        clock: PaceClock
    ) throws {
        self.declaration = declaration
        pace = Pace(declaration, clock: clock)
        var prompts: [InferenceFunction: Prompt] = [:]
        for function in InferenceFunction.allCases {
            guard let path = declaration.prompts[function.rawValue] else {
                prompts[function] = Prompt.standard(function)
                continue
            }
            do {
                let full = path.hasPrefix("/") ? path : "\(folder)/\(path)"
                prompts[function] = Prompt(text: try String(contentsOfFile: full, encoding: .utf8))
            } catch {
                throw DuetError(
                    .missingFile,
                    "the prompt '\(path)' of model '\(declaration.name)' cannot be read",
                    hint: "a prompt is a text file in the pipeline's folder, with {{content}} where the input goes",
                    at: declaration.location,
                    cause: error.localizedDescription
                )
            }
        }
        self.prompts = prompts
        if let variable = declaration.keyVariable {
            guard let value = environment[variable], !value.isEmpty else {
                throw DuetError(
                    .modelMissing,
                    "the model '\(declaration.name)' takes its key from the variable \(variable), which is not set",
                    hint: "export \(variable)=… before the run; it is never written anywhere",
                    at: declaration.location
                )
            }
            key = value
        } else {
            key = nil
        }
        identity = [
            "endpoint", declaration.url ?? "", declaration.dialect.rawValue, declaration.model, "\(generation)",
        ].joined(separator: " ")
    }

    /// What a function's answers depend on besides the arguments.
    func version(of function: InferenceFunction) -> String {
        var sample = EndpointRequest(function: function, body: parameters, content: "")
        sample.body["max_tokens"] = .integer(Int64(declaration.maxTokens))
        let settings = "\(sample.body) \(declaration.resource.rawValue) \(declaration.usesProbabilities)"
        return "\(identity) \(ResultKey.version(of: settings)) \(prompts[function]?.version ?? "")"
    }

    /// The parameters that are part of every request, in the order of their names.
    private var parameters: JSONObject {
        JSONObject(
            [("model", .string(declaration.model)), ("temperature", .integer(0))]
                + declaration.parameters.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        )
    }

    // MARK: - Requests

    /// Whether the server makes vectors of several texts in one request; found out by asking.
    var takesLists: Bool {
        get { !takesOneText.withLock { $0 } }
        set { takesOneText.withLock { $0 = !newValue } }
    }

    /// The most tokens that a request may have; those with more are for nobody to answer.
    var tokenLimit: Int { declaration.maxInputTokens ?? .max }

    /// The request for a text, whose end is left out where it is too long and the model is declared to truncate.
    ///
    /// - Parameters:
    ///   - function: The function.
    ///   - content: The text.
    ///   - labels: The labels to choose from or to find, for functions that have them.
    ///   - values: Further values for the template.
    ///   - schema: The form of the answer: a JSON schema, or `json_object`.
    /// - Returns: The request.
    func request(
        _ function: InferenceFunction,
        content: String,
        labels: [String] = [],
        values: [String: String] = [:],
        schema: JSONValue? = nil
    ) -> EndpointRequest {
        var kept = content
        var request = build(function, content: kept, labels: labels, values: values, schema: schema)
        while declaration.overlong == .truncate, request.estimatedTokens > tokenLimit {
            let excess = request.estimatedTokens - tokenLimit
            // By whole characters; when nothing would be left, the prompt alone is too long, and that is told.
            guard let shorter = Self.beginning(of: kept, bytes: kept.utf8.count - 4 * excess) else { break }
            kept = shorter
            request = build(function, content: kept, labels: labels, values: values, schema: schema)
        }
        request.content = content
        return request
    }

    /// The texts that a text's vector is computed from: the text, or its pieces when it is too long and may be split.
    func pieces(of text: String) -> [String] {
        let whole = request(.embed, content: text)
        guard declaration.overlong == .split, whole.estimatedTokens > tokenLimit else { return [text] }
        let room = (tokenLimit - EndpointRequest.overhead) * 4
        var pieces: [String] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            if let last = pieces.last, last.utf8.count + 1 + word.utf8.count <= room {
                pieces[pieces.count - 1] = "\(last) \(word)"
            } else {
                pieces.append(String(word))
            }
        }
        return pieces
    }

    private static func beginning(of text: String, bytes: Int) -> String? {
        var size = 0
        let kept = text.prefix { character in
            size += character.utf8.count
            return size <= bytes
        }
        return kept.isEmpty ? nil : String(kept)
    }

    private func build(
        _ function: InferenceFunction,
        content: String,
        labels: [String],
        values: [String: String],
        schema: JSONValue?
    ) -> EndpointRequest {
        var values = values
        values["content"] = content
        values["labels"] = labels.joined(separator: ", ")
        var request = EndpointRequest(function: function, body: parameters, content: content)
        request.labels = labels
        request.wantsJSON = schema != nil
        if function == .embed {
            request.body = ["model": .string(declaration.model), "input": .string(content)]
            return request
        }
        let prompt = prompts[function] ?? Prompt.standard(function)
        if declaration.resource == .chat {
            request.body["messages"] = .array(prompt.messages(values))
        } else {
            request.body["prompt"] = .string(prompt.text(values))
        }
        request.body["max_tokens"] = .integer(Int64(declaration.maxTokens))
        let choosesLabel = function == .classify || function == .analyzeSentiment
        if choosesLabel, declaration.usesProbabilities {
            request.readsProbabilities = true
            request.body["max_tokens"] = 1
            if declaration.resource == .chat {
                request.body["logprobs"] = true
                request.body["top_logprobs"] = 20
            } else {
                request.body["logprobs"] = 20
            }
            return request
        }
        // A grammar of the declaration's own says the form; servers refuse to be told twice.
        guard let schema, request.body["grammar"] == nil else { return request }
        request.body["response_format"] =
            schema == "json_object"
            ? ["type": "json_object"]
            : ["type": "json_schema", "json_schema": ["name": "answer", "strict": true, "schema": schema]]
        return request
    }

    /// The schema of an object with one label of some.
    static func labelSchema(_ labels: [String]) -> JSONValue {
        [
            "type": "object",
            "properties": ["label": ["type": "string", "enum": .array(labels.map { .string($0) })]],
            "required": ["label"], "additionalProperties": false,
        ]
    }

    /// The schema of an object with a text or null for each of some labels.
    static func extractionSchema(_ labels: [String]) -> JSONValue {
        let text: JSONValue = ["type": ["string", "null"]]
        return [
            "type": "object", "properties": .object(JSONObject(labels.map { ($0, text) })),
            "required": .array(labels.map { .string($0) }), "additionalProperties": false,
        ]
    }

    /// What a request is found by.
    func key(of request: EndpointRequest) -> ResultKey {
        ResultKey([identity, request.function.rawValue, JSONValue.object(request.body).text()])
    }

    /// The request as it goes over the wire.
    func fetchRequest(_ request: EndpointRequest) -> FetchRequest {
        var body = request.body
        if streams(request) {
            body["stream"] = true
            body["stream_options"] = ["include_usage": true]
        }
        let base = (declaration.url ?? "").trimmingCharacters(in: CharacterSet(charactersIn: "/"))
        let resource = request.function == .embed ? "embeddings" : path
        let address: String
        var credentials = Credentials.none
        switch declaration.dialect {
        case .openai:
            address = "\(base)/\(resource)"
            if let key { credentials = .bearer(key) }
        case .azure:
            let version = "api-version=\(declaration.apiVersion)"
            address = "\(base)/openai/deployments/\(declaration.model)/\(resource)?\(version)"
            if let key { credentials = .header("api-key", key) }
        case .databricks:
            address = "\(base)/serving-endpoints/\(declaration.model)/invocations"
            if let key { credentials = .bearer(key) }
        }
        return FetchRequest(
            url: address,
            method: .post(Array(JSONValue.object(body).text().utf8)),
            headers: [("Content-Type", "application/json")],
            maximumBytes: 16 << 20,
            credentials: credentials,
            // Sent again here and not there: an answer can be bad in more ways than a transfer.
            retry: .never,
            deadline: .milliseconds(Int(declaration.timeout * 1000))
        )
    }

    /// Whether an answer comes piece by piece.
    func streams(_ request: EndpointRequest) -> Bool { declaration.isStreamed && request.function != .embed }

    private var path: String {
        switch declaration.resource {
        case .chat: "chat/completions"
        case .completions: "completions"
        }
    }
}

/// One question to a server.
struct EndpointRequest: Sendable {
    var function: InferenceFunction
    var body: JSONObject
    /// The text asked about, for errors.
    var content: String
    var labels: [String] = []
    var wantsJSON = false
    var readsProbabilities = false

    /// About how many tokens it has; four letters are one on average in English.
    var estimatedTokens: Int {
        let characters =
            switch body["messages"] {
            case .array(let messages)?: messages.reduce(0) { $0 + ($1["content"]?.string?.utf8.count ?? 0) }
            default: (body["prompt"]?.string ?? body["input"]?.string ?? "").utf8.count
            }
        return characters / 4 + Self.overhead
    }

    /// What a server adds to a text, in tokens.
    static let overhead = 8
}
