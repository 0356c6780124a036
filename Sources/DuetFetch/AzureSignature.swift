import COpenSSL
import Glibc

/// Signs requests with an Azure storage account's key.
///
/// The rules are those of "Authorize with Shared Key" in the service's REST reference, for versions from 2015-02-21 on.
enum AzureSignature {
    /// The service version that requests name.
    static let version = "2021-12-02"

    /// The header lines that sign a request for reading.
    ///
    /// - Parameters:
    ///   - method: `GET` or `HEAD`.
    ///   - location: what is asked for.
    ///   - lines: the other header lines, as they are sent.
    ///   - account: the account's name.
    ///   - key: the account's key, in base64.
    ///   - date: now, as HTTP writes it.
    /// - Returns: the lines to add; no signature when the key is no base64, which the server then tells.
    static func lines(
        method: String,
        location: Location,
        lines: [String],
        account: String,
        key: String,
        date: String
    ) -> [String] {
        var added = ["x-ms-date: \(date)"]
        var fields: [String: String] = [:]
        for line in lines + added {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingWhitespace()
        }
        if fields["x-ms-version"] == nil {
            fields["x-ms-version"] = version
            added.append("x-ms-version: \(version)")
        }
        let standard = [
            "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
            "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
        ]
        var text = method + "\n"
        for name in standard { text += (fields[name] ?? "") + "\n" }
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) where name.hasPrefix("x-ms-") {
            text += "\(name):\(value)\n"
        }
        text += "/\(account)\(location.path)"
        for (name, values) in parameters(location.query).sorted(by: { $0.key < $1.key }) {
            text += "\n\(name):\(values.sorted().joined(separator: ","))"
        }
        guard let secret = Base64.decode(key), let code = Digest.hmacSHA256(key: secret, of: text) else { return added }
        return added + ["Authorization: SharedKey \(account):\(Base64.encode(code))"]
    }

    private static func parameters(_ query: String?) -> [String: [String]] {
        var parameters: [String: [String]] = [:]
        for pair in (query ?? "").split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = unescaped(halves[0]).lowercased()
            parameters[name, default: []].append(halves.count > 1 ? unescaped(halves[1]) : "")
        }
        return parameters
    }

    private static func unescaped(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Substring(text).utf8
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let code = UInt8(String(Substring(rest.prefix(2))), radix: 16)
            {
                bytes.append(code)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Base64 {
    static func encode(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let piece = bytes[start..<min(start + 3, bytes.count)]
            let bits = piece.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - piece.count))
            for index in 0..<4 {
                let isThere = index <= piece.count
                text.append(isThere ? digits[Int(bits >> UInt32(18 - 6 * index) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension Digest {
    /// A message authentication code (RFC 2104) with SHA-256; `nil` when libcrypto refuses.
    static func hmacSHA256(key: [UInt8], of text: String) -> [UInt8]? {
        var code = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        let bytes = Array(text.utf8)
        let result = HMAC(EVP_sha256(), key, Int32(key.count), bytes, bytes.count, &code, &count)
        return result == nil ? nil : code
    }
}
