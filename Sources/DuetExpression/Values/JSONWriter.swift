/// Writes values as compact JSON, in the form `string(object)` has in the language.
enum JSONWriter {
    static func compact(_ value: ExpressionValue) -> String {
        var output: [UInt8] = []
        write(value, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private static func write(_ value: ExpressionValue, to output: inout [UInt8]) {
        switch value {
        case .null: output += "null".utf8
        case .boolean(let value): output += (value ? "true" : "false").utf8
        case .integer(let value): output += "\(value)".utf8
        case .float(let value): output += NumberText.jsonText(value).utf8
        case .string(let value): write(value, to: &output)
        case .array(let values):
            output.append(0x5B)
            for (position, element) in values.enumerated() {
                if position > 0 { output.append(0x2C) }
                write(element, to: &output)
            }
            output.append(0x5D)
        case .object(let object):
            output.append(0x7B)
            for position in object.names.indices {
                if position > 0 { output.append(0x2C) }
                write(object.names[position], to: &output)
                output.append(0x3A)
                write(object.values[position], to: &output)
            }
            output.append(0x7D)
        }
    }

    private static func write(_ text: String, to output: inout [UInt8]) {
        output.append(0x22)
        var bytes = text.utf8.makeIterator()
        while let byte = bytes.next() {
            switch byte {
            case 0x22: output += [0x5C, 0x22]
            case 0x5C: output += [0x5C, 0x5C]
            case 0x08: output += [0x5C, 0x62]
            case 0x09: output += [0x5C, 0x74]
            case 0x0A: output += [0x5C, 0x6E]
            case 0x0C: output += [0x5C, 0x66]
            case 0x0D: output += [0x5C, 0x72]
            case 0..<0x20: output += escape(UInt32(byte))
            case 0xC2:
                // U+0085 is a line break to many readers, so the language escapes it; the rest of this block stays.
                let next = bytes.next() ?? 0
                output += next == 0x85 ? escape(0x85) : [byte, next]
            case 0xE2:
                let second = bytes.next() ?? 0
                let third = bytes.next() ?? 0
                if second == 0x80, third == 0xA8 || third == 0xA9 {
                    output += escape(0x2000 + UInt32(third) - 0x80)
                } else {
                    output += [byte, second, third]
                }
            default: output.append(byte)
            }
        }
        output.append(0x22)
    }

    private static func escape(_ scalar: UInt32) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return [0x5C, 0x75] + [12, 8, 4, 0].map { digits[Int(scalar >> $0) & 15] }
    }
}

extension ExpressionValue {
    /// The value as compact JSON; a float always has a `.` or an exponent.
    ///
    /// Infinities and NaN, which JSON lacks, are written as strings.
    public var json: String { JSONWriter.compact(self) }
}
