internal import DuckKit
internal import DuetEvents

/// The queries of a data flow's streams, kept so that its rows can be followed back through them.
final class DataFlowRecord {
    private struct Definition {
        var relation: String
        var query: String
        /// Why rows cannot be followed through it; nil when they can.
        var obstacle: String?
    }

    private var definitions: [Definition] = []
    private var scans: [Recipe.Scan] = []
    private var schemas: Set<String> = []

    /// Notes a stream's query.
    func define(_ relation: String, _ query: String, step: String) {
        let isNumbered = query.contains("nextval('")
        definitions.append(
            Definition(
                relation: relation,
                query: query,
                obstacle: isNumbered ? "'\(step)' takes numbers from a sequence, which gives others each time" : nil
            )
        )
    }

    /// Notes a relation whose rows are computed outside of SQL.
    func compute(_ relation: String, step: String) {
        definitions.append(
            Definition(relation: relation, query: "", obstacle: "'\(step)' computes its values outside of SQL")
        )
    }

    /// Notes files that a source reads, and gives the name that they have as a relation.
    func scan(
        _ paths: [String],
        _ layout: FileLayout,
        dataset: String,
        _ connection: Connection
    ) throws -> String {
        let relation = "__duet_files_\(scans.count)"
        scans.append(try Recipe.Scan(relation, paths, layout, dataset: dataset, connection))
        return relation
    }

    /// Notes files that have been described already.
    func scan(_ scans: [Recipe.Scan]) { self.scans += scans }

    /// A name for the next files.
    var nextScan: String { "__duet_files_\(scans.count)" }

    /// Notes the schema in which a source's query finds its tables.
    func read(in schema: String) { schemas.insert(schema) }

    /// The recipe of rows that a query over the streams gives.
    func recipe(_ query: String) -> Recipe {
        var needed: Set<Int> = []
        var open = [query]
        while let text = open.popLast() {
            for (number, definition) in definitions.enumerated()
            where !needed.contains(number) && text.contains(definition.relation) {
                needed.insert(number)
                open.append(definition.query)
            }
        }
        let used = needed.sorted().map { definitions[$0] }
        if let obstacle = used.compactMap(\.obstacle).first { return Recipe(query: "", unknown: obstacle) }
        guard schemas.count < 2 else { return Recipe(query: "", unknown: "its queries read in several schemas") }
        let list = used.map { "\($0.relation) AS (\($0.query))" }
        let texts = used.map(\.query) + [query]
        return Recipe(
            query: (list.isEmpty ? "" : "WITH \(list.joined(separator: ", ")) ") + query,
            schema: schemas.first,
            scans: scans.filter { scan in texts.contains { $0.contains(SQL.identifier(scan.relation)) } }
        )
    }
}
