internal import CDuckDB
internal import Foundation

extension QueryResult {
    /// Writes all rows that were not read yet as an Arrow file, the random access form of Arrow's IPC format (`.arrow`,
    /// Feather 2), which pyarrow, pandas, polars, R and others read without copying.
    ///
    /// DuckDB lays the rows out itself; what is written around them is described at
    /// https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format. Enumerations and unions must be cast first.
    ///
    /// - Parameter path: The file, which is replaced once everything is written.
    /// - Returns: The rows written.
    /// - Throws: ``DuckDBError`` with operation `read` for a type that Arrow's format has no place for, or a file that
    ///   cannot be written (kind `io`).
    public func writeArrow(to path: String) throws(DuckDBError) -> Int {
        let temporary = "\(path).part"
        do throws(DuckDBError) {
            var file = try ArrowFile(path: temporary, fields: arrowFields())
            while let rows = try nextArrow() { try file.add(rows) }
            try file.finish()
            guard rename(temporary, path) == 0 else { throw ArrowFile.failure(path, errno) }
            return file.rows
        } catch {
            unlink(temporary)
            throw error
        }
    }
}

/// A file being written: a message for the schema, one for each lot of rows, and at the end where these are.
struct ArrowFile {
    private let path: String
    private let handle: FileHandle
    private let fields: [ArrowField]
    private var position: Int64 = 0
    /// Where each lot of rows is: its start, the length of its description, the length of its values.
    private var blocks: [[Int64]] = []
    private(set) var rows = 0

    /// Version 5 of Arrow's metadata.
    private static let version = FlatBuffer.Member.int16(4)
    private static let magic = Array("ARROW1".utf8)

    init(path: String, fields: [ArrowField]) throws(DuckDBError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(path, errno) }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        self.path = path
        self.fields = fields
        try write(Self.magic + [0, 0])
        var buffer = FlatBuffer()
        let schema = Self.schema(fields, &buffer)
        try write(message: &buffer, kind: 1, schema, body: [])
    }

    static func failure(_ path: String, _ number: Int32) -> DuckDBError {
        DuckDBError(
            operation: .read,
            kind: .io,
            message: "cannot write '\(path)': \(String(cString: strerror(number)))"
        )
    }

    private static func schema(_ fields: [ArrowField], _ buffer: inout FlatBuffer) -> FlatBuffer.Place {
        let list = buffer.vector(fields.map { $0.table(&buffer) })
        return buffer.table([.int16(0), .place(list)])
    }

    mutating func add(_ array: ArrowRows) throws(DuckDBError) {
        var body = ArrowBody()
        for (index, field) in fields.enumerated() {
            guard let column = array.column(index) else { continue }
            try body.add(column, field)
        }
        var buffer = FlatBuffer()
        let buffers = buffer.vector(body.buffers)
        let nodes = buffer.vector(body.nodes)
        let batch = buffer.table([.int64(Int64(array.count)), .place(nodes), .place(buffers)])
        let start = position
        let head = try write(message: &buffer, kind: 3, batch, body: body.bytes)
        blocks.append([start, head, Int64(body.bytes.count)])
        rows += array.count
    }

    mutating func finish() throws(DuckDBError) {
        try write(number: .max)
        try write(number: 0)
        var buffer = FlatBuffer()
        let schema = Self.schema(fields, &buffer)
        // Block's second member has 32 bits and 32 of padding, which as 64 bits little-endian is the same.
        let list = buffer.vector(blocks)
        let none = buffer.vector([[Int64]]())
        let footer = buffer.finished(root: buffer.table([Self.version, .place(schema), .place(none), .place(list)]))
        try write(footer)
        try write(number: UInt32(footer.count))
        try write(Self.magic)
        do {
            try handle.close()
        } catch {
            throw Self.failure(path, errno)
        }
    }

    /// Writes a message: a mark, the length of its description, that, and the body, each to a multiple of 8 bytes.
    ///
    /// - Returns: The bytes up to the body.
    @discardableResult
    private mutating func write(
        message buffer: inout FlatBuffer,
        kind: UInt8,
        _ content: FlatBuffer.Place,
        body: [UInt8]
    ) throws(DuckDBError) -> Int64 {
        let message = buffer.table([Self.version, .int8(kind), .place(content), .int64(Int64(body.count))])
        let description = buffer.finished(root: message)
        try write(number: .max)
        try write(number: UInt32(description.count))
        try write(description)
        try write(body)
        return Int64(description.count + 8)
    }

    private mutating func write(number: UInt32) throws(DuckDBError) {
        try write((0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32($0 * 8)) })
    }

    private mutating func write(_ bytes: [UInt8]) throws(DuckDBError) {
        do {
            try handle.write(contentsOf: bytes)
        } catch {
            throw Self.failure(path, errno)
        }
        position += Int64(bytes.count)
    }
}

/// The values of a lot of rows, buffer behind buffer, each beginning at a multiple of 8 bytes.
struct ArrowBody {
    private(set) var bytes: [UInt8] = []
    /// Of each column, its children behind it: the rows, and how many are NULL.
    private(set) var nodes: [[Int64]] = []
    /// Of each buffer: where it begins, and its length.
    private(set) var buffers: [[Int64]] = []

    mutating func add(_ array: ArrowArray, _ field: ArrowField) throws(DuckDBError) {
        let count = Int(array.length)
        guard array.offset == 0, Int(array.n_children) == field.children.count else {
            throw DuckDBError(
                operation: .read,
                kind: .notImplemented,
                message: "the column '\(field.name)' comes in a form of Arrow's that cannot be written"
            )
        }
        let valid = array.n_buffers > 0 ? array.buffers?[0] : nil
        let nulls: Int
        if case .none = field.layout { nulls = count } else { nulls = Self.nulls(valid, count, array.null_count) }
        nodes.append([array.length, Int64(nulls)])
        if case .none = field.layout { return }
        append(nulls == 0 ? nil : valid, (count + 7) / 8)
        let second = array.n_buffers > 1 ? array.buffers?[1] : nil
        switch field.layout {
        case .none, .children: break
        case .bits: append(second, (count + 7) / 8)
        case .fixed(let size): append(second, count * size)
        case .list(let size): append(second, (count + 1) * size)
        case .bytes(let size):
            append(second, (count + 1) * size)
            append(array.n_buffers > 2 ? array.buffers?[2] : nil, Self.place(count, in: second, size))
        }
        for (index, child) in field.children.enumerated() {
            guard let column = array.children?[index]?.pointee else { continue }
            try add(column, child)
        }
    }

    private mutating func append(_ buffer: UnsafeRawPointer?, _ count: Int) {
        let length = buffer == nil ? 0 : count
        buffers.append([Int64(bytes.count), Int64(length)])
        if let buffer { bytes += UnsafeRawBufferPointer(start: buffer, count: count) }
        bytes += [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8)
    }

    private static func place(_ index: Int, in buffer: UnsafeRawPointer?, _ size: Int) -> Int {
        guard let buffer else { return 0 }
        return size == 4
            ? Int(buffer.loadUnaligned(fromByteOffset: index * 4, as: Int32.self))
            : Int(buffer.loadUnaligned(fromByteOffset: index * 8, as: Int64.self))
    }

    /// How many of the first bits are 0; a count below 0 says that nobody counted.
    private static func nulls(_ bits: UnsafeRawPointer?, _ count: Int, _ known: Int64) -> Int {
        guard let bits, known != 0 else { return 0 }
        guard known < 0 else { return Int(known) }
        return (0..<count).count { row in
            bits.load(fromByteOffset: row / 8, as: UInt8.self) >> UInt8(row % 8) & 1 == 0
        }
    }
}
