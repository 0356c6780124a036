/// The digests a server or a request gives for a body, and whether the body has them.
enum Verification {
    /// One digest that the content must have.
    struct Claim: Equatable {
        var source: String
        var algorithm: Digest.Algorithm
        var digest: [UInt8]
    }

    /// The claims of an answer's head.
    ///
    /// Fields that cannot be read, and algorithms not known, claim nothing.
    static func claims(of head: ResponseHead) -> [Claim] {
        var claims: [Claim] = []
        func add(_ source: String, _ algorithm: Digest.Algorithm, base64 text: some StringProtocol) {
            guard let bytes = Base64.decode(text), bytes.count == algorithm.byteCount else { return }
            claims.append(Claim(source: source, algorithm: algorithm, digest: bytes))
        }
        // On a 206 answer Content-MD5 and Content-Digest speak of the part that was sent, all others of the whole.
        if head.status != 206 {
            if let text = head.headers["Content-MD5"] { add("Content-MD5", .md5, base64: text) }
            for (name, value) in fields(head, "Content-Digest") {
                if let algorithm = algorithm(name) { add("Content-Digest", algorithm, base64: value) }
            }
        }
        for header in ["Repr-Digest", "Digest"] {
            for (name, value) in fields(head, header) {
                if let algorithm = algorithm(name) { add(header, algorithm, base64: value) }
            }
        }
        if let text = head.headers["x-amz-checksum-sha256"] { add("x-amz-checksum-sha256", .sha256, base64: text) }
        if let text = head.headers["x-ms-blob-content-md5"] { add("x-ms-blob-content-md5", .md5, base64: text) }
        return claims
    }

    /// `sha-256=:…:, sha-512=:…:` (RFC 9530), or without the colons (RFC 3230).
    private static func fields(_ head: ResponseHead, _ header: String) -> [(name: String, value: String)] {
        head.headers.values(of: header).flatMap { $0.split(separator: ",") }.compactMap { item in
            guard let equals = item.firstIndex(of: "=") else { return nil }
            let name = item[..<equals].trimmingWhitespace().lowercased()
            var value = Substring(item[item.index(after: equals)...].trimmingWhitespace())
            if value.hasPrefix(":"), value.count > 1, value.hasSuffix(":") { value = value.dropFirst().dropLast() }
            return (name, String(value))
        }
    }

    private static func algorithm(_ name: String) -> Digest.Algorithm? {
        switch name {
        case "sha-256": .sha256
        case "sha-512": .sha512
        case "md5": .md5
        default: nil
        }
    }
}

extension Digest.Algorithm {
    var byteCount: Int {
        switch self {
        case .md5: 16
        case .sha256: 32
        case .sha512: 64
        }
    }

    var name: String {
        switch self {
        case .md5: "MD5"
        case .sha256: "SHA-256"
        case .sha512: "SHA-512"
        }
    }
}

/// Base64 with or without padding.
enum Base64 {
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text.utf8 {
            let value: UInt8
            switch byte {
            case 0x41...0x5A: value = byte - 0x41
            case 0x61...0x7A: value = byte - 0x61 + 26
            case 0x30...0x39: value = byte - 0x30 + 52
            case 0x2B, 0x2D: value = 62
            case 0x2F, 0x5F: value = 63
            case 0x3D: continue
            default: return nil
            }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }
}
