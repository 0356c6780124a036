/// An error meant for a person: what is wrong, where, and what to do about it.
public struct DuetError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A stable name for a kind of error; `docs/errors.md` lists them all.
    public struct Code: Hashable, Sendable, Codable, CustomStringConvertible {
        /// The name in capitals, as printed in brackets.
        public let name: String
        /// Names a code.
        public init(_ name: String) { self.name = name }
        /// The name.
        public var description: String { name }
    }

    /// Which kind of error this is.
    public var code: Code
    /// What is wrong, with the values found.
    public var message: String
    /// What to do about it.
    public var hint: String?
    /// Where it was found.
    public var location: SourceLocation?
    /// The line the location points into, shown under the message.
    public var excerpt: String?
    /// What an underlying library said.
    public var cause: String?
    /// Whether the same thing may succeed when it is tried again a little later, as a transfer may.
    public var mayPass = false

    /// Creates an error.
    public init(
        _ code: Code,
        _ message: String,
        hint: String? = nil,
        at location: SourceLocation? = nil,
        excerpt: String? = nil,
        cause: String? = nil
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.location = location
        self.excerpt = excerpt
        self.cause = cause
    }

    /// The text of something that is no error but worth knowing: `file:line:column: message (hint)`.
    public var note: String {
        let place = location.map { "\($0): " } ?? ""
        return place + message + (hint.map { " (\($0))" } ?? "")
    }

    /// The error as editors and people read it: `file:line:column: error[CODE]: message`, the line, a caret, the hint.
    public var description: String {
        var text = ""
        if let location { text += "\(location): " }
        text += "error[\(code)]: \(message)"
        if let excerpt, let location, location.column > 0, !excerpt.isEmpty {
            // Tabs keep their width so that the caret stands under the right character.
            let indent = excerpt.prefix(location.column - 1).map { $0 == "\t" ? "\t" : " " }.joined()
            text += "\n    \(excerpt)\n    \(indent)^"
        }
        if let cause { text += "\n  cause: \(cause)" }
        if let hint { text += "\n  hint: \(hint)" }
        return text
    }
}

/// Several errors found in one go; validation collects all it can instead of stopping at the first.
public struct DuetErrors: Error, Sendable, CustomStringConvertible {
    /// The errors, in the order a reader would fix them: by file and line, consequences last.
    public var errors: [DuetError]

    /// Bundles errors.
    public init(_ errors: [DuetError]) { self.errors = errors }

    /// All errors, one after the other.
    public var description: String { errors.map(\.description).joined(separator: "\n") }
}

extension DuetError.Code {
    /// The pipeline folder or a file of it is missing.
    public static let missingFile = Self("MISSING_FILE")
    /// A file cannot be read.
    public static let unreadableFile = Self("UNREADABLE_FILE")
    /// pipeline.yml is not well-formed YAML.
    public static let yamlSyntax = Self("YAML_SYNTAX")
    /// pipeline.yml has a key duet does not know.
    public static let unknownKey = Self("UNKNOWN_KEY")
    /// pipeline.yml lacks a key.
    public static let missingKey = Self("MISSING_KEY")
    /// A value in pipeline.yml is of the wrong kind.
    public static let wrongValue = Self("WRONG_VALUE")
    /// Something is defined twice.
    public static let duplicateName = Self("DUPLICATE_NAME")
    /// `${name}` names no parameter.
    public static let unknownParameter = Self("UNKNOWN_PARAMETER")
    /// A source is used that pipeline.yml does not declare.
    public static let unknownSource = Self("UNKNOWN_SOURCE")
    /// SQL that cannot be parsed.
    public static let sqlSyntax = Self("SQL_SYNTAX")
    /// A query reads a table that no dataset defines.
    public static let unknownTable = Self("UNKNOWN_TABLE")
    /// A query uses a column its inputs lack.
    public static let unknownColumn = Self("UNKNOWN_COLUMN")
    /// SQL that parses but does not fit together (types, names, functions).
    public static let sqlBinding = Self("SQL_BINDING")
    /// A query failed while it ran.
    public static let sqlExecution = Self("SQL_EXECUTION")
    /// Datasets that read each other in a circle.
    public static let cycle = Self("CYCLE")
    /// A statement or clause that duet does not support.
    public static let unsupported = Self("UNSUPPORTED")
    /// A secret that a source names is not where it should be.
    public static let missingSecret = Self("MISSING_SECRET")
    /// A secret is in a file that others can read.
    public static let unsafeSecret = Self("UNSAFE_SECRET")
    /// A transfer failed.
    public static let fetchFailed = Self("FETCH_FAILED")
    /// A file is not what its format says.
    public static let badFormat = Self("BAD_FORMAT")
    /// An expectation with ON VIOLATION FAIL UPDATE was violated.
    public static let expectationFailed = Self("EXPECTATION_FAILED")
    /// A model's files or library are not on this machine, or cannot be loaded.
    public static let modelMissing = Self("MODEL_MISSING")
    /// A query calls a model that pipeline.yml does not declare, or that cannot answer.
    public static let unknownModel = Self("UNKNOWN_MODEL")
    /// A model gave no answers, or too few.
    public static let inferenceFailed = Self("INFERENCE_FAILED")
    /// The calls of models would cost more than the run may spend.
    public static let budgetExceeded = Self("BUDGET_EXCEEDED")
    /// The warehouse file cannot be opened or is in use.
    public static let warehouse = Self("WAREHOUSE")
    /// The disk is full.
    public static let diskFull = Self("DISK_FULL")
    /// The run was cancelled.
    public static let cancelled = Self("CANCELLED")
    /// Something duet itself did wrong.
    public static let internalFault = Self("INTERNAL")
}
