public import DuckKit
public import DuetInference
public import DuetPipeline

/// Finds out what the queries of a pipeline read, with DuckDB's own parser.
public enum QueryAnalysis {
    /// Parses every dataset's query and connects the datasets.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - connection: A connection to parse with.
    ///   - isWarehouse: Whether the connection's database keeps parsed queries, so that the same text is parsed only once.
    ///   - mayWrite: Whether newly parsed queries are kept there.
    ///   - inference: Knows the models that queries call; with it the datasets note which they call, in which version.
    /// - Returns: The graph.
    /// - Throws: ``DuetErrors`` with every syntax error, unknown name and cycle.
    public static func graph(
        of pipeline: Pipeline,
        connection: Connection,
        isWarehouse: Bool = false,
        mayWrite: Bool = true,
        inference: InferenceService? = nil
    ) throws -> DatasetGraph {
        var errors: [DuetError] = []
        var shapes: [DatasetName: QueryShape] = [:]
        let kept = isWarehouse ? try keptShapes(connection) : [:]
        var parsed: [(query: String, shape: QueryShape)] = []
        for dataset in pipeline.datasets {
            guard let query = dataset.flows.first?.query else { continue }
            if let shape = kept[query.text.text] {
                shapes[dataset.name] = shape
                continue
            }
            do {
                let shape = QueryShape(syntaxTree: try tree(of: query.text.text, connection))
                shapes[dataset.name] = shape
                parsed.append((query.text.text, shape))
            } catch let error as DuckDBError {
                errors.append(syntaxError(error, in: query.text, dataset: dataset.name))
            }
        }
        var pipeline = pipeline
        if let inference {
            InferencePlanning.note(in: &pipeline.datasets, shapes: shapes, inference: inference, errors: &errors)
        }
        guard errors.isEmpty else { throw DuetErrors(errors) }
        let graph = try DatasetGraph(pipeline, shapes: shapes)
        if isWarehouse, mayWrite, !parsed.isEmpty { try keep(parsed, connection) }
        return graph
    }

    /// A query's syntax tree.
    package static func tree(of query: String, _ connection: Connection) throws -> JSONValue {
        try tree(read: try connection.syntaxTree(of: query))
    }

    /// A syntax tree from its text.
    package static func tree(read text: String) throws -> JSONValue {
        do {
            return try JSONValue(parsing: text)
        } catch {
            throw DuetError(.internalFault, "DuckDB's syntax tree cannot be read", cause: "\(error)")
        }
    }

    private static func syntaxError(_ error: DuckDBError, in text: MappedText, dataset: DatasetName) -> DuetError {
        let message = "\(ErrorTranslation.firstLine(error.message)) (in '\(dataset)')"
        if error.message.contains("Only SELECT statements") {
            return text.error(
                .sqlSyntax,
                "the query of '\(dataset)' is not a SELECT that can be analysed",
                hint: "write SELECT ... (PIVOT statements are not supported; conditional aggregates do the same)",
                at: 0
            )
        }
        let offset = error.position ?? 0
        return text.error(.sqlSyntax, message, hint: SpellingHint.hint(for: error, in: text, at: offset), at: offset)
    }

    private static func keptShapes(_ connection: Connection) throws -> [String: QueryShape] {
        var shapes: [String: QueryShape] = [:]
        for row in try connection.rows("SELECT query, tree FROM duet.shapes") {
            guard let query = row[0].string, let text = row[1].string else { continue }
            do {
                shapes[query] = QueryShape(json: try JSONValue(parsing: text))
            } catch {
                // A shape that cannot be read is found again from the query itself.
                continue
            }
        }
        return shapes
    }

    private static func keep(_ parsed: [(query: String, shape: QueryShape)], _ connection: Connection) throws {
        try connection.transaction {
            for (query, shape) in parsed {
                try connection.execute(
                    "INSERT INTO duet.shapes VALUES (?, ?)",
                    [.varchar(query), .varchar(shape.json.text())]
                )
            }
        }
    }
}

extension Pipeline {
    /// The pipeline with its datasets as the graph has them, which knows more of them.
    func taking(_ graph: DatasetGraph) -> Pipeline {
        var pipeline = self
        pipeline.datasets = pipeline.datasets.map { graph[$0.name]?.dataset ?? $0 }
        return pipeline
    }
}
