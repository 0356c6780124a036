/// The SQL functions that ask a model; named as Databricks names them.
public enum InferenceFunction: String, Sendable, Hashable, CaseIterable {
    /// `ai_classify(content, labels [, model])`: one of the labels.
    case classify = "ai_classify"
    /// `ai_analyze_sentiment(content [, model])`: positive, negative, neutral or mixed.
    case analyzeSentiment = "ai_analyze_sentiment"
    /// `ai_embed(content [, model])`: a vector.
    case embed = "ai_embed"
    /// `ai_similarity(a, b [, model])`: the cosine of two texts' vectors.
    case similarity = "ai_similarity"
    /// `ai_query(model, request [, responseFormat])`: the model's answer.
    case query = "ai_query"
    /// `ai_extract(content, labels [, model])`: what the text says for each label.
    case extract = "ai_extract"
    /// `ai_summarize(content [, max_words [, model]])`: a short form.
    case summarize = "ai_summarize"
    /// `ai_translate(content, to_language [, model])`: the text in another language.
    case translate = "ai_translate"

    /// The place of the argument that names the model, from 0; one that is not there leaves it to `models:`.
    var modelArgument: Int {
        switch self {
        case .query: 0
        case .analyzeSentiment, .embed: 1
        case .classify, .similarity, .extract, .translate, .summarize: 2
        }
    }

    /// Whether the embedded backend can answer it.
    public var isEmbeddable: Bool {
        switch self {
        case .classify, .analyzeSentiment, .embed, .similarity: true
        case .query, .extract, .summarize, .translate: false
        }
    }

    /// What a column of its results is tested with for a row that has none; `column` is quoted.
    func isAnswered(_ column: String) -> String {
        switch self {
        case .embed: "NOT coalesce(isnan(\(column)[1]), false)"
        case .similarity: "NOT coalesce(isnan(\(column)), false)"
        case .extract: "NOT coalesce(map_contains(\(column), \(Self.quotedMark)), false)"
        default: "NOT coalesce(starts_with(\(column), \(Self.quotedMark)), false)"
        }
    }

    /// What the text of a row without an answer begins with; behind it stand the failure's number and the error.
    ///
    /// It begins with a character that no text from a file should have.
    public static let failureMark = "\u{1}ai-failed "

    private static let quotedMark = "chr(1) || 'ai-failed '"
}

/// One call of a model in a query.
public struct InferenceCall: Hashable, Sendable {
    /// The function.
    public var function: InferenceFunction
    /// The model it names; nil when it leaves that to `models:`.
    public var model: String?
    /// Whether it names its model by something other than a constant, which cannot be planned with.
    public var hasComputedModel = false
    /// The place in the query's text, in UTF-8; nil when DuckDB does not tell.
    public var offset: Int?

    /// Reads a call off a node of DuckDB's syntax tree; nil for any other node.
    package init?(node: JSONObject) {
        guard let name = node["function_name"]?.string?.lowercased(), let function = InferenceFunction(rawValue: name)
        else { return nil }
        self.function = function
        offset = node["query_location"]?.integer
        let arguments = node["children"]?.array ?? []
        guard arguments.indices.contains(function.modelArgument) else { return }
        let argument = arguments[function.modelArgument]
        guard argument["class"]?.string == "CONSTANT", let value = argument["value"] else {
            hasComputedModel = true
            return
        }
        // ai_summarize's third argument is the model, and its second may be too when it is text.
        model = value["value"]?.string
    }

    init(function: InferenceFunction, model: String?) {
        self.function = function
        self.model = model
    }
}

/// A column of a query's result that holds a call's answers as they are.
public struct InferenceColumn: Hashable, Sendable {
    /// The column.
    public var name: String
    /// The function whose answers it holds.
    public var function: InferenceFunction

    /// The condition that a row's answer is one, in SQL.
    public var condition: String {
        function.isAnswered(
            "\"\(name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
        )
    }
}
