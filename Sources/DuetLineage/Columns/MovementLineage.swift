package import DuckKit
import DuetEngine
package import DuetEvents
import DuetPipeline

/// Where the columns come from that the activities of a data factory's run wrote.
package struct MovementLineage: Sendable {
    /// What an activity wrote into one place.
    package struct Written: Sendable {
        /// The place.
        package var place: Movement.Place
        /// Its columns; nil when they are not known.
        package var lineage: QueryLineage?
        /// Why not, in words that follow "because"; nil when they are.
        package var unknown: String?
        /// Whether rows were changed or deleted, so that its columns are not all there are.
        package var isPart = false
    }

    /// What was written, by the event's id, in the order of the movement.
    package private(set) var written: [String: [Written]] = [:]
    /// The places by the names that relations have here.
    package private(set) var places: [String: Movement.Place] = [:]

    /// No movements.
    package init() {}

    /// Resolves the columns of events' movements.
    ///
    /// - Parameters:
    ///   - events: The events; those without a movement are passed over.
    ///   - connection: Any connection; no table is read.
    /// - Throws: ``DuckDBError`` when DuckDB cannot be asked.
    package init(_ events: [RunEvent], connection: Connection) throws {
        let moving = events.filter { $0.measures?.movement != nil }
        guard !moving.isEmpty else { return }
        let aggregates = Set(
            try connection.rows(
                "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'"
            ).compactMap { $0.first?.string }
        )
        for event in moving {
            guard let movement = event.measures?.movement else { continue }
            for place in movement.inputs { places[Self.relation(place)] = place }
            var list: [Written] = []
            for output in movement.outputs where !output.isQuiet {
                let found = try Self.resolved(output, of: movement, aggregates: aggregates, connection: connection)
                Self.add(found, to: &list)
            }
            written[event.id] = list
        }
    }

    /// Adds what was written; several statements that write into one place are told as one.
    private static func add(_ written: Written, to list: inout [Written]) {
        guard let place = list.firstIndex(where: { relation($0.place) == relation(written.place) }) else {
            return list.append(written)
        }
        list[place].unknown = list[place].unknown ?? written.unknown
        // The statement that names all columns comes first, and others add to them.
        var (first, second) = (list[place], written)
        if first.isPart, !second.isPart { swap(&first, &second) }
        list[place].isPart = first.isPart
        guard var lineage = first.lineage ?? second.lineage else { return }
        if first.lineage != nil, let more = second.lineage {
            for output in more.outputs {
                let known = lineage.outputs.firstIndex { $0.name.lowercased() == output.name.lowercased() }
                if let known {
                    lineage.outputs[known].origins.add(output.origins)
                } else {
                    lineage.outputs.append(output)
                }
            }
            lineage.rows.add(more.rows)
        }
        list[place].lineage = lineage
    }

    /// What a place is called among relations: a table's name, or `file path`.
    package static func relation(_ place: Movement.Place) -> String {
        place.namespace.isEmpty ? place.name : "\(place.namespace) \(place.name)"
    }

    private static func resolved(
        _ output: Movement.Output,
        of movement: Movement,
        aggregates: Set<String>,
        connection: Connection
    ) throws -> Written {
        var written = Written(place: output.place, unknown: output.unknown)
        written.isPart = output.effect == .change
        guard let query = output.query else {
            guard output.unknown == nil else { return written }
            let origins = { (list: [Movement.Origin]) -> ColumnOrigins in
                var found: [InputColumn: Set<ColumnInfluence>] = [:]
                for origin in list where movement.inputs.indices.contains(origin.input) {
                    let column = InputColumn(relation: relation(movement.inputs[origin.input]), column: origin.column)
                    if let kind = ColumnInfluence(rawValue: origin.kind) { found[column, default: []].insert(kind) }
                }
                return ColumnOrigins(found)
            }
            written.lineage = QueryLineage(
                outputs: output.columns.map { .init(name: $0.name, origins: origins($0.origins)) },
                rows: origins(output.rows)
            )
            return written
        }
        let resolver = ColumnResolver(aggregates: aggregates) { schema, table in
            let key = (schema.isEmpty ? table : "\(schema).\(table)").lowercased()
            guard let columns = output.relations[key], !columns.isEmpty else { return nil }
            let schema = schema.isEmpty ? output.schema ?? "main" : schema
            return .init(name: "\(schema).\(table)", columns: columns)
        }
        do {
            written.lineage = try resolver.lineage(
                of: try QueryAnalysis.tree(of: query, connection),
                names: output.columns.isEmpty ? nil : output.columns.map(\.name)
            )
            if output.isDeletion { written.lineage?.outputs = [] }
        } catch let error as UnknownLineage {
            written.unknown = error.reason
        }
        return written
    }
}

extension MovementLineage {
    /// A table with the columns that all activities together have written into it.
    package struct Node: Sendable {
        /// The table.
        package var name: String
        /// Its columns, with what they directly depend on.
        package var lineage: QueryLineage
        /// Why they are not known; nil when they are.
        package var unknown: String?
    }

    /// The tables that were written, in the order in which they first were.
    ///
    /// Files of one dataset of the factory are one relation here, `source DATASET`.
    package func nodes(_ events: [RunEvent]) -> [Node] {
        var nodes: [Node] = []
        for event in events {
            for written in written[event.id] ?? [] where written.place.namespace.isEmpty {
                let name = written.place.name
                let index = nodes.firstIndex { $0.name.lowercased() == name.lowercased() } ?? nodes.count
                if index == nodes.count {
                    nodes.append(Node(name: name, lineage: QueryLineage(outputs: [], rows: ColumnOrigins())))
                }
                guard let lineage = written.lineage else {
                    nodes[index].unknown = written.unknown
                    continue
                }
                for output in lineage.outputs {
                    let origins = grouped(output.origins)
                    let known = nodes[index].lineage.outputs.firstIndex {
                        $0.name.lowercased() == output.name.lowercased()
                    }
                    if let known {
                        nodes[index].lineage.outputs[known].origins.add(origins)
                    } else {
                        nodes[index].lineage.outputs.append(.init(name: output.name, origins: origins))
                    }
                }
                nodes[index].lineage.rows.add(grouped(lineage.rows))
            }
        }
        return nodes
    }

    private func grouped(_ origins: ColumnOrigins) -> ColumnOrigins {
        var found: [InputColumn: Set<ColumnInfluence>] = [:]
        for (column, kinds) in origins.influences {
            var column = column
            if let place = places[column.relation], !place.namespace.isEmpty {
                column.relation = "source \(place.dataset ?? place.name)"
            }
            found[column, default: []].formUnion(kinds)
        }
        return ColumnOrigins(found)
    }

    /// What a table's column goes back to in the end, and the tables on the way.
    package static func origins(
        of column: String,
        in name: String,
        _ nodes: [Node],
        seen: Set<InputColumn> = []
    ) -> (origins: ColumnOrigins, through: Set<String>)? {
        guard let node = nodes.first(where: { $0.name.lowercased() == name.lowercased() }),
            let output = node.lineage.outputs.first(where: { $0.name.lowercased() == column.lowercased() })
        else { return nil }
        var through: Set<String> = []
        // A table that is added to from itself is not followed in a circle.
        let seen = seen.union([InputColumn(relation: name.lowercased(), column: column.lowercased())])
        let origins = output.origins.through { input in
            let key = InputColumn(relation: input.relation.lowercased(), column: input.column.lowercased())
            if seen.contains(key) { return ColumnOrigins() }
            guard let inner = Self.origins(of: input.column, in: input.relation, nodes, seen: seen) else { return nil }
            through.insert(input.relation)
            through.formUnion(inner.through)
            return inner.origins
        }
        return (origins, through)
    }
}
