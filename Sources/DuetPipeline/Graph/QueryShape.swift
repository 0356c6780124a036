/// What a query reads and uses, as DuckDB's syntax tree tells.
public struct QueryShape: Hashable, Sendable {
    /// A relation that the query names, other than its own common table expressions.
    public struct Reference: Hashable, Sendable {
        /// The schema as written; empty when only the table is named.
        public var schema: String
        /// The table as written.
        public var table: String
        /// The place in the query's text, in UTF-8; nil when DuckDB does not tell.
        public var offset: Int?

        /// Creates a reference.
        public init(schema: String, table: String, offset: Int? = nil) {
            self.schema = schema
            self.table = table
            self.offset = offset
        }
    }

    /// The relations, in the order of the text, each as often as it is named.
    public var references: [Reference]
    /// The names of the functions called, in lower case, each once.
    public var functions: [String]
    /// Whether the result depends on when it is computed, so that it may change though nothing it reads does.
    public var readsClock: Bool
    /// The calls of models.
    public var inferences: [InferenceCall] = []
    /// The columns of the result that hold answers of models as they are.
    public var inferenceColumns: [InferenceColumn] = []

    /// Creates a shape.
    public init(references: [Reference], functions: [String], readsClock: Bool = false) {
        self.references = references
        self.functions = functions
        self.readsClock = readsClock
    }

    /// Reads the shape off the tree that `json_serialize_sql` writes for a SELECT.
    public init(syntaxTree: JSONValue) {
        var walker = ShapeWalker()
        walker.walk(syntaxTree, commonTables: [])
        references = walker.references
        functions = walker.functions.sorted()
        readsClock = walker.readsClock || !walker.functions.isDisjoint(with: ShapeWalker.clock)
        inferences = walker.inferences
        if !inferences.isEmpty { inferenceColumns = InferenceColumnFinder.columns(of: syntaxTree) }
    }
}

private struct ShapeWalker {
    var references: [QueryShape.Reference] = []
    var functions: Set<String> = []
    var readsClock = false
    var inferences: [InferenceCall] = []

    static let clock: Set<String> = [
        "now", "today", "get_current_time", "get_current_timestamp", "transaction_timestamp", "current_localtime",
        "current_localtimestamp",
    ]
    /// DuckDB's tree has these as columns.
    private static let clockWords: Set<String> = [
        "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp",
    ]

    /// Goes through every value of the tree; `commonTables` are the names that WITH clauses around it define.
    mutating func walk(_ value: JSONValue, commonTables: Set<String>) {
        switch value {
        case .array(let values):
            for value in values { walk(value, commonTables: commonTables) }
        case .object(let object):
            var visible = commonTables
            // A query node carries its common table expressions; in DuckDB each of them sees those before it, and a
            // recursive one itself.
            if let map = object["cte_map"]?["map"]?.array {
                for entry in map {
                    guard let name = entry["key"]?.string else { continue }
                    let definition = entry["value"] ?? .null
                    let isRecursive = definition["query"]?["node"]?["type"]?.string == "RECURSIVE_CTE_NODE"
                    walk(definition, commonTables: isRecursive ? visible.union([name.lowercased()]) : visible)
                    visible.insert(name.lowercased())
                }
            }
            note(object, commonTables: visible)
            for member in object.members where member.key != "cte_map" {
                walk(member.value, commonTables: visible)
            }
        default: break
        }
    }

    private mutating func note(_ object: JSONObject, commonTables: Set<String>) {
        if object["type"]?.string == "BASE_TABLE", let table = object["table_name"]?.string {
            let schema = object["schema_name"]?.string ?? ""
            if !schema.isEmpty || !commonTables.contains(table.lowercased()) {
                references.append(
                    QueryShape.Reference(schema: schema, table: table, offset: object["query_location"]?.integer)
                )
            }
        }
        if object["class"]?.string == "COLUMN_REF", let names = object["column_names"]?.array, names.count == 1,
            let name = names[0].string, Self.clockWords.contains(name.lowercased())
        {
            readsClock = true
        }
        if let function = object["function_name"]?.string, !function.isEmpty {
            functions.insert(function.lowercased())
            if let call = InferenceCall(node: object) { inferences.append(call) }
        }
    }
}

extension QueryShape {
    /// The shape as JSON, to be kept.
    public var json: JSONValue {
        var object: JSONObject = [
            "references": .array(
                references.map {
                    [
                        "schema": .string($0.schema), "table": .string($0.table),
                        "offset": $0.offset.map { .integer(Int64($0)) } ?? .null,
                    ]
                }
            ),
            "functions": .array(functions.map { .string($0) }),
            "reads_clock": .bool(readsClock),
        ]
        guard !inferences.isEmpty else { return .object(object) }
        object["inferences"] = .array(
            inferences.map {
                [
                    "function": .string($0.function.rawValue), "model": $0.model.map { .string($0) } ?? .null,
                    "computed": .bool($0.hasComputedModel), "offset": $0.offset.map { .integer(Int64($0)) } ?? .null,
                ]
            }
        )
        object["inference_columns"] = .array(
            inferenceColumns.map { ["name": .string($0.name), "function": .string($0.function.rawValue)] }
        )
        return .object(object)
    }

    /// Reads what ``json`` gave.
    public init(json: JSONValue) {
        references = (json["references"]?.array ?? []).map {
            Reference(
                schema: $0["schema"]?.string ?? "",
                table: $0["table"]?.string ?? "",
                offset: $0["offset"]?.integer
            )
        }
        functions = (json["functions"]?.array ?? []).compactMap(\.string)
        readsClock = json["reads_clock"]?.bool ?? false
        inferences = (json["inferences"]?.array ?? []).compactMap { call in
            guard let function = call["function"]?.string.flatMap(InferenceFunction.init(rawValue:)) else { return nil }
            var inference = InferenceCall(function: function, model: call["model"]?.string)
            inference.hasComputedModel = call["computed"]?.bool ?? false
            inference.offset = call["offset"]?.integer
            return inference
        }
        inferenceColumns = (json["inference_columns"]?.array ?? []).compactMap { column in
            guard let function = column["function"]?.string.flatMap(InferenceFunction.init(rawValue:)) else {
                return nil
            }
            return column["name"]?.string.map { InferenceColumn(name: $0, function: function) }
        }
    }
}
