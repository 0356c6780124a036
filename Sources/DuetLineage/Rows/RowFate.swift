public import DuckKit
public import DuetEngine
public import DuetPipeline

/// What rows of a dataset have become, dataset by dataset, forward to the last.
public final class RowFate {
    /// How rows fared in one reader of a dataset.
    public struct Step {
        /// The dataset that was read.
        public var from: DatasetName
        /// The reader.
        public var dataset: DatasetName
        /// How many of the rows that got as far as `from` took part in rows of this dataset.
        public var taken: Int
        /// How many did, but the rows they became were kept out, by constraint.
        public var quarantined: [String: Int]
        /// How many took no part: its conditions or joins left them out, or others have taken their place.
        public var left: Int
        /// How many rows of this dataset they became.
        public var rows: Int
        /// What is lacking where the reader's query has no rule; nil when it has one.
        public var unknown: String?
    }

    /// The dataset whose rows are followed.
    public let origin: DatasetName
    /// How many rows that are.
    public private(set) var count = 0
    /// Of them, those that were kept out of the dataset itself, by constraint.
    public private(set) var quarantined: [String: Int] = [:]
    /// The steps, in the order of the datasets.
    public private(set) var steps: [Step] = []
    /// For each dataset reached, the table of `row` and `id`; SQL.
    public private(set) var tables: [DatasetName: String] = [:]
    let work: RowWorkspace

    /// Follows rows.
    ///
    /// - Parameters:
    ///   - origin: The dataset.
    ///   - condition: Which of its rows, those that were kept out included; SQL. Nil for all.
    ///   - limit: The most rows to follow; nil for all.
    ///   - pipeline: The pipeline, as it was when the rows were made.
    ///   - graph: Its datasets in order.
    ///   - style: Which warehouse it is.
    ///   - connection: A connection to the warehouse; it may be read-only. It gets temporary tables.
    /// - Throws: ``DuetError`` for an unknown dataset or a wrong condition, ``DuckDBError`` when a query fails.
    public init(
        _ origin: DatasetName,
        where condition: String?,
        limit: Int?,
        pipeline: Pipeline,
        graph: DatasetGraph,
        style: Style,
        connection: Connection
    ) throws {
        self.origin = origin
        work = try RowWorkspace(pipeline, graph: graph, style: style, connection: connection)
        let chosen = try work.chosen(origin, "id AS row, id", where: condition, limit: limit)
        tables[origin] = chosen.name
        count = chosen.rows
        if let store = work.store(origin) {
            quarantined = try Quarantine(store: store, connection: connection).counts(where: condition ?? "true")
        }
        for node in graph.nodes { try follow(node) }
    }

    /// The tables that a dataset reads, through views.
    private func inputs(of node: DatasetGraph.Node) -> [DatasetName] {
        var found: [DatasetName] = []
        for input in node.inputs {
            guard let inner = work.graph[input], inner.dataset.kind == .view else {
                if !found.contains(input) { found.append(input) }
                continue
            }
            for name in inputs(of: inner) where !found.contains(name) { found.append(name) }
        }
        return found
    }

    /// Goes on to one reader.
    private func follow(_ node: DatasetGraph.Node) throws {
        let name = node.dataset.name
        // A view has no rows of its own: what reads it looks through it.
        let reached = inputs(of: node).compactMap { input in tables[input].map { (input, $0) } }
        guard !reached.isEmpty, let store = work.store(name), let query = try work.query(of: node.dataset) else {
            return
        }
        for (input, before) in reached {
            let rows = try work.connection.scalar("SELECT count(DISTINCT row) FROM \(before)").int ?? 0
            var step = Step(from: input, dataset: name, taken: 0, quarantined: [:], left: 0, rows: 0, unknown: nil)
            do {
                let own = [input.key: before]
                let reached = try ForwardTrace(work, dataset: node.dataset, marks: own).reached(query, RowScope())
                try arrive(reached, store, before: rows, except: try work.modelColumns(node.dataset), &step)
            } catch let unknown as UnknownLineage {
                step.unknown = unknown.reason
            }
            steps.append(step)
        }
    }

    /// Finds the reached rows among those that are kept, and among those that were kept out.
    private func arrive(
        _ reached: ForwardTrace.Reached?,
        _ store: RowStore,
        before: Int,
        except blind: Set<Int>,
        _ step: inout Step
    ) throws {
        guard let reached, reached.count > 0 else {
            step.left = before
            return
        }
        let match = store.columns.enumerated().filter { !blind.contains($0.offset) }.map {
            RowMatch.condition("s.\(SQL.identifier($0.element.name))", "f.c\($0.offset)", $0.element.type)
        }
        let table = try work.table(
            "fate",
            "SELECT DISTINCT f.row, s.__id AS id FROM \(reached.name) AS f "
                + "JOIN (\(store.select(identifier: "__id"))) AS s ON \(RowMatch.all(match))"
        )
        let name = store.dataset.name
        step.rows = try work.connection.scalar("SELECT count(DISTINCT id) FROM \(table.name)").int ?? 0
        step.taken = try work.connection.scalar("SELECT count(DISTINCT row) FROM \(table.name)").int ?? 0
        if let earlier = tables[name] {
            tables[name] = try work.table("fate", "SELECT * FROM \(earlier) UNION SELECT * FROM \(table.name)").name
        } else if table.rows > 0 {
            tables[name] = table.name
        }
        let keptOut = try Quarantine(store: store, connection: work.connection).rows(of: reached.name, match)
        step.quarantined = keptOut.counts
        step.left = max(0, before - step.taken - keptOut.rows)
    }
}

/// The rows that a dataset's DROP ROW constraints have kept out.
struct Quarantine {
    let store: RowStore
    let connection: Connection

    private func isThere() throws -> Bool {
        guard ExpectationCheck(store.dataset).keepCondition != nil else { return false }
        let sql =
            "SELECT count(*) FROM (SELECT schema_name AS s, table_name AS t FROM duckdb_tables() UNION ALL "
            + "SELECT schema_name, view_name FROM duckdb_views()) WHERE s = ? AND lower(t) = lower(?)"
        return try connection.scalar(
            sql,
            [.varchar(WarehouseState.quarantine), .varchar(store.dataset.name.description)]
        ).int ?? 0 > 0
    }

    /// How many rows that meet a condition were kept out, by constraint.
    func counts(where condition: String) throws -> [String: Int] {
        guard try isThere() else { return [:] }
        return Self.counts(
            try connection.rows(
                "SELECT c, count(*) FROM (SELECT unnest(failed_constraints) AS c FROM \(store.quarantine) "
                    + "WHERE \(condition)) GROUP BY c"
            )
        )
    }

    /// How many of some rows became rows that were kept out, and by which constraints.
    func rows(of reached: String, _ match: [String]) throws -> (rows: Int, counts: [String: Int]) {
        guard try isThere() else { return (0, [:]) }
        let join =
            "FROM \(reached) AS f JOIN \(store.quarantine) AS s ON \(RowMatch.all(match))"
        let rows = try connection.scalar("SELECT count(DISTINCT f.row) \(join)").int ?? 0
        let counts = Self.counts(
            try connection.rows(
                "SELECT c, count(DISTINCT row) FROM (SELECT f.row, unnest(s.failed_constraints) AS c \(join)) GROUP BY c"
            )
        )
        return (rows, counts)
    }

    private static func counts(_ rows: [[Value]]) -> [String: Int] {
        Dictionary(rows.map { ($0[0].string ?? "", $0[1].int ?? 0) }) { $0 + $1 }
    }
}
