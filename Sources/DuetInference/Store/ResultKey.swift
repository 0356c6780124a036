internal import COpenSSL

/// What a result is found by: the first 128 bits of the SHA-256 of everything it depends on.
package struct ResultKey: Hashable, Sendable {
    let number: UInt128

    /// The key of some parts, in order; no two lists of parts have the same.
    package init(_ parts: [String]) {
        var bytes: [UInt8] = []
        for part in parts {
            let utf8 = part.utf8
            withUnsafeBytes(of: UInt64(utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: utf8)
        }
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var size: UInt32 = 0
        // Fails only where libcrypto has no SHA-256, and then nothing over TLS works either.
        _ = EVP_Digest(bytes, bytes.count, &digest, &size, EVP_sha256(), nil)
        number = digest.prefix(16).reduce(0) { $0 << 8 | UInt128($1) }
    }

    init(number: UInt128) { self.number = number }

    init?(hexadecimal text: String) {
        guard let number = UInt128(text, radix: 16) else { return nil }
        self.number = number
    }

    /// Under what it is kept that this pipeline got no answer; answers are everybody's, failures are not.
    func failure(of pipeline: String) -> ResultKey { ResultKey(["failure", pipeline, hexadecimal]) }

    /// 32 hexadecimal digits.
    var hexadecimal: String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }

    /// A short form for people, enough to find a failure by.
    var short: String { String(hexadecimal.prefix(12)) }
}

extension ResultKey {
    /// The SHA-256 of a text, shortened to 16 hexadecimal digits: for versions of prompts, heads and models.
    static func version(of text: String) -> String { String(ResultKey([text]).hexadecimal.prefix(16)) }
}
