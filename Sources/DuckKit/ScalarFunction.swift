internal import CDuckDB

/// A function written in Swift that SQL can call like any other.
///
/// It is called with up to 2048 rows at a time, from several threads, and need not be called for a row whose result
/// nothing uses.
public struct ScalarFunction: Sendable {
    /// The name; functions of one name and other parameters are registered together.
    public var name: String
    /// The types of the parameters, in order.
    public var parameters: [LogicalType]
    /// The type of the result; it must fit what ``body`` gives, see ``FunctionResult``.
    public var result: LogicalType
    /// Whether DuckDB must leave calls where they stand.
    ///
    /// Else it takes equal arguments to give equal results: it may call the function for constants while it plans, call
    /// it once for equal calls of a query, and call it in a condition before others that would have kept a row out.
    public var isCostly: Bool
    /// Computes the results of a call, one for each row; what it throws fails the statement with its description.
    public var body: @Sendable (FunctionCall) throws -> FunctionResult

    /// Describes a function.
    public init(
        name: String,
        parameters: [LogicalType],
        result: LogicalType,
        isCostly: Bool = false,
        body: @escaping @Sendable (FunctionCall) throws -> FunctionResult
    ) {
        self.name = name
        self.parameters = parameters
        self.result = result
        self.isCostly = isCostly
        self.body = body
    }
}

/// The rows that a function is called with; to be read only while its body runs.
public struct FunctionCall {
    /// The connection whose statement calls: ``Connection/identifier`` of it.
    public let connection: Int
    /// The number of rows.
    public let count: Int
    private let readers: [VectorReader]

    init(connection: Int, chunk: duckdb_data_chunk, parameters: [LogicalType]) {
        self.connection = connection
        count = Int(duckdb_data_chunk_get_size(chunk))
        readers = parameters.enumerated().compactMap { index, type in
            duckdb_data_chunk_get_vector(chunk, idx_t(index)).map { VectorReader($0, type) }
        }
    }

    /// An argument's texts, nil for NULL.
    ///
    /// - Parameter index: The parameter's place, from 0; it must be a VARCHAR.
    /// - Returns: A text or nil for each row.
    public func strings(_ index: Int) -> [String?] {
        let reader = readers[index]
        return (0..<count).map { reader.isNull($0) ? nil : reader.string($0) }
    }

    /// An argument's lists of texts, nil for NULL; a NULL within a list is left out.
    ///
    /// - Parameter index: The parameter's place, from 0; it must be a list of VARCHAR.
    /// - Returns: A list or nil for each row.
    public func stringLists(_ index: Int) -> [[String]?] { readers[index].stringLists(count) }

    /// An argument's values.
    ///
    /// - Parameter index: The parameter's place, from 0.
    /// - Returns: A value for each row.
    /// - Throws: ``DuckDBError`` for a type that cannot be read.
    public func values(_ index: Int) throws(DuckDBError) -> [Value] { try readers[index].values(0..<count) }
}

/// Only the body may have it, on its own thread.
@available(*, unavailable)
extension FunctionCall: Sendable {}

/// What a function gives: one entry for each row, nil for NULL.
public enum FunctionResult {
    /// For a VARCHAR.
    case strings([String?])
    /// For a DOUBLE.
    case doubles([Double?])
    /// For a BOOLEAN.
    case booleans([Bool?])
    /// For a list of FLOAT.
    case floatLists([[Float]?])
    /// For a MAP of VARCHAR to VARCHAR; keys must differ.
    case maps([[(key: String, value: String?)]?])

    var count: Int {
        switch self {
        case .strings(let rows): rows.count
        case .doubles(let rows): rows.count
        case .booleans(let rows): rows.count
        case .floatLists(let rows): rows.count
        case .maps(let rows): rows.count
        }
    }
}

extension Database {
    /// Makes functions known to every connection, for as long as the database is open.
    ///
    /// - Parameter functions: The functions; those of one name must be given in one call.
    /// - Throws: ``DuckDBError`` when DuckDB refuses one.
    public func register(_ functions: [ScalarFunction]) throws(DuckDBError) {
        let connection = try connect()
        for (name, overloads) in Dictionary(grouping: functions, by: \.name).sorted(by: { $0.key < $1.key }) {
            try connection.live().register(name, overloads)
        }
    }
}

extension Connection {
    /// A number that no other open connection of the database has.
    public var identifier: Int {
        get throws(DuckDBError) {
            try live().lend { connection in
                var context: duckdb_client_context?
                duckdb_connection_get_client_context(connection, &context)
                guard let open = context else { return -1 }
                defer { duckdb_destroy_client_context(&context) }
                return Int(duckdb_client_context_get_connection_id(open))
            }
        }
    }
}
