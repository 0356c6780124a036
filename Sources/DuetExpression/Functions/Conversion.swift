/// Conversions that several functions share.
enum Conversion {
    /// A value as text, as `string`, `concat` and interpolation give it.
    ///
    /// Binary and XML values show their content. Faulty binary content shows as JSON here; `checkedText` refuses it.
    static func text(_ value: ExpressionValue) -> String {
        switch value {
        case .null: ""
        case .boolean(let value): value ? "True" : "False"
        case .integer(let value): "\(value)"
        case .float(let value): NumberText.text(value)
        case .string(let text): text
        case .array: value.json
        case .object(let object): Binary(object)?.text ?? value.json
        }
    }

    /// The same, but content that cannot be read is an error.
    static func checkedText(_ value: ExpressionValue, _ call: FunctionCall) throws(Failure) -> String {
        if case .object(let object) = value, Binary.isBinary(object), Binary(object)?.text == nil {
            throw call.failure(.conversion, "cannot read the content of \(value.json)")
        }
        return text(value)
    }
}

/// A value with a content type: bytes from a file, an XML document.
struct Binary {
    static let octets = "application/octet-stream"
    static let xml = "application/xml;charset=utf-8"

    let contentType: String
    let base64: String

    init(contentType: String, base64: String) {
        self.contentType = contentType
        self.base64 = base64
    }

    init(contentType: String, bytes: [UInt8]) {
        self.init(contentType: contentType, base64: Base64.encode(bytes))
    }

    /// The object form of a value with a content type, or nil if the object is something else.
    init?(_ object: ExpressionObject) {
        guard case .string(let type) = object.value(ignoringCase: "$content-type"), type.contains("/"),
            case .string(let content) = object.value(ignoringCase: "$content")
        else { return nil }
        contentType = type
        base64 = content
    }

    /// Whether the object claims to be a value with a content type.
    static func isBinary(_ object: ExpressionObject) -> Bool {
        object.value(ignoringCase: "$content-type") != nil && object.value(ignoringCase: "$content") != nil
    }

    var value: ExpressionValue {
        .object(ExpressionObject([("$content-type", .string(contentType)), ("$content", .string(base64))]))
    }

    var bytes: [UInt8]? { Base64.decode(base64) }

    var text: String? {
        guard let bytes, let charset = Charset(contentType: contentType) else { return nil }
        return charset.decode(bytes)
    }

    var mediaType: String {
        let type = contentType.split(separator: ";", maxSplits: 1).first.map(String.init) ?? ""
        return CaseMapping.lower(Whitespace.trim(type))
    }

    var isXML: Bool { mediaType == "application/xml" || mediaType == "text/xml" || mediaType.hasSuffix("+xml") }
}

/// The character sets that a content type may name.
enum Charset {
    case utf8
    case utf16LittleEndian
    case utf16BigEndian
    case latin1
    case ascii

    init?(contentType: String) {
        var name = "utf-8"
        for part in contentType.split(separator: ";").dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map { CaseMapping.lower(Whitespace.trim(String($0))) }
            if pair.count == 2, pair[0] == "charset" { name = pair[1] }
        }
        if name.count > 1, name.hasPrefix("\""), name.hasSuffix("\"") { name = String(name.dropFirst().dropLast()) }
        switch name {
        case "utf-8": self = .utf8
        case "utf-16", "utf-16le", "unicode": self = .utf16LittleEndian
        case "utf-16be": self = .utf16BigEndian
        case "iso-8859-1", "latin1", "windows-1252": self = .latin1
        case "us-ascii", "ascii": self = .ascii
        default: return nil
        }
    }

    func decode(_ bytes: [UInt8]) -> String {
        switch self {
        case .utf8: return String(decoding: bytes, as: UTF8.self)
        case .utf16LittleEndian, .utf16BigEndian:
            var units: [UInt16] = []
            for start in stride(from: 0, to: bytes.count - 1, by: 2) {
                let first = UInt16(bytes[start])
                let second = UInt16(bytes[start + 1])
                units.append(self == .utf16BigEndian ? first << 8 | second : second << 8 | first)
            }
            return String(decoding: units, as: UTF16.self)
        case .latin1: return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
        case .ascii: return String(String.UnicodeScalarView(bytes.map { $0 < 0x80 ? Unicode.Scalar($0) : "?" }))
        }
    }
}

/// Base64 with the leniencies of the language: white space anywhere, padding required.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: some Collection<UInt8>) -> String {
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count + 2) / 3 * 4)
        var buffer: UInt32 = 0
        var filled = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            filled += 1
            if filled == 3 {
                for shift in [18, 12, 6, 0] { output.append(alphabet[Int(buffer >> UInt32(shift)) & 63]) }
                buffer = 0
                filled = 0
            }
        }
        if filled == 1 {
            output += [alphabet[Int(buffer >> 2) & 63], alphabet[Int(buffer << 4) & 63], 0x3D, 0x3D]
        } else if filled == 2 {
            output += [
                alphabet[Int(buffer >> 10) & 63], alphabet[Int(buffer >> 4) & 63], alphabet[Int(buffer << 2) & 63],
                0x3D,
            ]
        }
        return String(decoding: output, as: UTF8.self)
    }

    static func decode(_ text: String) -> [UInt8]? {
        var output: [UInt8] = []
        var buffer: UInt32 = 0
        var count = 0
        var padding = 0
        for byte in text.utf8 {
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0D: continue
            case 0x3D:
                padding += 1
                continue
            default: break
            }
            guard padding == 0, let digit = digit(byte) else { return nil }
            buffer = buffer << 6 | digit
            count += 1
            if count % 4 == 0 {
                output += [UInt8(buffer >> 16 & 255), UInt8(buffer >> 8 & 255), UInt8(buffer & 255)]
                buffer = 0
            }
        }
        switch (count % 4, padding) {
        case (0, 0): return output
        case (2, 2): return output + [UInt8(buffer >> 4 & 255)]
        case (3, 1): return output + [UInt8(buffer >> 10 & 255), UInt8(buffer >> 2 & 255)]
        default: return nil
        }
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5A: UInt32(byte) - 0x41
        case 0x61...0x7A: UInt32(byte) - 0x61 + 26
        case 0x30...0x39: UInt32(byte) - 0x30 + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
