/// Reads `models:` of pipeline.yml.
struct ModelReader {
    let parameters: Parameters

    func models(_ value: YAMLValue) throws(DuetError) -> [ModelDeclaration] {
        var models: [ModelDeclaration] = []
        for (name, declaration) in try value.mapping("models") {
            let model = try model(name, declaration)
            for function in model.functions.sorted() {
                guard let other = models.first(where: { $0.functions.contains(function) }) else { continue }
                throw declaration.error(
                    .duplicateName,
                    "the models '\(other.name)' and '\(name)' both want to answer \(function)",
                    hint: "list the function with one of them; calls may still name the other"
                )
            }
            models.append(model)
        }
        return models
    }

    private static let keys = [
        "backend", "model", "functions", "head", "prototypes", "url", "api", "resource", "api_version", "key_env",
        "prompts", "parameters", "max_tokens", "max_input_tokens", "too_long", "batch_size", "concurrency",
        "requests_per_minute", "tokens_per_minute", "timeout", "attempts", "stream", "probabilities", "max_failures",
        "reuse", "price",
    ]

    private func model(_ name: String, _ value: YAMLValue) throws(DuetError) -> ModelDeclaration {
        let what = "model '\(name)'"
        var model = ModelDeclaration(name: name, backend: .embedded, model: name, location: value.location)
        for (key, member) in try value.mapping(what, known: Self.keys) {
            let of = "\(key) of \(what)"
            switch key {
            case "backend": model.backend = try backend(member, of)
            case "model": model.model = try text(member, of)
            case "functions": model.functions = try functions(member, of)
            case "head": model.head = try text(member, of)
            case "prototypes":
                for (label, texts) in try member.mapping(of) {
                    var list: [String] = []
                    for item in try texts.sequence("the texts of '\(label)'") {
                        list.append(try text(item, "a text of '\(label)'"))
                    }
                    model.prototypes[label] = list
                }
            case "url": model.url = try text(member, of)
            case "api": model.dialect = try member.choice(of)
            case "resource": model.resource = try member.choice(of)
            case "api_version": model.apiVersion = try text(member, of)
            case "key_env": model.keyVariable = try text(member, of)
            case "prompts":
                for (function, path) in try member.mapping(of, known: InferenceFunction.allCases.map(\.rawValue)) {
                    model.prompts[function] = try text(path, "the prompt for \(function)")
                }
            case "parameters":
                for (parameter, setting) in try member.mapping(of) {
                    model.parameters[parameter] = json(try text(setting, "parameter '\(parameter)'"))
                }
            case "price": model.price = try price(member, of)
            default: try readLimit(key, member, of, into: &model)
            }
        }
        guard model.backend == .embedded || model.url != nil else {
            throw value.error(
                .missingKey,
                "\(what) is an endpoint without a 'url'",
                hint: "add the server's base, for example url: http://127.0.0.1:8080/v1"
            )
        }
        let vectors: Set = [InferenceFunction.embed.rawValue, InferenceFunction.similarity.rawValue]
        if model.backend == .endpoint, model.overlong == .split, !model.functions.isSubset(of: vectors) {
            throw value.error(
                .wrongValue,
                "\(what) is an endpoint whose texts cannot be split: only vectors of pieces can be put together",
                hint: "too_long: truncate reads the beginning, too_long: quarantine keeps the row out"
            )
        }
        if model.backend == .embedded, let function = model.functions.sorted().first(where: Self.needsEndpoint) {
            throw value.error(
                .wrongValue,
                "\(what) is embedded and cannot answer \(function), which writes text",
                hint: "declare a model with backend: endpoint for it"
            )
        }
        return model
    }

    private static func needsEndpoint(_ function: String) -> Bool {
        InferenceFunction(rawValue: function)?.isEmbeddable == false
    }

    private func readLimit(
        _ key: String,
        _ member: YAMLValue,
        _ of: String,
        into model: inout ModelDeclaration
    ) throws(DuetError) {
        switch key {
        case "max_tokens": model.maxTokens = try count(member, of)
        case "max_input_tokens": model.maxInputTokens = try count(member, of)
        case "too_long": model.overlong = try member.choice(of)
        case "batch_size": model.batchSize = try count(member, of)
        case "concurrency": model.concurrency = try count(member, of)
        case "requests_per_minute": model.requestsPerMinute = try count(member, of)
        case "tokens_per_minute": model.tokensPerMinute = try count(member, of)
        case "timeout": model.timeout = try number(member, of, in: 0.001...86_400)
        case "attempts": model.attempts = try count(member, of)
        case "stream": model.isStreamed = try flag(member, of)
        case "probabilities": model.usesProbabilities = try flag(member, of)
        case "max_failures": model.maxFailures = try number(member, of, in: 0...1)
        default: model.isReused = try flag(member, of)
        }
    }

    private func price(_ value: YAMLValue, _ what: String) throws(DuetError) -> ModelDeclaration.Price {
        var price = ModelDeclaration.Price()
        for (key, member) in try value.mapping(what, known: ["input", "output", "call", "currency"]) {
            switch key {
            case "input": price.input = try number(member, key, in: 0...1_000_000)
            case "output": price.output = try number(member, key, in: 0...1_000_000)
            case "call": price.call = try number(member, key, in: 0...1_000_000)
            default: price.currency = try text(member, key)
            }
        }
        return price
    }

    private func functions(_ value: YAMLValue, _ what: String) throws(DuetError) -> Set<String> {
        var functions: Set<String> = []
        let known = InferenceFunction.allCases.map(\.rawValue)
        for item in try value.sequence(what) {
            let name = try item.string("a function").lowercased()
            guard known.contains(name) else {
                throw item.error(
                    .wrongValue,
                    "there is no function '\(name)'",
                    hint: Suggestion.hint(for: name, among: known, noun: "functions")
                )
            }
            functions.insert(name)
        }
        return functions
    }

    private func backend(_ value: YAMLValue, _ what: String) throws(DuetError) -> ModelDeclaration.Backend {
        let text = try text(value, what)
        if let backend = ModelDeclaration.Backend(rawValue: text) { return backend }
        let known = ModelDeclaration.Backend.allCases.map(\.rawValue)
        throw value.error(
            .wrongValue,
            "\(what) must be one of \(known.joined(separator: ", ")); found '\(text)'",
            hint: Suggestion.nearest(to: text, among: known).map { "did you mean '\($0)'?" }
        )
    }

    private func text(_ value: YAMLValue, _ what: String) throws(DuetError) -> String {
        let location = value.location
        return try parameters.fill(try value.string(what)) { _ in location }
    }

    private func count(_ value: YAMLValue, _ what: String) throws(DuetError) -> Int {
        let text = try text(value, what)
        guard let count = Int(text), count > 0 else {
            throw value.error(.wrongValue, "\(what) must be a whole number above 0, found '\(text)'")
        }
        return count
    }

    private func number(_ value: YAMLValue, _ what: String, in range: ClosedRange<Double>) throws(DuetError) -> Double {
        let text = try text(value, what)
        guard let number = Double(text), range.contains(number) else {
            throw value.error(
                .wrongValue,
                "\(what) must be a number from \(range.lowerBound) to \(range.upperBound), found '\(text)'"
            )
        }
        return number
    }

    private func flag(_ value: YAMLValue, _ what: String) throws(DuetError) -> Bool {
        switch try text(value, what).lowercased() {
        case "true", "yes": return true
        case "false", "no": return false
        case let other: throw value.error(.wrongValue, "\(what) must be true or false, found '\(other)'")
        }
    }

    /// A number, a truth value or else a text.
    private func json(_ text: String) -> JSONValue {
        if let number = Int64(text) { return .integer(number) }
        if let number = Double(text) { return .double(number) }
        switch text {
        case "true": return .bool(true)
        case "false": return .bool(false)
        default: return .string(text)
        }
    }
}
