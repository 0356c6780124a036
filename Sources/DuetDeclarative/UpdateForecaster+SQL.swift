internal import DuckKit
internal import DuetEngine
internal import DuetMaintenance
internal import DuetPipeline

/// The statements of an update, such that they run as they stand in the warehouse that the plan was made of.
extension UpdateForecaster {
    /// Stands for statements that depend on what is read before them.
    static let toldByRun = "-- its statements depend on the rows that come; duet run --verbose prints them"

    // MARK: - Views

    /// The statements that set the inputs' changes apart, as far as these are known, and a remark for the others.
    func changesAsTables(
        _ view: MaintainedView,
        _ own: RefreshState.DatasetState?,
        _ choice: WayChoice
    ) throws -> [String] {
        guard choice.way == .incremental else { return [] }
        return try view.deltas.sorted { $0.key < $1.key }.compactMap { name, table in
            try change(of: name, since: own?.seen[name] ?? 0, as: table)
        }
    }

    /// The statement that sets an input's change apart; a remark where that change is not made yet.
    private func change(of name: DatasetName, since version: Int, as table: String) throws -> String? {
        guard let input = state.datasets[name], input.version > version, let dataset = graph[name]?.dataset else {
            return "-- \(table) gets the changes of \(name), once that has been refreshed"
        }
        let store = DatasetStore(dataset: dataset, connection: connection)
        let columns = try store.visibleColumns(of: store.published)
        let select = store.changeQuery(since: version, columns: columns.map(\.name))
        return "CREATE OR REPLACE TEMP TABLE \(table) AS\n\(select)"
    }

    /// What an update of a view runs.
    static func statements(
        _ changes: [String],
        _ view: MaintainedView,
        _ choice: WayChoice,
        _ kinds: [String: ChangeKind],
        readsChange: Bool,
        rows: Int?
    ) -> [String] {
        let program = view.program
        switch choice.way {
        case .replace: return program.nodes.flatMap(\.create)
        case .direct:
            let change = program.direct.fullChange(needsDelta: true)
            return change.statements + change.apply
        case .incremental:
            var changed = kinds
            return changes
                + program.nodes.flatMap { node in
                    let change = node.change(
                        changedInputs: changed,
                        needsDelta: program.needsDelta(of: node, hasReaders: readsChange),
                        stateRows: choice.stateRows(of: node, view, rows: rows)
                    )
                    if change.strategy != .nothing { changed[node.name] = .mixed }
                    return change.statements + change.apply
                }
        }
    }

    // MARK: - Streams

    /// What an update of a table that reads a stream row by row runs.
    func statements(
        of node: DatasetGraph.Node,
        _ query: Query,
        _ rowwise: RowwiseQuery
    ) throws -> [String] {
        if let read = query.fileReads.first(where: \.isStream) {
            let remark =
                "-- \(SQL.identifier(read.relation)) is a view over the files of '\(read.source)' that are to be read"
            return ["\(remark)\n\(query.text.text)"]
        }
        guard let stream = node.streamedInputs.first, graph[stream]?.dataset.kind != .view,
            state.datasets[node.dataset.name] != nil
        else { return [query.text.text] }
        let relation = "stream:\(stream)"
        let store = DatasetStore(dataset: node.dataset, connection: connection)
        let columns = try store.visibleColumns(of: store.rows)
        let change = ChangeRows(table: "temp.main.\(SQL.identifier("change:\(node.dataset.name)"))")
        let mapped = try rowwise.sql(over: relation, carrying: ["__w"], connection)
        let names = columns.map(\.name)
        return [
            try self.change(of: stream, since: seen(node, stream), as: "temp.main.\(SQL.identifier(relation))"),
            change.definition(mapped, columns: columns),
            change.insertion(into: store.rows, names),
            change.removal(from: store.rows, names),
            change.repetition(into: store.rows, names),
        ]
        .compactMap(\.self)
    }
}
