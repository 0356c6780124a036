/// What a list of columns makes of a query: the columns it names, in its order, of its types.
///
/// In a table columns go by their names, as `INSERT ... BY NAME` has it; in a view by their places, as in any
/// `CREATE VIEW v (a, b)`. The frame follows from the statement alone, so that it can be put around a query whatever
/// relation that reads; whether it fits is another matter, which is looked at when the query's columns are known.
public struct ColumnFrame: Sendable {
    /// The columns as declared.
    public let columns: [ColumnDeclaration]
    /// Whether the query's columns get these names by their places.
    public let goesByPlace: Bool
    /// Whether a column that the query lacks is NULL: so it is in a table that a flow feeds BY NAME.
    public let fillsMissing: Bool

    /// The columns that the query gives.
    public var given: [ColumnDeclaration] { columns.filter { $0.generated == nil } }

    /// A query within the frame.
    ///
    /// - Parameters:
    ///   - query: A SELECT.
    ///   - carrying: Columns of the query that are passed on behind the declared ones.
    /// - Returns: A SELECT.
    public func sql(_ query: String, carrying: [String] = []) -> String {
        prefix(carrying: carrying) + query + suffix
    }

    /// What stands before the query.
    public func prefix(carrying: [String] = []) -> String {
        if goesByPlace {
            let casts = columns.filter { $0.type != nil }.map { "\(Self.cast($0)) AS \(Self.quoted($0.name))" }
            return casts.isEmpty ? "SELECT * FROM (" : "SELECT * REPLACE (\(casts.joined(separator: ", "))) FROM ("
        }
        let carried = carrying.map(Self.quoted)
        let casts = given.map { $0.type == nil ? Self.quoted($0.name) : "\(Self.cast($0)) AS \(Self.quoted($0.name))" }
        var text = "SELECT \((casts + carried).joined(separator: ", ")) FROM ("
        if fillsMissing {
            let none = given.map { "NULL AS \(Self.quoted($0.name))" }
            text += "SELECT \(none.joined(separator: ", ")) WHERE false UNION ALL BY NAME ("
        }
        guard given.count < columns.count else { return text }
        let all = columns.map { column in
            guard let generated = column.generated else { return Self.quoted(column.name) }
            let value = column.type.map { "CAST((\(generated.text)) AS \($0))" } ?? "(\(generated.text))"
            return "\(value) AS \(Self.quoted(column.name))"
        }
        return "SELECT \((all + carried).joined(separator: ", ")) FROM (\(text)"
    }

    /// What stands behind the query.
    public var suffix: String {
        // A line of its own: the query may end in a comment.
        if goesByPlace { return "\n) AS __given(\(columns.map { Self.quoted($0.name) }.joined(separator: ", ")))" }
        return "\n)" + (fillsMissing ? ")" : "") + " AS __given" + (given.count < columns.count ? ") AS __cast" : "")
    }

    /// A query's text within the frame; the query keeps its places.
    public func text(_ query: MappedText) -> MappedText {
        var text = MappedText(file: query.file)
        text.insert(prefix(), for: query.origin(of: 0))
        text.append(query)
        text.insert(suffix, for: query.origin(of: query.text.utf8.count))
        return text
    }

    /// A column's value as its type.
    public static func cast(_ column: ColumnDeclaration) -> String {
        guard let type = column.type else { return quoted(column.name) }
        return "CAST(\(quoted(column.name)) AS \(type))"
    }

    static func quoted(_ name: String) -> String {
        "\"\(name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
    }
}

extension Dataset {
    /// What its list of columns makes of its query; nil when the list has no types and so only tells of some columns.
    public var columnFrame: ColumnFrame? {
        guard !columns.isEmpty else { return nil }
        let isSchema = columns.contains { $0.type != nil || $0.generated != nil }
        guard isSchema || takesColumnsByPlace else { return nil }
        return ColumnFrame(columns: columns, goesByPlace: takesColumnsByPlace, fillsMissing: isFedByName)
    }
}

extension ColumnFrame {
    /// The text that decides whether two frames make the same of a query.
    var definition: String { prefix() + suffix }
}
