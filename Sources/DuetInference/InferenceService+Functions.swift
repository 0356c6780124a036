public import DuckKit
internal import DuetPipeline

extension InferenceService {
    /// The SQL functions, to be registered with a database.
    public var functions: [ScalarFunction] {
        let text = LogicalType.varchar
        let labels = LogicalType.list(.varchar)
        return [
            function(.classify, [[text, labels], [text, labels, text]], text, answer: classify),
            function(.analyzeSentiment, [[text], [text, text]], text, answer: analyzeSentiment),
            function(.embed, [[text], [text, text]], .list(.float), answer: embed),
            function(.similarity, [[text, text], [text, text, text]], .double, answer: similarity),
            function(.query, [[text, text], [text, text, text]], text, answer: query),
            function(
                .extract,
                [[text, labels], [text, labels, text]],
                .map(key: text, value: text),
                answer: extract
            ),
            function(.summarize, [[text], [text, .integer], [text, .integer, text]], text, answer: summarize),
            function(.translate, [[text, text], [text, text, text]], text, answer: translate),
        ].flatMap { $0 }
    }

    private typealias Answering = @Sendable (Rows) throws -> FunctionResult

    private func function(
        _ function: InferenceFunction,
        _ overloads: [[LogicalType]],
        _ result: LogicalType,
        answer: @escaping @Sendable (Rows) throws -> FunctionResult
    ) -> [ScalarFunction] {
        overloads.map { parameters in
            ScalarFunction(
                name: function.rawValue,
                parameters: parameters,
                result: result,
                // A call moved before a condition would be paid for rows that the condition keeps out.
                isCostly: true
            ) { [self] call in
                let meter = meter(of: call.connection)
                // After the first error the statement is over, but other threads may be in the middle of it.
                if let error = meter.error { throw error }
                do {
                    return try answer(Rows(function: function, call: call, types: parameters, meter: meter))
                } catch let error as DuetError {
                    meter.stop(error)
                    throw error
                }
            }
        }
    }

    // MARK: - The functions

    private func classify(_ rows: Rows) throws -> FunctionResult {
        let labels = rows.labels(1)
        for list in labels {
            guard let list, list.count < 2 else { continue }
            throw DuetError(
                .unknownModel,
                "ai_classify needs at least two labels to choose from",
                hint: "write ai_classify(text, ['one label', 'another'])"
            )
        }
        return .strings(try choose(rows, among: labels, model: rows.models(2)))
    }

    private func analyzeSentiment(_ rows: Rows) throws -> FunctionResult {
        let models = rows.models(1)
        var sentiments: [String?: [String]] = [:]
        for name in Set(models) {
            let declaration = try declaration(rows.function, named: name)
            sentiments[name] =
                declaration.backend == .embedded ? try embeddedModel(declaration).sentiments : Prototypes.sentiment
        }
        return .strings(try choose(rows, among: models.map { sentiments[$0] }, model: models))
    }

    private func choose(_ rows: Rows, among labels: [[String]?], model: [String?]) throws -> [String?] {
        let content = rows.texts(0)
        return try byModel(rows, model, .embedded) { declaration, indices in
            let model = try embeddedModel(declaration)
            let answers = try vectors(of: indices.compactMap { content[$0] }, declaration, rows.meter)
            return try indices.map { row in
                guard let text = content[row], let labels = labels[row] else { return nil }
                guard let vector = answers[text]?.vector else {
                    return mark(answers[text], model.key(of: text), text, rows)
                }
                if options.mode == .count { return labels.first }
                return try model.label(of: vector, among: labels)
            }
        } endpoint: { declaration, indices in
            let model = try endpointModel(declaration)
            return try texts(rows, declaration, indices) { row in
                guard let text = content[row], let labels = labels[row] else { return nil }
                return model.request(
                    rows.function,
                    content: text,
                    labels: labels,
                    schema: EndpointModel.labelSchema(labels)
                )
            }
        }
    }

    private func embed(_ rows: Rows) throws -> FunctionResult {
        let content = rows.texts(0)
        let vectors = try byModel(rows, rows.models(1), .embedded) { declaration, indices in
            try self.vectors(rows, content, declaration, indices)
        } endpoint: { declaration, indices in
            try self.vectors(rows, content, declaration, indices)
        }
        return .floatLists(vectors)
    }

    private func similarity(_ rows: Rows) throws -> FunctionResult {
        let a = rows.texts(0)
        let b = rows.texts(1)
        let answer = { (declaration: ModelDeclaration, indices: [Int]) throws -> [Double?] in
            // Both sides in one go, so that equal texts on either are inferred once.
            let both = indices.filter { a[$0] != nil && b[$0] != nil }
            let content = both.map { a[$0] } + both.map { b[$0] }
            let vectors = try self.vectors(rows, content, declaration, Array(content.indices))
            var cosines: [Int: Double] = [:]
            for (place, row) in both.enumerated() {
                guard let one = vectors[place], let other = vectors[place + both.count] else { continue }
                var sum = 0.0
                for (x, y) in zip(one, other) { sum += Double(x) * Double(y) }
                cosines[row] = sum
            }
            return indices.map { cosines[$0] }
        }
        return .doubles(try byModel(rows, rows.models(2), .embedded, embedded: answer, endpoint: answer))
    }

    private func query(_ rows: Rows) throws -> FunctionResult {
        let content = rows.texts(1)
        let formats = rows.count > 2 ? rows.texts(2) : rows.texts(1).map { _ in nil }
        return .strings(
            try writing(rows, rows.models(0)) { model, row in
                guard let text = content[row] else { return nil }
                return model.request(.query, content: text, schema: try formats[row].map(Self.schema))
            }
        )
    }

    private func extract(_ rows: Rows) throws -> FunctionResult {
        let content = rows.texts(0)
        let labels = rows.labels(1)
        let answers = try writing(rows, rows.models(2)) { model, row in
            guard let text = content[row], let labels = labels[row] else { return nil }
            return model.request(
                .extract,
                content: text,
                labels: labels,
                schema: EndpointModel.extractionSchema(labels)
            )
        }
        return .maps(
            try answers.map { answer in
                guard let answer else { return nil }
                guard !answer.hasPrefix(InferenceFunction.failureMark) else {
                    return [(key: InferenceFunction.failureMark, value: answer)]
                }
                return try (JSONValue(parsing: answer).object?.members ?? []).map { ($0.key, $0.value.string) }
            }
        )
    }

    private func summarize(_ rows: Rows) throws -> FunctionResult {
        let content = rows.texts(0)
        let words = try rows.numbers(1)
        return .strings(
            try writing(rows, rows.models(2)) { model, row in
                content[row].map {
                    model.request(.summarize, content: $0, values: ["max_words": "\(words[row] ?? 50)"])
                }
            }
        )
    }

    private func translate(_ rows: Rows) throws -> FunctionResult {
        let content = rows.texts(0)
        let languages = rows.texts(1)
        return .strings(
            try writing(rows, rows.models(2)) { model, row in
                guard let text = content[row], let language = languages[row] else { return nil }
                return model.request(.translate, content: text, values: ["language": language])
            }
        )
    }

    /// The schema that a `responseFormat` asks for: `json_object`, a JSON schema, or the protocol's own object.
    private static func schema(_ format: String) throws -> JSONValue {
        if format == "json_object" { return "json_object" }
        do {
            let value = try JSONValue(parsing: format)
            return value["json_schema"]?["schema"] ?? value["schema"] ?? value
        } catch {
            throw DuetError(
                .wrongValue,
                "the response format '\(format.prefix(60))' is neither 'json_object' nor a JSON schema",
                hint: "write for example '{\"type\": \"object\", \"properties\": {\"year\": {\"type\": \"integer\"}}}'"
            )
        }
    }
}
