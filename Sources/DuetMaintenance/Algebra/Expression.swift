import DuetPipeline

/// A scalar expression over columns whose names are unique within the view.
struct Expression: Hashable, Sendable {
    /// Where the text is.
    enum Body: Hashable, Sendable {
        /// In the pool, under this number.
        case pooled(Int)
        /// Here.
        case text(String)
        /// Two expressions compared.
        case equality(ExpressionPair, matchesNull: Bool)
    }

    /// The text or its number.
    let body: Body
    /// The columns used, each once.
    let columns: [String]
    /// Whether it makes several rows of one, as UNNEST does, so that it may only stand in a select list.
    var multipliesRows = false
    /// The two columns, if it is the equality of two plain columns.
    var equated: [String] = []
    /// Plain columns that, being NULL, keep it from being true.
    var strict: [String] = []
    /// Whether it compares, and is no equality.
    var isInequality = false
    /// How it refuses subqueries of several rows, if it does.
    var refusal: Refusal?

    /// An expression that refuses subqueries of several rows, taken apart; both parts are in the pool.
    struct Refusal: Hashable, Sendable {
        /// When it refuses.
        var condition: Int
        /// The expression where it does not.
        var accepting: Int
    }

    /// A plain column.
    static func column(_ name: String) -> Self { Self(body: .text(SQLText.identifier(name)), columns: [name]) }

    /// The column's name, if this is nothing but a column.
    var columnName: String? {
        guard columns.count == 1, case .text(let text) = body, text == SQLText.identifier(columns[0]) else {
            return nil
        }
        return columns[0]
    }
}

/// An expression and the name of the column it makes.
struct NamedExpression: Hashable, Sendable {
    var name: String
    var expression: Expression
}

/// Turns syntax trees of expressions into text, many in one call, because each call costs a query.
final class ExpressionPool {
    private let frontEnd: any QueryFrontEnd
    private var trees: [JSONValue] = []
    private var numbers: [JSONValue: Int] = [:]
    private(set) var texts: [String] = []

    init(frontEnd: any QueryFrontEnd) { self.frontEnd = frontEnd }

    /// Takes an expression in; the tree's column references must be unique names.
    func intern(_ tree: JSONValue) -> Expression {
        if let name = SyntaxTree.columnNames(of: tree), name.count == 1 { return .column(name[0]) }
        var tree = SyntaxTree.withoutConstantOrders(tree)
        if case .object(var object) = tree {
            object["alias"] = .string("")
            tree = .object(object)
        }
        let number = number(of: tree)
        let parts = SyntaxTree.refusal(in: tree)
        return Expression(
            body: .pooled(number),
            columns: SyntaxTree.columns(in: tree),
            multipliesRows: Block.multipliesRows(tree),
            equated: Self.equated(tree),
            strict: Self.strict(tree),
            isInequality: Self.comparisons.subtracting(["COMPARE_EQUAL"]).contains(tree["type"]?.string ?? ""),
            refusal: parts.map { parts in
                .init(condition: self.number(of: parts.condition), accepting: self.number(of: parts.accepting))
            }
        )
    }

    private func number(of tree: JSONValue) -> Int {
        if let number = numbers[tree] { return number }
        numbers[tree] = trees.count
        trees.append(tree)
        return trees.count - 1
    }

    private static let comparisons: Set = [
        "COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_LESSTHAN", "COMPARE_GREATERTHAN",
        "COMPARE_LESSTHANOREQUALTO", "COMPARE_GREATERTHANOREQUALTO",
    ]

    /// The columns that a comparison compares as they are.
    private static func strict(_ tree: JSONValue) -> [String] {
        guard comparisons.contains(tree["type"]?.string ?? "") else { return [] }
        return [tree["left"], tree["right"]].compactMap { $0.flatMap(SyntaxTree.columnNames) }
            .filter { $0.count == 1 }.flatMap(\.self)
    }

    private static func equated(_ tree: JSONValue) -> [String] {
        guard tree["type"]?.string == "COMPARE_EQUAL" else { return [] }
        let names = [tree["left"], tree["right"]].compactMap { $0.flatMap(SyntaxTree.columnNames) }
        return names.count == 2 && names.allSatisfy { $0.count == 1 } ? names.flatMap(\.self) : []
    }

    /// The tree of a pooled expression.
    func tree(_ number: Int) -> JSONValue { trees[number] }

    /// Asks for the text of everything taken in since the last time.
    func flush() throws {
        let pending = trees[texts.count...]
        guard !pending.isEmpty else { return }
        // A string constant no expression holds separates them in the one SELECT that carries them all.
        var marker = "duet separator"
        while pending.contains(where: { $0.text().contains(marker) }) { marker += " again" }
        let items = pending.flatMap { [$0, SyntaxTree.constant(marker)] }
        let sql = try frontEnd.sql(of: SyntaxTree.statement(SyntaxTree.selection(items)))
        guard sql.hasPrefix("SELECT ") else {
            throw DuetError(.internalFault, "DuckDB wrote a SELECT as '\(sql.prefix(40))'")
        }
        let parts = Self.split(String(sql.dropFirst("SELECT ".count)), by: ", '\(marker)'")
        guard parts.count == pending.count + 1 else {
            throw DuetError(
                .internalFault,
                "DuckDB wrote \(pending.count) expressions as \(parts.count - 1)",
                hint: "this is a fault of duet; report it with the view's SQL"
            )
        }
        for part in parts.dropLast() {
            texts.append("(" + (part.hasPrefix(", ") ? String(part.dropFirst(2)) : part) + ")")
        }
    }

    private static func split(_ text: String, by separator: String) -> [String] {
        let bytes = Array(text.utf8)
        let wanted = Array(separator.utf8)
        var parts: [String] = []
        var start = 0
        var index = 0
        while index + wanted.count <= bytes.count {
            if bytes[index..<index + wanted.count].elementsEqual(wanted) {
                parts.append(String(decoding: bytes[start..<index], as: UTF8.self))
                index += wanted.count
                start = index
            } else {
                index += 1
            }
        }
        parts.append(String(decoding: bytes[start...], as: UTF8.self))
        return parts
    }
}
