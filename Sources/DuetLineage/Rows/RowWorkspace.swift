import DuckKit
import DuetEngine
import DuetPipeline

/// What traces of rows work with: a warehouse, the pipeline's relations, and temporary tables of their own.
final class RowWorkspace {
    let pipeline: Pipeline
    let graph: DatasetGraph
    let style: Style
    let connection: Connection
    let catalogue: RelationCatalogue
    private var count = 0

    init(_ pipeline: Pipeline, graph: DatasetGraph, style: Style, connection: Connection) throws {
        self.pipeline = pipeline
        self.graph = graph
        self.style = style
        self.connection = connection
        catalogue = try RelationCatalogue(pipeline, graph: graph, connection: connection)
    }

    /// A name for a temporary relation that no other has.
    func fresh(_ what: String) -> String {
        count += 1
        return "__\(what)\(count)"
    }

    /// The rows of a dataset; nil when it has not been made, or is a view, which holds none.
    func store(_ name: DatasetName) -> RowStore? {
        guard let dataset = pipeline.dataset(named: name), dataset.kind != .view,
            let columns = catalogue.columns[name]
        else { return nil }
        return RowStore(dataset: dataset, style: style, columns: columns)
    }

    /// A dataset's query as a syntax tree's node.
    func query(of dataset: Dataset) throws -> JSONValue? {
        guard let query = try DerivedQuery.query(of: dataset, connection) else { return nil }
        return try QueryAnalysis.tree(of: query.text.text, connection)["statements"]?.array?.first?["node"]
    }

    /// A query's node as SQL.
    func sql(_ node: JSONValue) throws -> String {
        try connection.sql(fromSyntaxTree: Syntax.statement(node))
    }

    /// An expression's tree for a constant written as SQL.
    func tree(ofExpression text: String) throws -> JSONValue {
        let tree = try QueryAnalysis.tree(of: "SELECT \(text)", connection)
        return Syntax.withoutPlaces(tree["statements"]?.array?.first?["node"]?["select_list"]?.array?.first ?? .null)
    }

    /// Makes a temporary table and counts its rows.
    func table(_ what: String, _ select: String) throws -> (name: String, rows: Int) {
        let name = "temp.main.\(SQL.identifier(fresh(what)))"
        try connection.execute("CREATE OR REPLACE TEMP TABLE \(name) AS \(select)")
        return (name, try connection.scalar("SELECT count(*) FROM \(name)").int ?? 0)
    }

    /// Makes a temporary view under a bare name.
    func view(_ what: String, _ select: String) throws -> String {
        let name = fresh(what)
        try connection.execute("CREATE OR REPLACE TEMP VIEW \(SQL.identifier(name)) AS \(select)")
        return name
    }

    /// Conditions on expressions that pin them to the one wanted row's values, so that scans can use them.
    ///
    /// - Parameters:
    ///   - wanted: The rows; with more than one there is nothing to pin.
    ///   - pairs: Expressions with the number of the wanted column that they equal.
    /// - Returns: Conditions as trees.
    /// - Throws: ``DuckDBError`` when the row cannot be read.
    func pins(_ wanted: WantedRows, _ pairs: [(tree: JSONValue, column: Int)]) throws -> [JSONValue] {
        let usable = pairs.filter { !wanted.types[$0.column].isInexact && !Syntax.hasWindow($0.tree) }
        guard !usable.isEmpty else { return [] }
        let list = usable.map {
            "any_value(c\($0.column))::VARCHAR, count(DISTINCT c\($0.column)), count(c\($0.column))"
        }
        let row =
            try connection.rows("SELECT count(*), \(list.joined(separator: ", ")) FROM \(wanted.name)").first ?? []
        let rows = row.first?.int ?? 0
        var conditions: [JSONValue] = []
        for (index, pair) in usable.enumerated() where rows > 0 {
            let values = row[(1 + index * 3)..<(4 + index * 3)]
            let (text, distinct, known) = (values.first?.string, values.dropFirst().first?.int, values.last?.int)
            if known == 0 {
                conditions.append(
                    [
                        "class": "OPERATOR", "type": "OPERATOR_IS_NULL", "alias": "",
                        "children": .array([Syntax.withoutAlias(pair.tree)]),
                    ]
                )
            } else if distinct == 1, known == rows, let text {
                let value = try tree(ofExpression: "CAST(\(SQL.literal(text)) AS \(wanted.types[pair.column]))")
                conditions.append(
                    [
                        "class": "COMPARISON", "type": "COMPARE_EQUAL", "alias": "",
                        "left": Syntax.withoutAlias(pair.tree), "right": value,
                    ]
                )
            }
        }
        return conditions
    }

    /// A join that leaves out rows of a leaf which cannot belong to any wanted row.
    ///
    /// It goes by the two columns that tell most wanted rows apart; what it lets through is matched in full afterwards.
    ///
    /// - Parameters:
    ///   - wanted: The rows.
    ///   - pairs: Columns of the leaf with the number of the wanted column that has their value.
    /// - Returns: SQL behind the table `s`; empty when it would not help.
    /// - Throws: ``DuckDBError`` when the rows cannot be read.
    func restriction(_ wanted: WantedRows, _ pairs: [(column: String, wanted: Int)]) throws -> String {
        let usable = pairs.filter { !wanted.types[$0.wanted].isInexact }
        guard !usable.isEmpty else { return "" }
        let list = usable.map { "approx_count_distinct(c\($0.wanted)), count(c\($0.wanted))" }
        let row =
            try connection.rows("SELECT count(*), \(list.joined(separator: ", ")) FROM \(wanted.name)").first ?? []
        let rows = row.first?.int ?? 0
        let ranked = usable.enumerated().map { index, pair in
            (pair: pair, distinct: row[1 + index * 2].int ?? 0, hasNull: (row[2 + index * 2].int ?? 0) < rows)
        }
        // Equality, which has no NULLs, lets scans skip what is out of range.
        let best = ranked.sorted { ($0.hasNull ? 1 : 0, -$0.distinct) < ($1.hasNull ? 1 : 0, -$1.distinct) }.prefix(2)
        let columns = best.map { "c\($0.pair.wanted) AS k\($0.pair.wanted)" }.joined(separator: ", ")
        let conditions = best.map {
            "s.\(SQL.identifier($0.pair.column)) \($0.hasNull ? "IS NOT DISTINCT FROM" : "=") k.k\($0.pair.wanted)"
        }
        return " SEMI JOIN (SELECT DISTINCT \(columns) FROM \(wanted.name)) AS k ON "
            + conditions.joined(separator: " AND ")
    }
}
