package import DuckKit
package import DuetInference
public import DuetPipeline

/// Connects the calls of models in queries with the models that are declared.
enum InferencePlanning {
    /// Notes in every dataset which models it calls, in which version, and which of its columns hold their answers.
    ///
    /// - Parameters:
    ///   - datasets: The datasets.
    ///   - shapes: What their queries call.
    ///   - inference: Knows the models.
    ///   - errors: Added to: calls of models that are not declared, or whose files are missing.
    static func note(
        in datasets: inout [Dataset],
        shapes: [DatasetName: QueryShape],
        inference: InferenceService,
        errors: inout [DuetError]
    ) {
        for index in datasets.indices {
            guard let shape = shapes[datasets[index].name], !shape.inferences.isEmpty else { continue }
            var versions: Set<String> = []
            for call in shape.inferences {
                do {
                    versions.insert(try version(of: call, inference))
                } catch {
                    errors.append(located(error, call, datasets[index]))
                }
            }
            datasets[index].models = versions.sorted().joined(separator: "\n")
            guard datasets[index].kind != .view, !shape.inferenceColumns.isEmpty else { continue }
            datasets[index].inferenceColumns = shape.inferenceColumns
            datasets[index].expectations.append(expectation(shape.inferenceColumns, datasets[index]))
        }
    }

    private static func version(of call: InferenceCall, _ inference: InferenceService) throws(DuetError) -> String {
        guard !call.hasComputedModel else {
            throw DuetError(
                .unknownModel,
                "\(call.function.rawValue) must name its model by a text that stands in the query",
                hint: "write the model's name in quotes, so that a change of the model is seen"
            )
        }
        do {
            return try inference.identity(of: call)
        } catch let error as DuetError {
            throw error
        } catch {
            throw DuetError(.internalFault, "\(error)")
        }
    }

    private static func located(_ error: DuetError, _ call: InferenceCall, _ dataset: Dataset) -> DuetError {
        guard error.location == nil, let text = dataset.flows.first?.query.text else { return error }
        return text.error(
            error.code,
            "\(error.message) (in '\(dataset.name)')",
            hint: error.hint,
            at: call.offset ?? 0,
            cause: error.cause
        )
    }

    /// The rule that keeps rows without an answer out, and in the quarantine.
    private static func expectation(_ columns: [InferenceColumn], _ dataset: Dataset) -> Expectation {
        var condition = MappedText(file: SourceFile(path: dataset.location.file, text: ""))
        condition.insert(columns.map { "(\($0.condition))" }.joined(separator: " AND "), for: 0)
        return Expectation(
            name: Expectation.inferenceName,
            condition: condition,
            action: .drop,
            location: dataset.location
        )
    }
}

extension Expectation {
    /// The rule that a dataset with answers of models has besides its own: every answer is one.
    public static let inferenceName = "has_answer"
}

/// Holds what a step's calls failed with against the rows it made.
package enum InferenceCheck {
    /// Throws when an input has no answer and no row tells of it: what was computed from the missing answer would pass as
    /// a result.
    ///
    /// - Parameters:
    ///   - meter: The step's calls.
    ///   - dataset: The dataset.
    ///   - relation: Its rows, those to be quarantined included; SQL.
    ///   - connection: The connection.
    ///   - before: A connection that sees the rows as they were, for rows that were asked about to be taken back.
    /// - Throws: ``DuetError`` with `INFERENCE_FAILED`.
    package static func check(
        _ meter: InferenceMeter,
        _ dataset: Dataset,
        relation: String,
        _ connection: Connection,
        before: () throws -> Connection? = { nil }
    ) throws {
        var lost = try untold(meter.failures, dataset, relation: relation, connection)
        if !lost.isEmpty, let before = try before() {
            lost = try untold(lost, dataset, relation: relation, before)
        }
        guard let lost = lost.first else { return }
        throw DuetError(
            .inferenceFailed,
            "\(lost.function.rawValue) has no answer for '\(lost.input)': \(lost.error) (in '\(dataset.name)')",
            hint:
                "where the call is a column of its own (\(lost.function.rawValue)(…) AS name) its row is quarantined; "
                + "here something is computed from the answer, or the row is left out because of it",
            at: dataset.location
        )
    }

    /// The failures that no row of a relation tells of.
    private static func untold(
        _ failures: [InferenceMeter.Failure],
        _ dataset: Dataset,
        relation: String,
        _ connection: Connection
    ) throws -> [InferenceMeter.Failure] {
        guard !failures.isEmpty else { return [] }
        var told: Set<String> = []
        var silent: Set<InferenceFunction> = []
        for column in dataset.inferenceColumns {
            let unanswered = "NOT (\(column.condition))"
            switch column.function {
            case .embed, .similarity, .extract:
                // These cannot carry a number; that a row has none is all that can be seen.
                let rows = try connection.scalar("SELECT count(*) FROM \(relation) WHERE \(unanswered)").int ?? 0
                if rows > 0 { silent.insert(column.function) }
            default:
                let name = SQL.identifier(column.name)
                let start = InferenceFunction.failureMark.count + 1
                let rows = try connection.rows(
                    "SELECT DISTINCT split_part(substr(\(name), \(start)), ':', 1) FROM \(relation) WHERE \(unanswered)"
                )
                told.formUnion(rows.compactMap { $0.first?.string })
            }
        }
        return failures.filter { !told.contains($0.number) && !silent.contains($0.function) }
    }
}
