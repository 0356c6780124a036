public import DuetPipeline

/// What an activity of a data factory read and wrote, as its run had it.
public struct Movement: Sendable, Hashable {
    /// A table of the warehouse, or a file elsewhere.
    public struct Place: Sendable, Hashable {
        /// Whose name it is, as `file` or `https://host`; empty for tables of the warehouse.
        public var namespace: String
        /// The path, or `schema.table`.
        public var name: String
        /// The factory's dataset that it is an instance of; nil for tables that a statement names.
        public var dataset: String?

        /// Names a place.
        public init(namespace: String = "", name: String, dataset: String? = nil) {
            self.namespace = namespace
            self.name = name
            self.dataset = dataset
        }
    }

    /// A column of a place, and how it takes part: in the words of `duet lineage`.
    public struct Origin: Sendable, Hashable {
        /// The place's number among ``inputs``.
        public var input: Int
        /// The column.
        public var column: String
        /// `identity`, `transformation` and so on.
        public var kind: String

        /// Names a column.
        public init(input: Int, column: String, kind: String) {
            self.input = input
            self.column = column
            self.kind = kind
        }
    }

    /// A column that was written.
    public struct Column: Sendable, Hashable {
        /// The name.
        public var name: String
        /// What its values depend on.
        public var origins: [Origin]

        /// Names a column.
        public init(name: String, origins: [Origin]) {
            self.name = name
            self.origins = origins
        }
    }

    /// A place that was written, with its columns as far as they are known without SQL.
    public struct Output: Sendable, Hashable {
        /// The place.
        public var place: Place
        /// The columns.
        public var columns: [Column]
        /// What decides which rows there are.
        public var rows: [Origin] = []
        /// Why the columns are not known, in words that follow "because"; nil when they are.
        public var unknown: String?
        /// The query whose rows were written; the columns then follow from it.
        public var query: String?
        /// The schema of the tables that the query names without one.
        public var schema: String?
        /// The columns of the tables that the query may name, by the names it has for them, in lower case.
        public var relations: [String: [String]] = [:]
        /// What was done to the place's rows; nil where it is not known.
        public var effect: Effect?
        /// How the rows follow from what was read, where ``query`` does not tell.
        public var recipe: Recipe?
        /// Whether no data were moved: the place was made empty or taken away.
        public var isQuiet = false
        /// Whether rows were deleted: ``query`` then tells by what, and has no columns.
        public var isDeletion = false

        /// Names a place.
        public init(place: Place, columns: [Column] = [], unknown: String? = nil, query: String? = nil) {
            self.place = place
            self.columns = columns
            self.unknown = unknown
            self.query = query
        }
    }

    /// What was read.
    public var inputs: [Place]
    /// What was written.
    public var outputs: [Output]
    /// Why what was moved is not told, in words that follow "because"; nil when it is.
    public var hidden: String?

    /// Creates a movement.
    public init(inputs: [Place], outputs: [Output]) {
        self.inputs = inputs
        self.outputs = outputs
    }
}

extension Movement {
    /// The movement as JSON.
    public var json: JSONValue {
        var object: JSONObject = [
            "inputs": .array(inputs.map(\.json)), "outputs": .array(outputs.map(\.json)),
        ]
        object["hidden"] = hidden.map { .string($0) }
        return .object(object)
    }

    /// Reads what ``json`` gave; nil for anything else.
    public init?(json: JSONValue) {
        guard let inputs = json["inputs"]?.array, let outputs = json["outputs"]?.array else { return nil }
        self.init(inputs: inputs.compactMap(Place.init), outputs: outputs.compactMap(Output.init))
        hidden = json["hidden"]?.string
    }
}

extension Movement.Place {
    fileprivate var json: JSONValue {
        var object: JSONObject = ["name": .string(name)]
        if !namespace.isEmpty { object["namespace"] = .string(namespace) }
        object["dataset"] = dataset.map { .string($0) }
        return .object(object)
    }

    fileprivate init?(_ json: JSONValue) {
        guard let name = json["name"]?.string else { return nil }
        self.init(namespace: json["namespace"]?.string ?? "", name: name, dataset: json["dataset"]?.string)
    }
}

extension Movement.Origin {
    fileprivate var json: JSONValue { [.integer(Int64(input)), .string(column), .string(kind)] }

    fileprivate init?(_ json: JSONValue) {
        guard let parts = json.array, parts.count == 3, let input = parts[0].integer, let column = parts[1].string,
            let kind = parts[2].string
        else { return nil }
        self.init(input: input, column: column, kind: kind)
    }
}

extension Movement.Output {
    fileprivate var json: JSONValue {
        var object: JSONObject = ["place": place.json]
        if !columns.isEmpty {
            object["columns"] = .array(
                columns.map { ["name": .string($0.name), "origins": .array($0.origins.map(\.json))] }
            )
        }
        if !rows.isEmpty { object["rows"] = .array(rows.map(\.json)) }
        object["unknown"] = unknown.map { .string($0) }
        object["query"] = query.map { .string($0) }
        object["schema"] = schema.map { .string($0) }
        object["effect"] = effect.map { .string($0.rawValue) }
        object["recipe"] = recipe?.json
        if isQuiet { object["quiet"] = true }
        if isDeletion { object["deletion"] = true }
        if !relations.isEmpty {
            let sorted = relations.sorted { $0.key < $1.key }
            object["relations"] = .object(
                JSONObject(sorted.map { ($0.key, .array($0.value.map { .string($0) })) })
            )
        }
        return .object(object)
    }

    fileprivate init?(_ json: JSONValue) {
        guard let place = json["place"].flatMap(Movement.Place.init) else { return nil }
        self.init(
            place: place,
            columns: (json["columns"]?.array ?? []).map {
                Movement.Column(
                    name: $0["name"]?.string ?? "",
                    origins: ($0["origins"]?.array ?? []).compactMap(Movement.Origin.init)
                )
            },
            unknown: json["unknown"]?.string,
            query: json["query"]?.string
        )
        schema = json["schema"]?.string
        effect = json["effect"]?.string.flatMap(Movement.Effect.init)
        recipe = json["recipe"].flatMap(Recipe.init)
        isQuiet = json["quiet"]?.bool ?? false
        isDeletion = json["deletion"]?.bool ?? false
        rows = (json["rows"]?.array ?? []).compactMap(Movement.Origin.init)
        for member in json["relations"]?.object?.members ?? [] {
            relations[member.key] = member.value.array?.compactMap(\.string) ?? []
        }
    }
}
