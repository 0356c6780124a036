/// Percent-encoding of URI components.
enum PercentEncoding {
    /// Escapes everything but `A-Z a-z 0-9 - _ . ~`.
    static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var output: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x2D, 0x5F, 0x2E, 0x7E: output.append(byte)
            default: output += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// The bytes of a text in which `+` is a space and broken escapes stand for themselves.
    static func decodeBytes(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            if byte == 0x25, let value = hex(bytes, position + 1, 2) {
                output.append(UInt8(value))
                position += 3
            } else if byte == 0x25, position + 1 < bytes.count, bytes[position + 1] | 0x20 == 0x75,
                let value = hex(bytes, position + 2, 4)
            {
                // The old "%uXXXX" escape names a code unit.
                output += String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8
                position += 6
            } else {
                output.append(byte == 0x2B ? 0x20 : byte)
                position += 1
            }
        }
        return output
    }

    static func decode(_ text: String) -> String { String(decoding: decodeBytes(text), as: UTF8.self) }

    private static func hex(_ bytes: [UInt8], _ start: Int, _ count: Int) -> UInt32? {
        guard start + count <= bytes.count else { return nil }
        var value: UInt32 = 0
        for byte in bytes[start..<start + count] {
            guard let digit = Hex.value(byte) else { return nil }
            value = value << 4 | digit
        }
        return value
    }
}
