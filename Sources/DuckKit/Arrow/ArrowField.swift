internal import CDuckDB

/// A column's type as Arrow names it, read from the C data interface.
///
/// Format strings: https://arrow.apache.org/docs/format/CDataInterface.html#data-type-description-format-strings.
/// Type numbers and members: `Schema.fbs` of Arrow's format, version 5.
struct ArrowField {
    /// How a column's values lie in its buffers, besides the one that says which are NULL.
    enum Layout {
        case none
        case bits
        case fixed(bytes: Int)
        /// Where each value begins in the bytes that follow, with so many bytes for a place.
        case bytes(placeSize: Int)
        /// Where each list begins in the child.
        case list(placeSize: Int)
        /// Everything is in the children.
        case children
    }

    let name: String
    let layout: Layout
    let children: [ArrowField]
    private let isNullable: Bool
    private let number: UInt8
    private let members: [FlatBuffer.Member?]
    private let zone: String?

    init(_ schema: ArrowSchema) throws(DuckDBError) {
        name = schema.name.map { String(cString: $0) } ?? ""
        let format = schema.format.map { String(cString: $0) } ?? ""
        // ARROW_FLAG_NULLABLE
        isNullable = schema.flags & 2 != 0
        var children: [ArrowField] = []
        for index in 0..<Int(schema.n_children) {
            guard let child = schema.children?[index]?.pointee else { continue }
            children.append(try ArrowField(child))
        }
        self.children = children
        guard schema.dictionary == nil, let known = Self.known(format) else {
            throw DuckDBError(
                operation: .read,
                kind: .notImplemented,
                message:
                    "the column '\(name)' has Arrow's type '\(format)', which cannot be written; cast it in the query"
            )
        }
        (number, members, layout) = known
        zone = format.hasPrefix("ts") && format.count > 4 ? String(format.dropFirst(4)) : nil
    }

    private typealias Known = (UInt8, [FlatBuffer.Member?], Layout)

    private static func known(_ format: String) -> Known? {
        let units: [Character: Int16] = ["s": 0, "m": 1, "u": 2, "n": 3]
        if let simple = simple(format) { return simple }
        if format.hasPrefix("d:") {
            let numbers = format.dropFirst(2).split(separator: ",").compactMap { Int32($0) }
            guard numbers.count >= 2 else { return nil }
            let bits = numbers.count > 2 ? numbers[2] : 128
            return (7, [.int32(numbers[0]), .int32(numbers[1]), .int32(bits)], .fixed(bytes: Int(bits) / 8))
        }
        if format.hasPrefix("ts"), let unit = format.dropFirst(2).first.flatMap({ units[$0] }) {
            return (10, [.int16(unit)], .fixed(bytes: 8))
        }
        if format.hasPrefix("tt"), let unit = format.dropFirst(2).first.flatMap({ units[$0] }) {
            let bits: Int32 = unit < 2 ? 32 : 64
            return (9, [.int16(unit), .int32(bits)], .fixed(bytes: Int(bits) / 8))
        }
        if format.hasPrefix("tD"), let unit = format.dropFirst(2).first.flatMap({ units[$0] }) {
            return (18, [.int16(unit)], .fixed(bytes: 8))
        }
        if format.hasPrefix("w:"), let size = Int32(format.dropFirst(2)) {
            return (15, [.int32(size)], .fixed(bytes: Int(size)))
        }
        if format.hasPrefix("+w:"), let size = Int32(format.dropFirst(3)) { return (16, [.int32(size)], .children) }
        return nil
    }

    private static func simple(_ format: String) -> Known? {
        func integer(_ bits: Int32, signed: Bool) -> Known {
            (2, [.int32(bits), .int8(signed ? 1 : 0)], .fixed(bytes: Int(bits) / 8))
        }
        return switch format {
        case "n": (1, [], .none)
        case "b": (6, [], .bits)
        case "c": integer(8, signed: true)
        case "C": integer(8, signed: false)
        case "s": integer(16, signed: true)
        case "S": integer(16, signed: false)
        case "i": integer(32, signed: true)
        case "I": integer(32, signed: false)
        case "l": integer(64, signed: true)
        case "L": integer(64, signed: false)
        case "e": (3, [.int16(0)], .fixed(bytes: 2))
        case "f": (3, [.int16(1)], .fixed(bytes: 4))
        case "g": (3, [.int16(2)], .fixed(bytes: 8))
        case "z": (4, [], .bytes(placeSize: 4))
        case "u": (5, [], .bytes(placeSize: 4))
        case "Z": (19, [], .bytes(placeSize: 8))
        case "U": (20, [], .bytes(placeSize: 8))
        case "tdD": (8, [.int16(0)], .fixed(bytes: 4))
        case "tdm": (8, [.int16(1)], .fixed(bytes: 8))
        case "tiM": (11, [.int16(0)], .fixed(bytes: 4))
        case "tiD": (11, [.int16(1)], .fixed(bytes: 8))
        case "tin": (11, [.int16(2)], .fixed(bytes: 16))
        case "+l": (12, [], .list(placeSize: 4))
        case "+L": (21, [], .list(placeSize: 8))
        case "+s": (13, [], .children)
        case "+m": (17, [], .list(placeSize: 4))
        default: nil
        }
    }

    /// The field as a table of the schema's message.
    func table(_ buffer: inout FlatBuffer) -> FlatBuffer.Place {
        let children = buffer.vector(self.children.map { $0.table(&buffer) })
        var members = members
        if let zone { members.append(.place(buffer.text(zone))) }
        let type = buffer.table(members)
        let name = buffer.text(name)
        return buffer.table([
            .place(name), .int8(isNullable ? 1 : 0), .int8(number), .place(type), nil, .place(children),
        ])
    }
}
