/// Writes one FlatBuffer, the form in which Arrow's messages describe themselves.
///
/// Written from its end to its start, since a table refers to what was written before it. Layout:
/// https://flatbuffers.dev/internals/
struct FlatBuffer {
    /// A place in the buffer: its distance from the end.
    struct Place { fileprivate var distance: Int }

    /// A member of a table; those left out have their default.
    enum Member {
        case int8(UInt8)
        case int16(Int16)
        case int32(Int32)
        case int64(Int64)
        case place(Place)
    }

    /// The bytes from the last to the first.
    private var backwards: [UInt8] = []

    /// Adds zeros until what follows, and so many bytes after it, ends at a multiple of a size.
    private mutating func align(_ size: Int, before count: Int = 0) {
        while (backwards.count + count) % size != 0 { backwards.append(0) }
    }

    private mutating func push(_ value: some FixedWidthInteger) {
        align(value.bitWidth / 8)
        append(value)
    }

    private mutating func append<T: FixedWidthInteger>(_ value: T) {
        for byte in (0..<T.bitWidth / 8).reversed() {
            backwards.append(UInt8(truncatingIfNeeded: value >> T(byte * 8)))
        }
    }

    /// Refers to a place: by the distance from here.
    private mutating func push(_ place: Place) {
        align(4)
        append(UInt32(backwards.count + 4 - place.distance))
    }

    mutating func text(_ text: String) -> Place {
        align(4, before: text.utf8.count + 1)
        backwards.append(0)
        backwards += text.utf8.reversed()
        push(UInt32(text.utf8.count))
        return Place(distance: backwards.count)
    }

    mutating func vector(_ places: [Place]) -> Place {
        align(4, before: 4 * places.count)
        for place in places.reversed() { push(place) }
        push(UInt32(places.count))
        return Place(distance: backwards.count)
    }

    /// A vector of structs whose members are all 64-bit integers.
    mutating func vector(_ structs: [[Int64]]) -> Place {
        align(8)
        for members in structs.reversed() { for member in members.reversed() { append(member) } }
        push(UInt32(structs.count))
        return Place(distance: backwards.count)
    }

    /// A table with its members in the order of their declaration; nil for one that is left out.
    mutating func table(_ members: [Member?]) -> Place {
        let end = backwards.count
        let places = members.map { member -> Int in
            switch member {
            case nil: return 0
            case .int8(let value)?: push(value)
            case .int16(let value)?: push(value)
            case .int32(let value)?: push(value)
            case .int64(let value)?: push(value)
            case .place(let place)?: push(place)
            }
            return backwards.count
        }
        // In front of the members the distance to the list of where they are, known when that is written.
        push(UInt32(0))
        let start = backwards.count
        for place in places.reversed() { append(UInt16(place == 0 ? 0 : start - place)) }
        append(UInt16(start - end))
        append(UInt16(4 + 2 * members.count))
        let distance = UInt32(backwards.count - start)
        for byte in 0..<4 { backwards[start - 1 - byte] = UInt8(truncatingIfNeeded: distance >> UInt32(byte * 8)) }
        return Place(distance: start)
    }

    /// The buffer, whose first table is the one at a place.
    mutating func finished(root: Place) -> [UInt8] {
        align(8, before: 4)
        push(root)
        return backwards.reversed()
    }
}
