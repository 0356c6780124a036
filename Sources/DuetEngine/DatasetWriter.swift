package import DuckKit
package import DuetEvents
package import DuetInference
package import DuetPipeline

/// Makes a dataset anew from its query, as the procedural style does at every run.
package struct DatasetWriter {
    private let connection: Connection
    private let pipeline: Pipeline
    private let meter: InferenceMeter?

    /// Writes over a connection; a meter tells which calls of models have no answer.
    package init(_ connection: Connection, pipeline: Pipeline, meter: InferenceMeter? = nil) {
        self.connection = connection
        self.meter = meter
        self.pipeline = pipeline
    }

    /// Replaces a dataset's table by its query's rows, held to its expectations, in one transaction.
    ///
    /// - Parameters:
    ///   - dataset: The dataset.
    ///   - files: The files of each source.
    ///   - measures: Filled with rows, counts and statements.
    /// - Throws: ``DuetError`` when the query fails or a rule with FAIL UPDATE is violated; the table is then as it was.
    package func replace(
        _ dataset: Dataset,
        files: [String: [LandedFile]],
        measures: inout StepMeasures
    ) throws {
        do {
            try write(dataset, files: files, measures: &measures)
        } catch {
            throw ColumnCheck(dataset, connection).explained(error, pipeline: pipeline, files: files)
        }
    }

    private func write(
        _ dataset: Dataset,
        files: [String: [LandedFile]],
        measures: inout StepMeasures
    ) throws {
        guard let query = try DerivedQuery.query(of: dataset, connection) else { return }
        let name = SQL.qualified(dataset.name.schema, dataset.name.table)
        measures.strategy = .full
        measures.reason = "a procedural run reprocesses everything"
        measures.definition = dataset.definitionVersion
        try connection.transaction {
            try FileViews(connection, pipeline: pipeline).create(for: dataset, files: files, measures: &measures)
            try dropOtherKind(of: dataset)
            try ColumnCheck(dataset, connection).check(query)
            if let capture = dataset.capture, let events = dataset.flows.first?.query.text {
                try CaptureQuery(capture, events: events, dataset: dataset.name, connection).check(connection)
            }
            let check = ExpectationCheck(dataset)
            guard dataset.kind != .view else {
                let rows = "(\(query.text.text)\n)"
                let select = check.keepCondition.map { "SELECT * FROM \(rows) WHERE \($0)" } ?? query.text.text
                try run("CREATE OR REPLACE VIEW \(name) AS \(select)", dataset, query.text, &measures)
                try DatasetComments.write(dataset, isView: true, connection)
                if !check.isEmpty { measures.expectations = try check.count(connection, relation: rows).counts }
                return try holdTogether(dataset, name, &measures)
            }
            try run("CREATE OR REPLACE TABLE \(name) AS \(query.text.text)", dataset, query.text, &measures)
            try DatasetComments.write(dataset, isView: false, connection)
            if let meter { try InferenceCheck.check(meter, dataset, relation: name, connection) }
            let (rows, counts) = try check.count(connection, relation: name)
            measures.expectations = counts
            measures.rowsTotal = rows
            if let keep = check.keepCondition {
                measures.rowsTotal = rows - (try quarantine(dataset, name: name, keep: keep, counts, &measures))
            }
            measures.rowsInserted = measures.rowsTotal ?? rows
            measures.rowsDropped = rows - measures.rowsInserted
            try holdTogether(dataset, name, &measures)
        }
    }

    /// Holds the rows that readers see to the rules about all of them.
    private func holdTogether(_ dataset: Dataset, _ name: String, _ measures: inout StepMeasures) throws {
        guard !dataset.tableChecks.isEmpty else { return }
        let rows = try connection.scalar("SELECT count(*) FROM \(name)").int ?? 0
        measures.expectations += try TableCheckCount(dataset, connection, relation: name).counts(rows: rows)
    }

    /// Moves rows that a DROP ROW rule keeps out into the quarantine.
    private func quarantine(
        _ dataset: Dataset,
        name: String,
        keep: String,
        _ counts: [StepMeasures.ExpectationCount],
        _ measures: inout StepMeasures
    ) throws -> Int {
        let table = SQL.qualified(WarehouseState.quarantine, dataset.name.description)
        let failed = ExpectationCheck(dataset).failedConstraints
        let isClean = counts.allSatisfy { $0.action != .drop || $0.failed == 0 }
        let statements =
            isClean
            ? [
                "CREATE OR REPLACE TABLE \(table) AS SELECT *, NULL::VARCHAR[] AS failed_constraints FROM \(name) LIMIT 0"
            ]
            : [
                "CREATE OR REPLACE TABLE \(table) AS SELECT *, \(failed) AS failed_constraints "
                    + "FROM \(name) WHERE NOT (\(keep))",
                "DELETE FROM \(name) WHERE NOT (\(keep))",
            ]
        var removed = 0
        for statement in statements {
            measures.statements.append(statement)
            removed = try connection.execute(statement)
        }
        return isClean ? 0 : removed
    }

    private func run(
        _ sql: String,
        _ dataset: Dataset,
        _ text: MappedText,
        _ measures: inout StepMeasures
    ) throws {
        do {
            try measures.time(sql) { _ = try connection.execute(sql) }
        } catch let error as DuckDBError {
            throw ErrorTranslation.error(error, dataset: dataset.name, text: text, names: names)
        }
    }

    private var names: [String] { pipeline.datasets.map(\.name.description) }

    /// CREATE OR REPLACE does not turn a view into a table or back.
    private func dropOtherKind(of dataset: Dataset) throws {
        let isView = try connection.scalar(
            "SELECT count(*) FROM duckdb_views() WHERE NOT internal AND lower(schema_name) = lower(?) "
                + "AND lower(view_name) = lower(?)",
            [.varchar(dataset.name.schema), .varchar(dataset.name.table)]
        )
        let name = SQL.qualified(dataset.name.schema, dataset.name.table)
        if dataset.kind == .view {
            if isView.int == 0 { try connection.execute("DROP TABLE IF EXISTS \(name)") }
        } else if isView.int ?? 0 > 0 {
            try connection.execute("DROP VIEW \(name)")
        }
    }
}
