import DuckKit
import DuetEngine
import DuetPipeline

/// Makes traced rows anew from nothing but the rows that the trace has found: the proof that it has found all.
public final class Recomputation {
    private let trace: RowTrace
    private let names: [DatasetName: String]
    private let key: String

    /// Prepares the pipeline's queries over the traced rows of the datasets that read files.
    ///
    /// - Parameter trace: The trace.
    /// - Throws: ``DuckDBError`` when a query does not bind.
    public init(_ trace: RowTrace) throws {
        self.trace = trace
        let work = trace.work
        key = "temp.main.\(SQL.identifier(work.fresh("key")))"
        try work.connection.execute("CREATE OR REPLACE TEMP TABLE \(key) AS SELECT 0::BIGINT AS row")
        let wholes = Set(trace.wholes.map { $0.name.lowercased() })
        let traced = Dictionary(trace.steps.map { ($0.dataset, $0) }) { first, _ in first }
        var names: [DatasetName: String] = [:]
        for node in work.graph.nodes {
            let name = node.dataset.name
            guard traced[name] != nil || node.dataset.kind == .view, !wholes.contains(name.key) else { continue }
            // What models have answered is taken as it is, but for the traced row itself.
            let isAnswered = try name != trace.target && work.callsModels(node.dataset)
            if node.inputs.isEmpty || !node.sources.isEmpty || isAnswered {
                guard let step = traced[name], let store = work.store(name) else { continue }
                names[name] = try work.view(
                    "again",
                    "SELECT \(store.list()) FROM \(store.table) AS s WHERE s.rowid IN "
                        + "(SELECT id FROM \(step.table) WHERE row = (SELECT row FROM \(key)))"
                )
                continue
            }
            guard let query = try work.query(of: node.dataset) else { continue }
            let select = try work.sql(Self.redirected(query, work, names))
            let keep = ExpectationCheck(node.dataset).keepCondition.map { " WHERE \($0)" } ?? ""
            names[name] = try work.view("again", "SELECT * FROM (\(select))\(keep)")
        }
        self.names = names
    }

    /// The query over other relations.
    private static func redirected(
        _ tree: JSONValue,
        _ work: RowWorkspace,
        _ names: [DatasetName: String]
    ) -> JSONValue {
        switch tree {
        case .array(let values): return .array(values.map { redirected($0, work, names) })
        case .object(var object):
            if object["type"]?.string == "BASE_TABLE", let table = object["table_name"]?.string,
                let dataset = work.catalogue.dataset(object["schema_name"]?.string ?? "", table),
                let name = names[dataset.name]
            {
                if object["alias"]?.string ?? "" == "" { object["alias"] = .string(table) }
                object["catalog_name"] = "temp"
                object["schema_name"] = "main"
                object["table_name"] = .string(name)
                return .object(object)
            }
            return .object(object.mapValues { redirected($0, work, names) })
        default: return tree
        }
    }

    /// Makes one traced row anew.
    ///
    /// - Parameter row: Its number, from 1.
    /// - Returns: Whether the row is among what comes out; nil when the target cannot be made anew.
    /// - Throws: ``DuckDBError`` when a query fails.
    public func agrees(row: Int) throws -> Bool? {
        let work = trace.work
        guard let name = names[trace.target], let step = trace.steps.first, let store = work.store(trace.target) else {
            return nil
        }
        try work.connection.execute("UPDATE \(key) SET row = \(row)")
        let blind = try work.modelColumns(store.dataset)
        let match = store.columns.enumerated().filter { !blind.contains($0.offset) }.map {
            let name = SQL.identifier($0.element.name)
            return RowMatch.condition("a.\(name)", "s.\(name)", $0.element.type)
        }
        let found = try work.connection.scalar(
            """
            SELECT count(*) FROM temp.main.\(SQL.identifier(name)) AS a JOIN \(store.table) AS s
            ON s.rowid = (SELECT any_value(id) FROM \(step.table) WHERE row = \(row)) AND \(RowMatch.all(match))
            """
        )
        return found.int ?? 0 > 0
    }
}
