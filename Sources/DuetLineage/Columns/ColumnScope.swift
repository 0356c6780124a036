import DuetPipeline

/// What names mean at a place of a query.
final class ColumnScope {
    struct Column {
        var name: String
        var origins: ColumnOrigins
    }

    /// A relation of a FROM clause.
    struct Table {
        var schema = ""
        var alias: String
        var columns: [Column]
        /// Columns that USING or NATURAL merged into another table's: known by the alias only.
        var merged: Set<String> = []
        /// Whether its columns can be seen; those of the right side of a semi join cannot.
        var isVisible = true

        /// Whether `schema.alias` means it.
        func isNamed(_ schema: String, _ alias: String) -> Bool {
            !self.schema.isEmpty && self.schema.lowercased() == schema.lowercased()
                && self.alias.lowercased() == alias.lowercased()
        }
    }

    var tables: [Table] = []
    let parent: ColumnScope?

    init(parent: ColumnScope?) { self.parent = parent }

    /// What a reference depends on, here or further out; nil when it names nothing.
    func resolve(_ names: [String]) throws(UnknownLineage) -> ColumnOrigins? {
        if let found = try resolveHere(names) { return found }
        guard let parent else { return nil }
        return try parent.resolve(names)
    }

    /// What a reference depends on here.
    func resolveHere(_ names: [String]) throws(UnknownLineage) -> ColumnOrigins? {
        let names = names.map { $0.lowercased() }
        for (index, table) in tables.enumerated() {
            guard let rest = rest(of: names, behind: table) else { continue }
            guard let column = table.columns.first(where: { $0.name.lowercased() == rest.name }) else { continue }
            _ = index
            return rest.hasFields ? column.origins.computed(.transformation) : column.origins
        }
        let matches = tables.filter(\.isVisible).flatMap { table in
            table.columns.filter { $0.name.lowercased() == names[0] && !table.merged.contains(names[0]) }
        }
        if matches.count > 1 { throw UnknownLineage(reason: "column '\(names[0])' is ambiguous") }
        if let match = matches.first {
            return names.count > 1 ? match.origins.computed(.transformation) : match.origins
        }
        // A table's own name stands for its whole row.
        if names.count == 1, let table = tables.first(where: { $0.alias.lowercased() == names[0] }) {
            return table.columns.reduce(into: ColumnOrigins()) { $0.add($1.origins.computed(.transformation)) }
        }
        return nil
    }

    private func rest(of names: [String], behind table: Table) -> (name: String, hasFields: Bool)? {
        if names.count >= 3, table.schema.lowercased() == names[0], table.alias.lowercased() == names[1] {
            return (names[2], names.count > 3)
        }
        if names.count >= 2, table.alias.lowercased() == names[0] { return (names[1], names.count > 2) }
        return nil
    }

    /// The columns of `*` or `alias.*`, each with its table's alias and whether it is a merged one.
    func star(_ relation: String) throws(UnknownLineage) -> [(table: Table, column: Column)] {
        if relation.isEmpty {
            return tables.filter(\.isVisible).flatMap { table in
                table.columns.filter { !table.merged.contains($0.name.lowercased()) }.map { (table, $0) }
            }
        }
        guard let table = tables.first(where: { $0.alias.lowercased() == relation.lowercased() }) else {
            throw UnknownLineage(reason: "'\(relation).*' names no table of the query")
        }
        return table.columns.map { (table, $0) }
    }
}
