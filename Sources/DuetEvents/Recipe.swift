internal import DuetPipeline

/// How rows that an activity wrote follow from what it read, so that they can be found there again.
public struct Recipe: Sendable, Hashable {
    /// A file as it was when it was read.
    public struct File: Sendable, Hashable {
        /// Where it lies on this machine.
        public var path: String
        /// Its bytes.
        public var size: Int
        /// When it was last changed, in seconds since 1970.
        public var modified: Double

        /// Notes a file.
        public init(path: String, size: Int, modified: Double) {
            self.path = path
            self.size = size
            self.modified = modified
        }
    }

    /// Files that the query reads as one relation.
    public struct Scan: Sendable, Hashable {
        /// The relation's name in the query.
        public var relation: String
        /// The SELECT that reads them.
        public var query: String
        /// The factory's dataset.
        public var dataset: String
        /// The files.
        public var files: [File]

        /// Names files.
        public init(relation: String, query: String, dataset: String, files: [File]) {
            self.relation = relation
            self.query = query
            self.dataset = dataset
            self.files = files
        }
    }

    /// The SELECT whose rows were written; empty when ``unknown`` says why there is none.
    public var query: String
    /// The schema of the tables that it names without one.
    public var schema: String?
    /// The written table's columns by their places; empty where columns go by their names.
    public var columns: [String] = []
    /// What it reads from files.
    public var scans: [Scan] = []
    /// Why rows cannot be traced through it, in words that follow "because"; nil when they can.
    public var unknown: String?

    /// Creates a recipe.
    public init(query: String, schema: String? = nil, scans: [Scan] = [], unknown: String? = nil) {
        self.query = query
        self.schema = schema
        self.scans = scans
        self.unknown = unknown
    }
}

extension Movement {
    /// What an activity did to a table's rows.
    public enum Effect: String, Sendable, Hashable {
        /// Rows were added, and all others stayed as they were.
        case append
        /// The table has this activity's rows alone.
        case replace
        /// Rows were changed or taken away.
        case change
        /// All rows were taken away, or the table was.
        case clear
    }
}

extension Recipe {
    /// The recipe as JSON.
    var json: JSONValue {
        var object: JSONObject = ["query": .string(query)]
        object["schema"] = schema.map { .string($0) }
        if !columns.isEmpty { object["columns"] = .array(columns.map { .string($0) }) }
        if !scans.isEmpty {
            object["scans"] = .array(
                scans.map { scan in
                    [
                        "relation": .string(scan.relation), "query": .string(scan.query),
                        "dataset": .string(scan.dataset),
                        "files": .array(
                            scan.files.map { file in
                                [.string(file.path), .integer(Int64(file.size)), .double(file.modified)]
                            }
                        ),
                    ]
                }
            )
        }
        object["unknown"] = unknown.map { .string($0) }
        return .object(object)
    }

    /// Reads what ``json`` gave; nil for anything else.
    init?(json: JSONValue) {
        guard let query = json["query"]?.string else { return nil }
        self.init(query: query, schema: json["schema"]?.string, unknown: json["unknown"]?.string)
        columns = json["columns"]?.array?.compactMap(\.string) ?? []
        scans = (json["scans"]?.array ?? []).map { scan in
            Scan(
                relation: scan["relation"]?.string ?? "",
                query: scan["query"]?.string ?? "",
                dataset: scan["dataset"]?.string ?? "",
                files: (scan["files"]?.array ?? []).compactMap(File.init)
            )
        }
    }
}

extension Recipe.File {
    fileprivate init?(_ json: JSONValue) {
        guard let parts = json.array, parts.count == 3, let path = parts[0].string, let size = parts[1].integer else {
            return nil
        }
        let modified: Double
        switch parts[2] {
        case .double(let number): modified = number
        case .integer(let number): modified = Double(number)
        default: return nil
        }
        self.init(path: path, size: size, modified: modified)
    }
}
