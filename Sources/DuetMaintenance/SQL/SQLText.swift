extension String {
    /// The name as DuckDB compares names: letters of ASCII in lower case, all others as they are, so that `É` and `é` are
    /// two columns.
    var folded: String {
        guard utf8.contains(where: { (65...90).contains($0) }) else { return self }
        return String(decoding: utf8.map { (65...90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }
}

/// The one place where SQL is put together, so that identifiers are always quoted.
enum SQLText {
    /// A quoted identifier.
    static func identifier(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// A quoted name, with its schema when there is one.
    static func qualified(_ schema: String, _ name: String) -> String {
        schema.isEmpty ? identifier(name) : identifier(schema) + "." + identifier(name)
    }

    /// A column of an alias.
    static func column(_ alias: String, _ name: String) -> String { identifier(alias) + "." + identifier(name) }

    /// Identifiers, quoted and separated by commas.
    static func list(_ names: [String]) -> String { names.map(identifier).joined(separator: ", ") }

    /// `alias("a", "b")`, the renaming of a FROM item and its columns.
    static func alias(_ alias: String, _ columns: [String]) -> String {
        " AS " + identifier(alias) + "(" + list(columns) + ")"
    }

    /// Conditions joined by AND; TRUE when there are none.
    static func and(_ conditions: [String]) -> String {
        conditions.isEmpty ? "TRUE" : conditions.joined(separator: " AND ")
    }

    /// Equality that holds between NULLs too, column by column.
    static func same(_ pairs: [(String, String)]) -> String {
        and(pairs.map { "\($0.0) IS NOT DISTINCT FROM \($0.1)" })
    }

    /// A statement that makes a table in DuckDB's temporary schema.
    static func makeTemporary(_ table: String, as select: String) -> String {
        "CREATE OR REPLACE TEMP TABLE \(identifier(table)) AS\n\(select)"
    }

    /// The name of a temporary table in a FROM clause.
    static func temporary(_ table: String) -> String { "temp." + identifier(table) }
}

/// A SELECT under construction.
struct SelectText: Hashable, Sendable {
    /// Expressions with their names.
    var columns: [NamedText]
    /// Items of the FROM clause.
    var from: [String]
    /// Conditions that all must hold.
    var predicates: [String] = []
    /// Clauses after WHERE, in order.
    var suffix: [String] = []
    /// What stands between SELECT and the columns.
    var prefix = ""

    /// The statement.
    var text: String {
        var lines = ["SELECT \(prefix)\(columns.map(\.text).joined(separator: ", "))"]
        if !from.isEmpty { lines.append("FROM \(from.joined(separator: ", "))") }
        if !predicates.isEmpty { lines.append("WHERE \(predicates.joined(separator: " AND "))") }
        return (lines + suffix).joined(separator: "\n")
    }
}

/// An expression's text with the name it gets.
struct NamedText: Hashable, Sendable {
    var expression: String
    var name: String

    /// Every column of the FROM clause.
    static let all = Self("*", as: "*")

    init(_ expression: String, as name: String) {
        self.expression = expression
        self.name = name
    }

    /// A column that keeps its name.
    init(column name: String) { self.init(SQLText.identifier(name), as: name) }

    /// The entry of a select list.
    var text: String {
        if expression == "*" { return expression }
        let quoted = SQLText.identifier(name)
        return expression == quoted ? quoted : "\(expression) AS \(quoted)"
    }
}
