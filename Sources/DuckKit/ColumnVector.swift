internal import CDuckDB

/// Which values of a column are not NULL.
public struct Validity: Hashable, Sendable {
    /// A bit for each row, set where there is a value; nil where no row is NULL.
    private let words: [UInt64]?
    /// The number of rows.
    public let count: Int

    init(_ mask: UnsafePointer<UInt64>?, count: Int) {
        self.count = count
        words = mask.map { Array(UnsafeBufferPointer(start: $0, count: (count + 63) / 64)) }
    }

    /// Whether DuckDB says at once that no row is NULL; false does not mean that one is.
    public var isAllValid: Bool { words == nil }

    /// Whether a row has a value.
    ///
    /// - Parameter row: The row in the chunk, from 0; it must be less than ``count``.
    public subscript(row: Int) -> Bool {
        guard let words else { return true }
        return words[row >> 6] & (1 << UInt64(row & 63)) != 0
    }
}

/// A column of a chunk, read without boxing where its type allows.
public struct ColumnVector {
    private let reader: VectorReader
    private let column: ColumnDescription
    /// Keeps the memory below alive.
    private let chunk: DataChunk
    /// The number of rows.
    public let count: Int

    init(_ reader: VectorReader, column: ColumnDescription, count: Int, chunk: DataChunk) {
        self.reader = reader
        self.column = column
        self.count = count
        self.chunk = chunk
    }

    /// The column's type.
    public var type: LogicalType { column.type }

    /// Which rows have a value.
    public var validity: Validity { withExtendedLifetime(chunk) { Validity(reader.validity, count: count) } }

    /// The numbers of an integer column: TINYINT to BIGINT and UTINYINT to UINTEGER, widened.
    ///
    /// At a NULL the number is arbitrary: see ``validity``. A BIGINT column is copied in one piece.
    ///
    /// - Throws: ``DuckDBError`` of kind `mismatchType` for any other type.
    public var int64s: [Int64] {
        get throws(DuckDBError) {
            try withExtendedLifetime(chunk) { () throws(DuckDBError) -> [Int64] in
                switch column.type {
                case .bigint: copy(Int64.self)
                case .tinyint: copy(Int8.self).map { Int64($0) }
                case .smallint: copy(Int16.self).map { Int64($0) }
                case .integer: copy(Int32.self).map { Int64($0) }
                case .utinyint: copy(UInt8.self).map { Int64($0) }
                case .usmallint: copy(UInt16.self).map { Int64($0) }
                case .uinteger: copy(UInt32.self).map { Int64($0) }
                default: throw mismatch("64-bit integers")
                }
            }
        }
    }

    /// The numbers of a DOUBLE or FLOAT column.
    ///
    /// At a NULL the number is arbitrary: see ``validity``.
    ///
    /// - Throws: ``DuckDBError`` of kind `mismatchType` for any other type.
    public var doubles: [Double] {
        get throws(DuckDBError) {
            try withExtendedLifetime(chunk) { () throws(DuckDBError) -> [Double] in
                switch column.type {
                case .double: copy(Double.self)
                case .float: copy(Float.self).map { Double($0) }
                default: throw mismatch("floating-point numbers")
                }
            }
        }
    }

    /// The truth values of a BOOLEAN column; at a NULL arbitrary: see ``validity``.
    ///
    /// - Throws: ``DuckDBError`` of kind `mismatchType` for any other type.
    public var booleans: [Bool] {
        get throws(DuckDBError) {
            try withExtendedLifetime(chunk) { () throws(DuckDBError) -> [Bool] in
                // Read as bytes, since under a NULL the byte may be neither 0 nor 1, which a Bool must be.
                guard column.type == .boolean else { throw mismatch("booleans") }
                return copy(UInt8.self).map { $0 != 0 }
            }
        }
    }

    /// The strings of a VARCHAR or JSON column, nil for NULL.
    ///
    /// - Throws: ``DuckDBError`` of kind `mismatchType` for any other type.
    public var strings: [String?] {
        get throws(DuckDBError) {
            try withExtendedLifetime(chunk) { () throws(DuckDBError) -> [String?] in
                guard column.type == .varchar || column.type == .json else { throw mismatch("strings") }
                return (0..<count).map { reader.isNull($0) ? nil : reader.string($0) }
            }
        }
    }

    /// The microseconds since 1970-01-01 00:00:00 of a TIMESTAMP or TIMESTAMPTZ column.
    ///
    /// At a NULL the number is arbitrary: see ``validity``. Infinity is `Int64.max` and minus infinity `-Int64.max`.
    ///
    /// - Throws: ``DuckDBError`` of kind `mismatchType` for any other type.
    public var timestampMicroseconds: [Int64] {
        get throws(DuckDBError) {
            try withExtendedLifetime(chunk) { () throws(DuckDBError) -> [Int64] in
                guard column.type == .timestamp || column.type == .timestampTZ else { throw mismatch("timestamps") }
                return copy(Int64.self)
            }
        }
    }

    /// All values, boxed.
    ///
    /// - Throws: ``DuckDBError`` of kind `notImplemented` for a type that cannot be read.
    public var values: [Value] {
        get throws(DuckDBError) {
            try withExtendedLifetime(chunk) { () throws(DuckDBError) -> [Value] in
                try reader.values(0..<count)
            }
        }
    }

    /// One value, boxed.
    ///
    /// - Parameter row: The row in the chunk, from 0.
    /// - Returns: The value.
    /// - Throws: ``DuckDBError`` of kind `outOfRange` if there is no such row, and `notImplemented` for a type that
    ///   cannot be read.
    public func value(at row: Int) throws(DuckDBError) -> Value {
        guard (0..<count).contains(row) else {
            throw DuckDBError(
                operation: .read,
                kind: .outOfRange,
                message: "there is no row \(row): the chunk has \(count) rows"
            )
        }
        return try withExtendedLifetime(chunk) { () throws(DuckDBError) -> Value in
            try reader.values(row..<row + 1).first ?? .null
        }
    }

    private func copy<T: BitwiseCopyable>(_ type: T.Type) -> [T] {
        guard let data = reader.data else { return [] }
        return Array(UnsafeRawBufferPointer(start: data, count: count * MemoryLayout<T>.stride).bindMemory(to: T.self))
    }

    private func mismatch(_ wanted: String) -> DuckDBError {
        DuckDBError(
            operation: .read,
            kind: .mismatchType,
            message: "the column '\(column.name)' has type \(column.type) and cannot be read as \(wanted)"
        )
    }
}
