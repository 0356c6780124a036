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
    private var spreads: [String: [Spread]] = [:]

    init(_ pipeline: Pipeline, graph: DatasetGraph, style: Style, connection: Connection) throws {
        self.pipeline = pipeline
        self.graph = graph
        self.style = style
        self.connection = connection
        catalogue = try RelationCatalogue(pipeline, graph: graph, connection: connection)
        let texts = pipeline.datasets.flatMap(\.flows).map { $0.query.text.text.lowercased() }
        if texts.contains(where: { $0.contains("ai_") }) { try connection.execute(Self.silentModels) }
    }

    /// Functions that stand in for models and answer nothing, so that queries which call models can be planned.
    private static let silentModels = """
        CREATE OR REPLACE TEMP MACRO ai_classify(a, b) AS NULL::VARCHAR, (a, b, c) AS NULL::VARCHAR;
        CREATE OR REPLACE TEMP MACRO ai_analyze_sentiment(a) AS NULL::VARCHAR, (a, b) AS NULL::VARCHAR;
        CREATE OR REPLACE TEMP MACRO ai_embed(a) AS NULL::FLOAT[], (a, b) AS NULL::FLOAT[];
        CREATE OR REPLACE TEMP MACRO ai_similarity(a, b) AS NULL::DOUBLE, (a, b, c) AS NULL::DOUBLE;
        CREATE OR REPLACE TEMP MACRO ai_query(a, b) AS NULL::VARCHAR, (a, b, c) AS NULL::VARCHAR;
        CREATE OR REPLACE TEMP MACRO ai_extract(a, b) AS NULL::MAP(VARCHAR, VARCHAR),
            (a, b, c) AS NULL::MAP(VARCHAR, VARCHAR);
        CREATE OR REPLACE TEMP MACRO ai_summarize(a) AS NULL::VARCHAR, (a, b) AS NULL::VARCHAR,
            (a, b, c) AS NULL::VARCHAR;
        CREATE OR REPLACE TEMP MACRO ai_translate(a, b) AS NULL::VARCHAR, (a, b, c) AS NULL::VARCHAR;
        """

    /// Whether a dataset's own query calls models.
    func callsModels(_ dataset: Dataset) throws -> Bool {
        guard let node = try query(of: dataset) else { return false }
        return !QueryShape(syntaxTree: ["statements": [["node": node]]]).inferences.isEmpty
    }

    /// The columns of a dataset, by number, that depend on answers of models which its own query asks for.
    func modelColumns(_ dataset: Dataset) throws -> Set<Int> {
        guard let node = try query(of: dataset) else { return [] }
        do {
            let tree: JSONValue = ["statements": [["node": node]]]
            let outputs = try catalogue.resolver(for: dataset).lineage(of: tree).outputs
            return Set(outputs.indices.filter { !outputs[$0].origins.models.isEmpty })
        } catch {
            // A query without column lineage has no model columns that could be told from others.
            return []
        }
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
        let node = try QueryAnalysis.tree(of: query.text.text, connection)["statements"]?.array?.first?["node"]
        return node.map(DerivedNames.given)
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

    /// How the values of a column of wanted rows are spread.
    struct Spread {
        /// The value of all rows as text; nil when they differ, or some have none.
        var single: String?
        var isAllNull = false
        var hasNull = false
        /// How many values there are, nearly.
        var distinct = 0
    }

    /// The spread of each wanted column.
    ///
    /// Of few rows, as most traces have, the values are fetched: a query with aggregates for each column takes longer to
    /// be planned than all of the rest.
    private func spreads(_ wanted: WantedRows) throws -> [Spread] {
        if let known = spreads[wanted.name] { return known }
        let columns = wanted.types.indices
        let found: [Spread]
        if wanted.count <= 4096 {
            let list = columns.map { "c\($0)::VARCHAR" }.joined(separator: ", ")
            let rows = try connection.rows("SELECT \(list.isEmpty ? "1" : list) FROM \(wanted.name)")
            found = columns.map { column in
                let texts = rows.map { $0[column].string }
                let values = Set(texts.compactMap(\.self))
                let hasNull = texts.contains(nil)
                return Spread(
                    single: values.count == 1 && !hasNull ? values.first : nil,
                    isAllNull: values.isEmpty && !rows.isEmpty,
                    hasNull: hasNull,
                    distinct: values.count
                )
            }
        } else {
            let list = columns.map { "any_value(c\($0))::VARCHAR, approx_count_distinct(c\($0)), count(c\($0))" }
            let row =
                try connection.rows("SELECT count(*), \(list.joined(separator: ", ")) FROM \(wanted.name)").first ?? []
            let rows = row.first?.int ?? 0
            // So many rows are hardly ever equal in a column, and an estimate is no proof that they are.
            found = columns.map { column in
                let known = row[3 + column * 3].int ?? 0
                return Spread(
                    isAllNull: known == 0 && rows > 0,
                    hasNull: known < rows,
                    distinct: row[2 + column * 3].int ?? 0
                )
            }
        }
        spreads[wanted.name] = found
        return found
    }

    /// Conditions on expressions that pin them to the value that all wanted rows have, so that scans can use them.
    ///
    /// - Parameters:
    ///   - wanted: The rows.
    ///   - pairs: Expressions with the number of the wanted column that they equal.
    /// - Returns: Conditions as trees.
    /// - Throws: ``DuckDBError`` when the rows cannot be read.
    func pins(_ wanted: WantedRows, _ pairs: [(tree: JSONValue, column: Int)]) throws -> [JSONValue] {
        let usable = pairs.filter { !wanted.types[$0.column].isInexact && !Syntax.hasWindow($0.tree) }
        guard !usable.isEmpty else { return [] }
        let spreads = try spreads(wanted)
        var conditions: [JSONValue] = []
        for pair in usable {
            if spreads[pair.column].isAllNull {
                conditions.append(
                    [
                        "class": "OPERATOR", "type": "OPERATOR_IS_NULL", "alias": "",
                        "children": .array([Syntax.withoutAlias(pair.tree)]),
                    ]
                )
            } else if let text = spreads[pair.column].single {
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
        let spreads = try spreads(wanted)
        // Equality, which has no NULLs, lets scans skip what is out of range.
        let best = usable.sorted {
            let (a, b) = (spreads[$0.wanted], spreads[$1.wanted])
            return (a.hasNull ? 1 : 0, -a.distinct) < (b.hasNull ? 1 : 0, -b.distinct)
        }.prefix(2)
        let columns = best.map { "c\($0.wanted) AS k\($0.wanted)" }.joined(separator: ", ")
        let conditions = best.map {
            let isSame = spreads[$0.wanted].hasNull ? "IS NOT DISTINCT FROM" : "="
            return "s.\(SQL.identifier($0.column)) \(isSame) k.k\($0.wanted)"
        }
        return " SEMI JOIN (SELECT DISTINCT \(columns) FROM \(wanted.name)) AS k ON "
            + conditions.joined(separator: " AND ")
    }
}
