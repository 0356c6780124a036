internal import DuckKit
internal import DuetEngine
internal import DuetPipeline

/// A query's syntax tree as DuckDB writes it, to be looked at, changed and turned back into SQL.
struct SyntaxTree {
    /// The first statement's query node.
    var node: JSONValue

    init(of query: String, _ connection: Connection) throws {
        let tree = try QueryAnalysis.tree(of: query, connection)
        guard let statement = tree["statements"]?.array?.first, let node = statement["node"] else {
            throw DuetError(.internalFault, "DuckDB's syntax tree has no statement", cause: query)
        }
        self.node = node
    }

    /// The tree as SQL, in DuckDB's own spelling.
    func sql(_ connection: Connection) throws -> String {
        let document: JSONValue = [
            "error": false,
            "statements": [["node": Self.withoutLocations(node), "named_param_map": []]],
        ]
        return try connection.sql(fromSyntaxTree: document.text())
    }

    /// Locations mean nothing in another text, and "none" is a number too large for 64 signed bits.
    private static func withoutLocations(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let values): .array(values.map(withoutLocations))
        case .object(let object):
            .object(
                JSONObject(
                    object.members.filter { $0.key != "query_location" }.map { ($0.key, withoutLocations($0.value)) }
                )
            )
        default: value
        }
    }

    /// Changes every object of a tree, innermost first.
    static func map(_ value: JSONValue, _ transform: (JSONObject) -> JSONObject) -> JSONValue {
        switch value {
        case .array(let values): .array(values.map { map($0, transform) })
        case .object(let object): .object(transform(object.mapValues { map($0, transform) }))
        default: value
        }
    }

    /// Whether any object of a tree meets a condition.
    static func contains(_ value: JSONValue, _ condition: (JSONObject) -> Bool) -> Bool {
        switch value {
        case .array(let values): values.contains { contains($0, condition) }
        case .object(let object): condition(object) || object.members.contains { contains($0.value, condition) }
        default: false
        }
    }
}
