/// Base64, data URIs, URI components and binary values.
enum EncodingFunctions {
    static let all: [Function] = [
        Function("base64", 1...1) { call throws(Failure) in
            switch call[0] {
            case .string, .array: break
            case .object(let object):
                if let binary = Binary(object) { return .string(Base64.encode(try bytes(binary, call))) }
            default: throw call.wrongType(0, "its argument", "text, an object or an array")
            }
            return .string(Base64.encode(Array(Conversion.text(call[0]).utf8)))
        },
        Function("base64ToString", 1...1, base64ToString),
        Function("decodeBase64", 1...1, base64ToString),
        Function("base64ToBinary", 1...1) { call throws(Failure) in
            let text = try call.string(0, "its argument")
            _ = try decoded(text, call)
            return Binary(contentType: Binary.octets, base64: text).value
        },
        Function("binary", 1...1, binary),
        Function("dataUri", 1...1, dataURI),
        Function("dataUriToString", 1...1, dataURIToString),
        Function("decodeDataUri", 1...1, dataURIToString),
        Function("dataUriToBinary", 1...1, dataURIToBinary),
        Function("encodeUriComponent", 1...Int.max, encodeComponent),
        Function("uriComponent", 1...Int.max, encodeComponent),
        Function("decodeUriComponent", 1...1, decodeComponent),
        Function("uriComponentToString", 1...1, decodeComponent),
        Function("uriComponentToBinary", 1...1) { call throws(Failure) in
            let text = PercentEncoding.decode(try call.string(0, "its argument"))
            return Binary(contentType: Binary.octets, bytes: Array(text.utf8)).value
        },
    ]

    private static func decoded(_ text: String, _ call: FunctionCall) throws(Failure) -> [UInt8] {
        guard let bytes = Base64.decode(text) else {
            throw call.failure(
                .conversion,
                "cannot decode '\(FunctionCall.short(text))' from Base64",
                hint: "the length without white space is a multiple of 4, filled up with '='"
            )
        }
        return bytes
    }

    private static func bytes(_ binary: Binary, _ call: FunctionCall) throws(Failure) -> [UInt8] {
        try decoded(binary.base64, call)
    }

    private static func base64ToString(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        let bytes = try decoded(try call.string(0, "its argument"), call)
        return .string(String(decoding: bytes, as: UTF8.self))
    }

    private static func binary(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        switch call[0] {
        case .null: throw call.failure(.conversion, "cannot make a binary value of null")
        case .object(let object):
            guard let binary = Binary(object) else { break }
            // XML is text in the end; other content keeps its type.
            return binary.isXML ? Binary(contentType: Binary.octets, base64: binary.base64).value : call[0]
        default: break
        }
        return Binary(contentType: Binary.octets, bytes: Array(Conversion.text(call[0]).utf8)).value
    }

    private static func dataURI(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        var type = "application/json;charset=utf-8"
        switch call[0] {
        case .null: throw call.failure(.conversion, "cannot make a data URI of null")
        case .string: type = "text/plain;charset=utf-8"
        case .object(let object):
            if let binary = Binary(object) {
                return .string("data:\(binary.contentType);base64,\(Base64.encode(try bytes(binary, call)))")
            }
        default: break
        }
        return .string("data:\(type);base64,\(Base64.encode(Array(Conversion.text(call[0]).utf8)))")
    }

    private static func encodeComponent(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        var text = ""
        for value in call.arguments { text += PercentEncoding.encode(try Conversion.checkedText(value, call)) }
        return .string(text)
    }

    private static func decodeComponent(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        .string(PercentEncoding.decode(try call.string(0, "its argument")))
    }

    // MARK: - Data URIs

    private struct DataURI {
        /// The content type with its parameters.
        let type: String
        let isBase64: Bool
        let data: String
    }

    /// Splits a data URI into type, parameters and data.
    ///
    /// Parameters need a type before them and may not be empty.
    private static func parseDataURI(_ call: FunctionCall) throws(Failure) -> DataURI {
        let text = try call.string(0, "its argument")
        let bytes = Array(text.utf8)
        guard bytes.count > 5, CaseMapping.lower(String(decoding: bytes[..<5], as: UTF8.self)) == "data:",
            let comma = bytes.firstIndex(of: 0x2C)
        else { throw notDataURI(text, call) }
        let head = String(decoding: bytes[5..<comma], as: UTF8.self)
        let data = String(decoding: bytes[(comma + 1)...], as: UTF8.self)
        var parts = head.split(separator: ";", omittingEmptySubsequences: false).map(String.init)
        let isBase64 = CaseMapping.lower(parts[parts.count - 1]) == "base64"
        if isBase64 { parts.removeLast() }
        // `data:base64,` names neither type nor parameter.
        if parts.isEmpty { parts = [""] }
        let isTypeMissing = parts[0].isEmpty && parts.count > 1
        guard !isTypeMissing, !parts.dropFirst().contains("") else { throw notDataURI(text, call) }
        let type = head.isEmpty || parts[0].isEmpty ? "text/plain" : parts.joined(separator: ";")
        return DataURI(type: type, isBase64: isBase64, data: data)
    }

    private static func notDataURI(_ text: String, _ call: FunctionCall) -> Failure {
        call.failure(
            .conversion,
            "takes a data URI, but got '\(FunctionCall.short(text))'",
            hint: "a data URI looks like data:text/plain;charset=utf-8;base64,YQ=="
        )
    }

    private static func charset(_ type: String) -> String? {
        for part in type.split(separator: ";").dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                CaseMapping.lower(Whitespace.trim(String($0)))
            }
            if pair.count == 2, pair[0] == "charset" { return pair[1] }
        }
        return nil
    }

    private static func dataURIToString(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        let uri = try parseDataURI(call)
        // As text only UTF-8 is taken; decodeDataUri and us-ascii agree with it for plain content.
        if let charset = charset(uri.type), charset != "utf-8", uri.isBase64 || charset != "us-ascii" {
            throw call.failure(.conversion, "takes only UTF-8, not the character set '\(charset)'")
        }
        if uri.isBase64 {
            return .string(String(decoding: try decoded(uri.data, call), as: UTF8.self))
        }
        return .string(PercentEncoding.decode(uri.data))
    }

    private static func dataURIToBinary(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        let uri = try parseDataURI(call)
        if charset(uri.type) != nil, Charset(contentType: uri.type) == nil {
            throw call.failure(.conversion, "does not know the character set of '\(uri.type)'")
        }
        // The data is looked at only when somebody reads the value.
        if uri.isBase64 { return Binary(contentType: uri.type, base64: uri.data).value }
        let isLatin1 = Charset(contentType: uri.type) == .latin1
        let bytes = isLatin1 ? PercentEncoding.decodeBytes(uri.data) : Array(PercentEncoding.decode(uri.data).utf8)
        return Binary(contentType: uri.type, bytes: bytes).value
    }
}
