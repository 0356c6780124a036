internal import DuetPipeline

/// What each style's definition takes to write and to change, counted in its files.
public struct EffortReport: Sendable, Hashable {
    /// The size of one style's definition.
    public struct Size: Sendable, Hashable {
        /// Whose: `declarative`, `procedural, derived` or `procedural, hand-written`.
        public var definition: String
        /// Files.
        public var files: Int
        /// Statements, or activities.
        public var statements: Int
        /// Lines that are not empty and no comment.
        public var lines: Int
        /// Tokens: words, names, numbers, strings and punctuation of SQL; names, values and punctuation of JSON.
        public var tokens: Int

        /// Creates a size.
        public init(definition: String, files: Int, statements: Int, lines: Int, tokens: Int) {
            self.definition = definition
            self.files = files
            self.statements = statements
            self.lines = lines
            self.tokens = tokens
        }
    }

    /// A typical change, and how many places of each definition name what is changed.
    public struct Change: Sendable, Hashable {
        /// The change.
        public var change: String
        /// What was counted, for who wants to count again.
        public var counted: String
        /// Places on average, in the order of the sizes; nil where nothing of the kind is there.
        public var places: [Double?]

        /// Creates a change.
        public init(change: String, counted: String, places: [Double?]) {
            self.change = change
            self.counted = counted
            self.places = places
        }
    }

    /// The sizes.
    public var sizes: [Size]
    /// The changes.
    public var changes: [Change]

    /// Creates a report.
    public init(sizes: [Size], changes: [Change]) {
        self.sizes = sizes
        self.changes = changes
    }

    /// The report as JSON.
    var json: JSONValue {
        [
            "sizes": .array(
                sizes.map {
                    [
                        "definition": .string($0.definition), "files": .integer(Int64($0.files)),
                        "statements": .integer(Int64($0.statements)), "lines": .integer(Int64($0.lines)),
                        "tokens": .integer(Int64($0.tokens)),
                    ]
                }
            ),
            "changes": .array(
                changes.map {
                    [
                        "change": .string($0.change), "counted": .string($0.counted),
                        "places": .array($0.places.map { $0.map { .double($0) } ?? .null }),
                    ]
                }
            ),
        ]
    }
}
