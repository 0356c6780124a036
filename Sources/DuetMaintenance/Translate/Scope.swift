import DuetPipeline

/// What names mean at a place of the query.
final class Scope {
    /// A column as the query names it and what it stands for.
    struct Column {
        var name: String
        var value: JSONValue
        /// What `alias.column` stands for where USING made `column` alone stand for something else.
        var qualified: JSONValue?
        /// Its type, which tells whether it has fields: else `column.field` means something else.
        var type: (() throws -> String)?
    }

    /// A relation of a FROM clause.
    struct Table {
        var schema = ""
        var alias: String
        var columns: [Column]
        /// Columns that USING or NATURAL merged into one of another table: known as `alias.column`, but not as `column`
        /// nor in `*`.
        var merged: Set<String> = []
    }

    var tables: [Table] = []
    let parent: Scope?
    /// What names mean beside the tables.
    private let lookup: ([String]) throws -> JSONValue?

    init(parent: Scope?) {
        self.parent = parent
        lookup = { _ in nil }
    }

    /// A scope without tables.
    init(lookup: @escaping ([String]) throws -> JSONValue?) {
        parent = nil
        self.lookup = lookup
    }

    /// The columns of `*` or `alias.*`.
    func star(_ relation: String) throws -> [Column] {
        if relation.isEmpty {
            return tables.flatMap { table in table.columns.filter { !table.merged.contains($0.name.folded) } }
        }
        guard let table = tables.first(where: { $0.alias.folded == relation.folded }) else {
            throw Unsupported("'\(relation).*' names no table of the query")
        }
        return table.columns
    }

    /// What a column reference stands for, here or further out; nil when it is none.
    func resolve(_ names: [String]) throws -> JSONValue? {
        if let found = try resolveHere(names) { return found }
        return try parent?.resolve(names)
    }

    /// What a column reference stands for here; nil when it is none.
    func resolveHere(_ names: [String]) throws -> JSONValue? {
        if let value = try lookup(names) { return value }
        let names = names.map { $0.folded }
        if names.count >= 3,
            let table = tables.first(where: {
                $0.schema.folded == names[0] && $0.alias.folded == names[1]
            }), let column = table.columns.first(where: { $0.name.folded == names[2] })
        {
            return Self.fields(column.qualified ?? column.value, names.dropFirst(3))
        }
        if names.count >= 2, let table = tables.first(where: { $0.alias.folded == names[0] }),
            let column = table.columns.first(where: { $0.name.folded == names[1] })
        {
            return Self.fields(column.qualified ?? column.value, names.dropFirst(2))
        }
        let matches = try tables.flatMap { table in
            try table.columns.filter { column in
                guard column.name.folded == names[0], !table.merged.contains(names[0]) else { return false }
                return try names.count == 1 || !(column.type.map { FromReader.isScalar(try $0()) } ?? false)
            }
        }
        if matches.count > 1 { throw Unsupported("column '\(names[0])' is ambiguous") }
        return matches.first.map { Self.fields($0.value, names.dropFirst()) }
    }

    private static func fields(_ value: JSONValue, _ names: ArraySlice<String>) -> JSONValue {
        names.reduce(value) { SyntaxTree.call("struct_extract", [$0, SyntaxTree.constant($1)]) }
    }
}

/// A shape of query that has no rule; the block that holds it is computed in full.
struct Unsupported: Error {
    /// Why, for people.
    var reason: String

    init(_ reason: String) { self.reason = reason }
}
