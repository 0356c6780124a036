extension Value: CustomStringConvertible {
    /// The text that `CAST(x AS VARCHAR)` gives, and `NULL` for NULL.
    ///
    /// Three differ, since DuckDB's text depends on what a value does not hold: a TIMESTAMP WITH TIME ZONE is printed in
    /// UTC and not in the session's time zone, a GEOMETRY as the hexadecimal digits of its well-known binary, and JSON
    /// in a list is quoted as other text is.
    public var description: String {
        switch self {
        case .null: "NULL"
        case .boolean(let value): value ? "true" : "false"
        case .tinyint(let number): "\(number)"
        case .smallint(let number): "\(number)"
        case .integer(let number): "\(number)"
        case .bigint(let number): "\(number)"
        case .hugeint(let number): "\(number)"
        case .utinyint(let number): "\(number)"
        case .usmallint(let number): "\(number)"
        case .uinteger(let number): "\(number)"
        case .ubigint(let number): "\(number)"
        case .uhugeint(let number): "\(number)"
        case .bignum(let number): "\(number)"
        case .float(let number): Self.floatText(number)
        case .double(let number): "\(number)"
        case .decimal(let number): "\(number)"
        case .varchar(let text), .enumeration(let text): text
        case .blob(let bytes): Self.blobText(bytes)
        case .bit(let bits): "\(bits)"
        case .uuid(let number): Self.uuidText(number)
        case .geometry(let bytes): bytes.map { Self.hexadecimal($0) }.joined()
        case .list(let elements), .array(let elements):
            "[\(elements.map { $0.partDescription }.joined(separator: ", "))]"
        case .structure(let fields): Self.structureText(fields)
        case .map(let entries):
            "{"
                + entries.map { "\($0.key.partDescription)=\($0.value.partDescription)" }
                .joined(separator: ", ") + "}"
        case .union(_, let value): value.description
        default: temporalDescription
        }
    }

    /// A FLOAT, without an exponent below 10^16.
    ///
    /// Swift prints one from 2^24 on. A DOUBLE needs no such care: there the two agree.
    private static func floatText(_ number: Float) -> String {
        let text = number.description
        let parts = text.split(separator: "e+")
        guard parts.count == 2, let exponent = Int(parts[1]), exponent < 16 else { return text }
        let mantissa = parts[0].split(separator: ".")
        let sign = text.hasPrefix("-") ? "-" : ""
        let fraction = mantissa.count == 2 && mantissa[1] != "0" ? mantissa[1] : ""
        let digits = mantissa[0].drop { $0 == "-" } + fraction
        return sign + digits + String(repeating: "0", count: max(0, exponent + 1 - digits.count)) + ".0"
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16, uppercase: true)
        return text.utf8.count == 1 ? "0\(text)" : text
    }

    private static func blobText(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            // Printable ASCII stands for itself, but for the backslash and the two quotes.
            let isPlain =
                (32...126).contains(byte) && byte != UInt8(ascii: "\\") && byte != UInt8(ascii: "'")
                && byte != UInt8(ascii: "\"")
            return isPlain ? String(UnicodeScalar(byte)) : "\\x\(hexadecimal(byte))"
        }.joined()
    }

    private static func uuidText(_ number: UInt128) -> String {
        let digits = String(number, radix: 16)
        var text = String(repeating: "0", count: 32 - digits.utf8.count) + digits
        for offset in [20, 16, 12, 8] {
            text.insert("-", at: text.index(text.startIndex, offsetBy: offset))
        }
        return text
    }

    private static func structureText(_ fields: [Field]) -> String {
        // An unnamed structure prints as a tuple.
        guard fields.contains(where: { !$0.name.isEmpty }) else {
            return "(\(fields.map { $0.value.partDescription }.joined(separator: ", ")))"
        }
        let texts = fields.map { field in
            "\(quoted(field.name)): \(field.value.partDescription)"
        }
        return "{\(texts.joined(separator: ", "))}"
    }
}

/// How DuckDB prints the parts of nested values, so that the text can be cast back.
extension Value {
    private var partDescription: String {
        let text = description
        switch self {
        case .list, .array, .structure, .map, .union, .null:
            return text
        default:
            return Self.needsQuotes(text) ? Self.quoted(text) : text
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "'"
        for scalar in text.unicodeScalars {
            if scalar == "'" || scalar == "\\" { result.unicodeScalars.append("\\") }
            result.unicodeScalars.append(scalar)
        }
        return result + "'"
    }

    private static func needsQuotes(_ text: String) -> Bool {
        let bytes = text.utf8
        guard let first = bytes.first, let last = text.utf8.reversed().first else { return true }
        if isSpace(first) || isSpace(last) { return true }
        return text.lowercased() == "null" || bytes.contains { special.contains($0) }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 32 || (9...13).contains(byte)
    }

    private static let special = Set("\"'(),:=[]{}".utf8)
}
