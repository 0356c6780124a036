import DuetPipeline

/// What a query that depends on one around it is computed for.
///
/// A dependent query is made independent by joining its own rows with the values of the outer columns it uses, each
/// combination once, and by carrying those through: they are keys of its groups, partitions of its windows, and part of
/// its distinct rows. The outer rows then find theirs by these values (T. Neumann and A. Kemper, "Unnesting Arbitrary
/// Queries", BTW 2015). All of that is joins and blocks, which have rules.
final class Domain {
    /// Something of the outer query that the dependent one uses.
    struct Key {
        /// The expression over the outer rows.
        var outer: JSONValue
        /// Whether it is never NULL, or only found where it is not.
        var isRequired: Bool
    }

    /// The combinations of values, or the outer rows themselves.
    fileprivate let relation: Relation
    fileprivate let columns: [String]
    let keys: [Key]
    /// Whether the rows are the outer rows themselves: then the dependent query's rows are those of a join, as long as
    /// nothing in it is about all rows of one outer row, such as a group or a LIMIT.
    let isRows: Bool
    /// Which of the keys the dependent query uses.
    private(set) var used: Set<Int> = []
    /// What names mean in the outer query.
    private let outer: Scope

    private init(relation: Relation, columns: [String], keys: [Key], isRows: Bool, outer: Scope) {
        self.relation = relation
        self.columns = columns
        self.keys = keys
        self.isRows = isRows
        self.outer = outer
    }

    /// The outer rows themselves.
    convenience init(rows: Relation, outer: Scope) {
        self.init(relation: rows, columns: [], keys: [], isRows: true, outer: outer)
    }

    /// The combinations of values of some expressions over the outer rows; kept as a node.
    convenience init(_ translator: Translator, of trees: [JSONValue], over rows: Relation, outer: Scope) throws {
        let copy = translator.instantiated(
            Translated(relation: rows, outputs: trees.map { Scope.Column(name: "outer", value: $0) })
        )
        let groups = try translator.group(
            copy.relation,
            keys: zip(trees, copy.outputs).map { (SyntaxTree.columnNames(of: $0)?.last ?? "outer", $1.value) },
            calls: [],
            rule: "values of the outer rows that a subquery is computed for"
        )
        let known = translator.neverNull(rows)
        let keys = trees.map { tree in
            Key(outer: tree, isRequired: translator.isNeverNull(translator.pool.intern(tree), known))
        }
        var relation = groups.relation
        if case .leaf(var leaf) = relation {
            leaf.neverNull = keys.indices.filter { keys[$0].isRequired }
            relation = .leaf(leaf)
        }
        self.init(relation: relation, columns: groups.keys, keys: keys, isRows: false, outer: outer)
    }

    /// The domain at one place of the dependent query.
    struct Seat {
        var relation: Relation
        /// The columns of the keys.
        var columns: [String]
        /// What names of the outer query mean here.
        var scope: Scope
        /// Whether the rows are the outer rows themselves.
        var isRows: Bool
    }

    /// The domain under names of its own.
    func seat(_ translator: Translator) -> Seat {
        if isRows {
            let known = Set(relation.columns)
            let scope = Scope { names in
                guard let tree = try self.outer.resolve(names) else { return nil }
                guard SyntaxTree.columns(in: tree).allSatisfy(known.contains) else { throw Self.tooFarOut }
                return tree
            }
            return Seat(relation: relation, columns: [], scope: scope, isRows: true)
        }
        let copy = translator.instantiated(
            Translated(
                relation: relation,
                outputs: columns.map { Scope.Column(name: $0, value: SyntaxTree.column($0)) }
            )
        )
        let own = copy.outputs.compactMap { SyntaxTree.columnNames(of: $0.value)?.first }
        let scope = Scope { names in
            guard let tree = try self.outer.resolve(names) else { return nil }
            guard let index = self.keys.firstIndex(where: { $0.outer == tree }) else { throw Self.tooFarOut }
            self.used.insert(index)
            return SyntaxTree.column(own[index])
        }
        return Seat(relation: copy.relation, columns: own, scope: scope, isRows: false)
    }

    private static var tooFarOut: Unsupported {
        Unsupported("a subquery that uses columns from more than one query further out has no rule")
    }
}

/// A query that was made independent of the one around it.
struct Dependent {
    /// The query's rows for every combination of values in the domain.
    var relation: Relation
    /// Its columns.
    var outputs: [Scope.Column]
    /// How many rows there can be for one outer row.
    var rows: Translated.Rows
    /// The domain's keys and the columns of `relation` that have them.
    var keys: [(key: Domain.Key, column: JSONValue)]
    /// The totals it consists of, if it is nothing but one row of totals.
    var totals: Translated.Totals?

    /// The conditions by which an outer row finds its rows.
    var ties: [JSONValue] { keys.map { Self.tie($0.key, $0.column) } }

    static func tie(_ key: Domain.Key, _ column: JSONValue) -> JSONValue {
        SyntaxTree.comparison(
            key.isRequired ? "COMPARE_EQUAL" : "COMPARE_NOT_DISTINCT_FROM",
            key.outer,
            column
        )
    }
}

extension Translator {
    /// A query that depends on the rows around it.
    ///
    /// - Parameters:
    ///   - node: The query.
    ///   - tables: The WITH queries it sees.
    ///   - outer: What names mean around it.
    ///   - rows: The rows around it.
    /// - Returns: The query for all values of the outer columns it uses.
    /// - Throws: ``Unsupported`` when it has no rule, or does not depend on these rows alone.
    func dependent(_ node: JSONValue, _ tables: CommonTables, outer: Scope, over rows: Relation) throws -> Dependent {
        guard !rows.leaves.contains(where: \.isGenerated) else {
            throw Unsupported("a function may make more rows around a subquery than can be kept")
        }
        let known = Set(rows.columns)
        var trees: [JSONValue] = []
        for names in SyntaxTree.references(in: node) {
            let tree: JSONValue?
            do {
                tree = try outer.resolve(names)
            } catch is Unsupported {
                // It is ambiguous out there, so it means something of the subquery's own.
                continue
            }
            guard let tree, !trees.contains(tree) else { continue }
            let columns = SyntaxTree.columns(in: tree)
            if !columns.isEmpty, columns.allSatisfy(known.contains) { trees.append(tree) }
        }
        while true {
            guard !trees.isEmpty else { throw Unsupported("a subquery of this form has no rule") }
            let domain = try Domain(self, of: trees, over: rows, outer: outer)
            let result = try plainQuery(node, tables, parent: nil, domain: domain)
            guard domain.used.count == trees.count else {
                // Names that mean something of the subquery's own were taken for outer ones.
                trees = trees.indices.filter(domain.used.contains).map { trees[$0] }
                continue
            }
            let count = result.outputs.count - result.keyCount
            let keys = domain.keys.enumerated().map { index, key in
                Domain.Key(outer: key.outer, isRequired: key.isRequired || result.requiredKeys.contains(index))
            }
            return Dependent(
                relation: result.relation,
                outputs: Array(result.outputs.prefix(count)),
                rows: result.rows,
                keys: Array(zip(keys, result.outputs.suffix(result.keyCount).map(\.value))),
                totals: result.totals
            )
        }
    }

    /// The outer rows with the rows of a query that depends on them, each with each of its own.
    ///
    /// - Parameters:
    ///   - dependent: The query.
    ///   - rows: The outer rows.
    ///   - isKept: Whether totals of no rows count too; else the outer row may go where they are NULL.
    /// - Returns: The rows and the query's columns.
    /// - Throws: What DuckDB says of the types.
    func attached(
        _ dependent: Dependent,
        to rows: Relation,
        isKept: Bool = true
    ) throws -> (relation: Relation, outputs: [Scope.Column]) {
        guard let totals = dependent.totals else {
            return (.joined([rows, dependent.relation], dependent.ties.map(pool.intern)), dependent.outputs)
        }
        // The totals stand beside the outer rows themselves.
        let keys = dependent.keys.map(\.key)
        let ties = keys.indices.map { index in
            let isRequired = keys[index].isRequired || totals.required.contains(index)
            let key = Domain.Key(outer: keys[index].outer, isRequired: isRequired)
            return Dependent.tie(key, SyntaxTree.column(totals.keys[index]))
        }
        var outer: [String: JSONValue] = [:]
        for (key, column) in zip(keys, totals.seat) { outer[column] = key.outer }
        let outputs = dependent.outputs.map {
            Scope.Column(name: $0.name, value: SyntaxTree.substitute($0.value) { outer[$0] })
        }
        guard isKept else { return (.joined([rows, totals.groups], ties.map(pool.intern)), outputs) }
        return (.outer(try outerJoin(.left, rows, totals.groups, ties)), outputs)
    }

    /// A query in FROM that may use what stands before it.
    ///
    /// - Parameters:
    ///   - node: The query.
    ///   - tables: The WITH queries it sees.
    ///   - outer: What names mean before it.
    ///   - rows: The rows before it.
    /// - Returns: These rows with the query's, and the query's columns.
    /// - Throws: ``Unsupported`` when it has no rule.
    func lateral(
        _ node: JSONValue,
        _ tables: CommonTables,
        outer: Scope,
        over rows: Relation
    ) throws -> (relation: Relation, outputs: [Scope.Column]) {
        if node["type"]?.string == "SELECT_NODE" {
            do {
                let domain = Domain(rows: rows, outer: outer)
                let result = try plainQuery(node, tables, parent: nil, domain: domain)
                return (result.relation, result.outputs)
            } catch is Unsupported {
                // Something in it is about all rows of one outer row.
            }
        }
        return try attached(try dependent(node, tables, outer: outer, over: rows), to: rows)
    }
}

extension SyntaxTree {
    /// All column references of a tree as they are written, each once; parameters of lambdas are none.
    static func references(in tree: JSONValue) -> [[String]] {
        var found: [[String]] = []
        var seen: Set<[String]> = []
        visit(tree) { names in
            if seen.insert(names).inserted { found.append(names) }
        }
        return found
    }
}
