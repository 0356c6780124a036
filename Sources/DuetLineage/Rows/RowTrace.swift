public import DuckKit
public import DuetEngine
public import DuetPipeline

/// Where rows come from, dataset by dataset, back to rows of source files.
public final class RowTrace {
    /// The traced rows of one dataset.
    public struct Step {
        /// The dataset.
        public var dataset: DatasetName
        /// The table of `row`, `id` and `context`: the number of the traced row, the identifier of this dataset's row and
        /// whether it only influenced the result; SQL.
        public var table: String
        /// How many rows of the dataset there are in it.
        public var rows: Int
        /// How many of them only influenced the result, as the other rows of a window do.
        public var contextRows: Int
    }

    /// A dataset all of whose rows count, because a query that reads it has no inverse.
    public struct Whole {
        /// The dataset or source.
        public var name: String
        /// Who reads it.
        public var reader: DatasetName
        /// Why its rows are not told apart.
        public var reason: String
    }

    /// The dataset whose rows are traced.
    public let target: DatasetName
    /// The steps, from the target back.
    public private(set) var steps: [Step] = []
    /// What is not told apart.
    public private(set) var wholes: [Whole] = []
    let work: RowWorkspace
    private var pairs: [DatasetName: [String]] = [:]

    /// Traces rows back.
    ///
    /// - Parameters:
    ///   - target: The dataset.
    ///   - condition: Which of its rows; SQL. Nil for all.
    ///   - limit: The most rows to trace; nil for all.
    ///   - pipeline: The pipeline, as it was when the rows were made.
    ///   - graph: Its datasets in order.
    ///   - style: Which warehouse it is.
    ///   - connection: A connection to the warehouse; it may be read-only. It gets temporary tables.
    /// - Throws: ``DuetError`` for an unknown dataset or a wrong condition, ``DuckDBError`` when a query fails.
    public init(
        _ target: DatasetName,
        where condition: String?,
        limit: Int?,
        pipeline: Pipeline,
        graph: DatasetGraph,
        style: Style,
        connection: Connection
    ) throws {
        self.target = target
        work = try RowWorkspace(pipeline, graph: graph, style: style, connection: connection)
        let rows = "row_number() OVER () AS row, false AS context, id"
        let chosen = try work.chosen(target, rows, where: condition, limit: limit)
        pairs[target] = ["SELECT row, context, id FROM \(chosen.name)"]
        for node in graph.nodes.reversed() where pairs[node.dataset.name] != nil { try settle(node) }
    }

    static func notThere(_ name: DatasetName, _ style: Style, _ pipeline: Pipeline) -> DuetError {
        if let dataset = pipeline.dataset(named: name), dataset.kind == .view {
            return DuetError(
                .unsupported,
                "'\(name)' is a view, which holds no rows that could be told apart",
                hint: "trace a table that reads it, or one that it reads"
            )
        }
        return DuetError(
            .unknownTable,
            "'\(name)' has not been made in the \(style.rawValue) style",
            hint: Suggestion.hint(
                for: name.description,
                among: pipeline.datasets.map(\.name.description),
                noun: "datasets"
            ) ?? "run the pipeline first: duet run"
        )
    }

    /// Gathers the rows of a dataset that its readers have found, and goes on to what it reads.
    private func settle(_ node: DatasetGraph.Node) throws {
        let name = node.dataset.name
        guard let store = work.store(name), let selects = pairs[name] else { return }
        let table = try work.table(
            "pairs",
            "SELECT row, bool_and(context) AS context, id FROM (\(selects.joined(separator: " UNION ALL "))) "
                + "GROUP BY row, id ORDER BY row, id"
        )
        // The target is told even when nothing of it is traced.
        guard table.rows > 0 || name == target else { return }
        let counts = try work.connection.rows(
            "SELECT count(*), count(*) FILTER (WHERE c) FROM "
                + "(SELECT id, bool_and(context) AS c FROM \(table.name) GROUP BY id)"
        ).first
        steps.append(
            Step(
                dataset: name,
                table: table.name,
                rows: counts?[0].int ?? 0,
                contextRows: counts?[1].int ?? 0
            )
        )
        guard !node.inputs.isEmpty, let query = try work.query(of: node.dataset) else { return }
        let list = store.columns.enumerated().map { ", s.\(SQL.identifier($0.element.name)) AS c\($0.offset)" }.joined()
        // Each row is looked for once, whatever it is looked for: who wants it is joined again behind.
        let wanted = try work.table(
            "wanted",
            "SELECT s.rowid AS row, false AS context\(list) FROM \(store.table) AS s "
                + "WHERE s.rowid IN (SELECT id FROM \(table.name))"
        )
        try BackwardTrace(
            work,
            work.relations(of: node.dataset),
            leaf: { [work] schema, table, identifier, restriction in
                guard let input = work.catalogue.dataset(schema, table)?.name, let store = work.store(input) else {
                    return nil
                }
                return store.select(identifier: identifier, restriction: restriction)
            },
            found: { [self] schema, relation, select in
                guard let input = work.catalogue.dataset(schema, relation)?.name else { return }
                pairs[input, default: []].append(
                    "SELECT p.row, p.context OR m.context AS context, m.id FROM \(table.name) AS p "
                        + "JOIN (\(select)) AS m ON m.row = p.id"
                )
            },
            whole: { [self] schema, table, reason in
                let input =
                    work.catalogue.dataset(schema, table)?.name.description
                    ?? work.catalogue.read(table, of: node.dataset).map { "source \($0.source)" }
                guard let input, !wholes.contains(where: { $0.name == input && $0.reader == name }) else { return }
                wholes.append(Whole(name: input, reader: name, reason: reason))
            }
        ).trace(query, RowScope(), WantedRows(name: wanted.name, types: store.columns.map(\.type), count: wanted.rows))
    }

    /// The number of traced rows of the target.
    public var count: Int { steps.first.map(\.rows) ?? 0 }

    /// The rows of a step with their identifiers, those that took part directly first.
    ///
    /// - Parameters:
    ///   - step: The step.
    ///   - row: The number of one traced row; nil for all.
    ///   - limit: The most rows.
    /// - Returns: Identifier, whether it is context only, and the values of the visible columns.
    /// - Throws: ``DuckDBError`` when they cannot be read.
    public func rows(
        of step: Step,
        for row: Int? = nil,
        limit: Int
    ) throws -> [(id: Int, isContext: Bool, values: [Value])] {
        guard let store = work.store(step.dataset) else { return [] }
        let filter = row.map { " WHERE row = \($0)" } ?? ""
        let select = """
            SELECT p.id, p.context, \(store.list()) FROM (
                SELECT id, bool_and(context) AS context FROM \(step.table)\(filter) GROUP BY id
                ORDER BY context, id LIMIT \(limit)
            ) AS p JOIN \(store.table) AS s ON s.rowid = p.id ORDER BY p.context, p.id
            """
        return try work.connection.rows(select).map { values in
            (values[0].int ?? 0, values[1].bool ?? false, Array(values.dropFirst(2)))
        }
    }

    /// The visible columns of a step's dataset.
    public func columns(of step: Step) -> [ColumnDescription] { work.store(step.dataset)?.columns ?? [] }
}
