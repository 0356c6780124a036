internal import CDuckDB

extension DuckDBError {
    /// The class of a failure.
    ///
    /// A struct and not an enum, since DuckDB adds classes: compare with the constants and have a default.
    public struct Kind: Hashable, Sendable, CustomStringConvertible {
        private let rawValue: String

        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }

        /// The class in DuckDB's own spelling, such as `Invalid Input`.
        public var description: String { rawValue }

        /// The text is not SQL.
        public static let parser = Kind("Parser")
        /// A name or a type does not fit.
        public static let binder = Kind("Binder")
        /// A table, view, function or type does not exist, or exists already.
        public static let catalog = Kind("Catalog")
        /// A row breaks a key, a check or NOT NULL.
        public static let constraint = Kind("Constraint")
        /// A value cannot be cast to the type asked for.
        public static let conversion = Kind("Conversion")
        /// An argument is not acceptable; also what `error('...')` in SQL raises.
        public static let invalidInput = Kind("Invalid Input")
        /// A file cannot be read, written, locked or understood.
        public static let io = Kind("IO")
        /// The statement was interrupted.
        public static let interrupt = Kind("INTERRUPT")
        /// A transaction is missing, already open, aborted or in conflict with another.
        public static let transaction = Kind("TransactionContext")
        /// The memory limit was reached.
        public static let outOfMemory = Kind("Out of Memory")
        /// A number left the range of its type, or an index the range of what it indexes.
        public static let outOfRange = Kind("Out of Range")
        /// The connection or statement was closed before it was used.
        public static let closed = Kind("Closed")
        /// DuckDB, or this binding, does not do this.
        public static let notImplemented = Kind("Not implemented")
        /// A setting does not allow this.
        public static let permission = Kind("Permission")
        /// Another catalog entry depends on this one.
        public static let dependency = Kind("Dependency")
        /// An extension that would be needed is not loaded.
        public static let missingExtension = Kind("Missing Extension")
        /// A server answered badly or not at all.
        public static let http = Kind("HTTP")
        /// A sequence is used up or unused.
        public static let sequence = Kind("Sequence")
        /// Stored bytes cannot be decoded.
        public static let serialization = Kind("Serialization")
        /// A configuration option does not exist or has no such value.
        public static let invalidConfiguration = Kind("Invalid Configuration")
        /// Types do not match.
        public static let mismatchType = Kind("Mismatch Type")
        /// The database can no longer be used and must be opened again.
        public static let fatal = Kind("FATAL")
        /// A fault in DuckDB itself.
        public static let `internal` = Kind("INTERNAL")
        /// Nothing is known about the class.
        public static let unknown = Kind("Unknown")

        /// The class for DuckDB's `exception_type`, which is also the word before ` Error: ` in a plain message.
        init(exceptionType: String) {
            self.init(exceptionType)
        }

        /// The class for an error code of the C API.
        init(_ code: duckdb_error_type) {
            self =
                switch code {
                case DUCKDB_ERROR_PARSER: .parser
                case DUCKDB_ERROR_BINDER: .binder
                case DUCKDB_ERROR_CATALOG: .catalog
                case DUCKDB_ERROR_CONSTRAINT: .constraint
                case DUCKDB_ERROR_CONVERSION: .conversion
                case DUCKDB_ERROR_INVALID_INPUT: .invalidInput
                case DUCKDB_ERROR_IO: .io
                case DUCKDB_ERROR_INTERRUPT: .interrupt
                case DUCKDB_ERROR_TRANSACTION: .transaction
                case DUCKDB_ERROR_OUT_OF_MEMORY: .outOfMemory
                case DUCKDB_ERROR_OUT_OF_RANGE: .outOfRange
                case DUCKDB_ERROR_NOT_IMPLEMENTED: .notImplemented
                case DUCKDB_ERROR_PERMISSION: .permission
                case DUCKDB_ERROR_DEPENDENCY: .dependency
                case DUCKDB_ERROR_MISSING_EXTENSION: .missingExtension
                case DUCKDB_ERROR_HTTP: .http
                case DUCKDB_ERROR_SEQUENCE: .sequence
                case DUCKDB_ERROR_SERIALIZATION: .serialization
                case DUCKDB_INVALID_CONFIGURATION: .invalidConfiguration
                case DUCKDB_ERROR_MISMATCH_TYPE: .mismatchType
                case DUCKDB_ERROR_FATAL: .fatal
                case DUCKDB_ERROR_INTERNAL: .internal
                default: .unknown
                }
        }
    }
}
