/// A model that queries may call, as pipeline.yml declares it under `models:`.
public struct ModelDeclaration: Sendable, Hashable {
    /// What answers.
    public enum Backend: String, Sendable, Hashable, CaseIterable, Codable {
        /// A sentence encoder within this process; no server.
        case embedded
        /// A server that speaks the OpenAI protocol.
        case endpoint
    }

    /// The form of an endpoint's URLs and credentials.
    public enum Dialect: String, Sendable, Hashable, CaseIterable, Codable {
        /// `<url>/chat/completions` with a bearer token.
        case openai
        /// `<url>/openai/deployments/<model>/chat/completions?api-version=…` with an `api-key` header.
        case azure
        /// `<url>/serving-endpoints/<model>/invocations` with a bearer token.
        case databricks
    }

    /// Which of an endpoint's resources is asked.
    public enum Resource: String, Sendable, Hashable, CaseIterable, Codable {
        /// `chat/completions`.
        case chat
        /// `completions`.
        case completions
    }

    /// What is done with an input that is longer than the model can read.
    public enum Overlong: String, Sendable, Hashable, CaseIterable, Codable {
        /// Its beginning counts.
        case truncate
        /// It is cut into pieces, whose vectors are averaged by length; for functions that are computed from vectors.
        case split
        /// Its row is quarantined.
        case quarantine
    }

    /// What calls cost, in one currency.
    public struct Price: Sendable, Hashable {
        /// For a million tokens read.
        public var input = 0.0
        /// For a million tokens written.
        public var output = 0.0
        /// For a call.
        public var call = 0.0
        /// The currency's name, for people.
        public var currency = "USD"

        /// No price.
        public init() {}

        /// What some calls cost.
        public func cost(calls: Int, tokensIn: Int, tokensOut: Int) -> Double {
            Double(calls) * call + (Double(tokensIn) * input + Double(tokensOut) * output) / 1_000_000
        }
    }

    /// The name that queries use.
    public var name: String
    /// What answers.
    public var backend: Backend
    /// The encoder's name (`minilm`, `e5-small`), or the name sent to the endpoint.
    public var model: String
    /// The functions that use it unless a call names another model; lower case.
    public var functions: Set<String> = []
    /// A head trained by `duet model train`: a path relative to the pipeline's folder.
    public var head: String?
    /// Texts that describe labels; a label without any is described by its own name.
    public var prototypes: [String: [String]] = [:]
    /// The endpoint's base URL.
    public var url: String?
    /// The form of its URLs.
    public var dialect = Dialect.openai
    /// Which resource is asked.
    public var resource = Resource.chat
    /// The `api-version` of Azure's URLs.
    public var apiVersion = "2024-10-21"
    /// The environment variable with the endpoint's key; nil for none.
    public var keyVariable: String?
    /// Template files for prompts by function, relative to the pipeline's folder; what has none uses duet's own.
    public var prompts: [String: String] = [:]
    /// Members put into every request's body, as JSON: `temperature`, `seed`, `top_p`, `cache_prompt` and the like.
    public var parameters: [String: JSONValue] = [:]
    /// The most tokens an answer may have.
    public var maxTokens = 256
    /// The most tokens an input may have; nil for what the encoder can read, or no limit at an endpoint.
    public var maxInputTokens: Int?
    /// What is done with longer ones.
    public var overlong = Overlong.truncate
    /// Inputs in one batch of the embedded backend, and in one request for an endpoint's vectors.
    public var batchSize = 32
    /// Batches or requests under way at once; nil for the backend's own choice.
    public var concurrency: Int?
    /// The most requests in a minute.
    public var requestsPerMinute: Int?
    /// The most tokens in a minute, read and written.
    public var tokensPerMinute: Int?
    /// Seconds that one request may take.
    public var timeout = 60.0
    /// How often a request is tried.
    public var attempts = 5
    /// Whether answers are streamed, so that a time-out or a stop frees the server.
    public var isStreamed = true
    /// Whether labels are read off the first token's probabilities where the server tells them.
    public var usesProbabilities = false
    /// The share of a dataset's inputs that may fail before its update does.
    public var maxFailures = 1.0
    /// Whether the procedural style may use the result store too.
    public var isReused = false
    /// What calls cost.
    public var price = Price()
    /// Where pipeline.yml declares it; nil for one that is there without being declared.
    public var location: SourceLocation?

    /// Creates a declaration with everything optional left out.
    public init(name: String, backend: Backend, model: String, location: SourceLocation? = nil) {
        self.name = name
        self.backend = backend
        self.model = model
        self.location = location
    }

    /// The models of a pipeline that declares none.
    public static let standard: [ModelDeclaration] = {
        var minilm = ModelDeclaration(name: "minilm", backend: .embedded, model: "minilm")
        minilm.functions = ["ai_embed", "ai_similarity", "ai_classify"]
        var sentiment = ModelDeclaration(name: "e5-small", backend: .embedded, model: "e5-small")
        sentiment.functions = ["ai_analyze_sentiment"]
        return [minilm, sentiment]
    }()
}
