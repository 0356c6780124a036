import COpenSSL
import Foundation

/// Checks who asks a ``BlobServer``, by the rules in the Azure Storage REST reference: Shared Key, service and account SAS.
struct BlobSigning: Sendable {
    let account: String
    let key: [UInt8]

    /// Why a request is refused; `nil` when its signature is right.
    func refusal(of request: ServedRequest, query: [String: String]) -> String? {
        if let signature = query["sig"] { return refusal(ofSignature: signature, request, query) }
        guard let authorization = request.headers["authorization"] else { return "no Authorization" }
        let expected = "SharedKey \(account):\(sign(sharedKeyText(request, query)))"
        return authorization == expected ? nil : "the Shared Key signature is wrong"
    }

    func sign(_ text: String) -> String {
        var code = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        let bytes = Array(text.utf8)
        _ = HMAC(EVP_sha256(), key, Int32(key.count), bytes, bytes.count, &code, &count)
        return Data(code).base64EncodedString()
    }

    // MARK: - Shared Key

    private func sharedKeyText(_ request: ServedRequest, _ query: [String: String]) -> String {
        let headers = request.headers
        let length = headers["content-length"].flatMap { $0 == "0" ? nil : $0 } ?? ""
        var lines = [
            request.method, headers["content-encoding"] ?? "", headers["content-language"] ?? "", length,
            headers["content-md5"] ?? "", headers["content-type"] ?? "",
            headers["x-ms-date"] == nil ? headers["date"] ?? "" : "",
        ]
        for name in ["if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"] {
            lines.append(headers[name] ?? "")
        }
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) where name.hasPrefix("x-ms-") {
            lines.append("\(name):\(value)")
        }
        lines.append("/\(account)\(request.target)")
        for (name, value) in query.sorted(by: { $0.key < $1.key }) { lines.append("\(name.lowercased()):\(value)") }
        return lines.joined(separator: "\n")
    }

    // MARK: - Shared access signatures

    private func refusal(ofSignature signature: String, _ request: ServedRequest, _ query: [String: String]) -> String?
    {
        let text = query["ss"] == nil ? serviceText(request, query) : accountText(query)
        guard signature == sign(text) else { return "the signature is wrong" }
        if let ends = query["se"], !Self.isAhead(ends) { return "the signature has ended" }
        let needed = request.method == "GET" || request.method == "HEAD" ? (query["comp"] == "list" ? "l" : "r") : "w"
        let granted = query["sp"] ?? ""
        return granted.contains(needed) || needed == "w" && granted.contains("c")
            ? nil : "the signature does not allow this"
    }

    /// For versions from 2020-12-06 on.
    private func serviceText(_ request: ServedRequest, _ query: [String: String]) -> String {
        var parts = request.path.split(separator: "/").map(String.init)
        // On loopback the account is the path's first part.
        if parts.first == account { parts.removeFirst() }
        let resource = query["sr"] == "c" ? Array(parts.prefix(1)) : parts
        let names = ["si", "sip", "spr", "sv", "sr", "snapshot", "ses", "rscc", "rscd", "rsce", "rscl", "rsct"]
        let head = [query["sp"] ?? "", query["st"] ?? "", query["se"] ?? ""]
        let canonical = "/blob/\(account)/\(resource.joined(separator: "/"))"
        return (head + [canonical] + names.map { $0 == "snapshot" ? "" : query[$0] ?? "" }).joined(separator: "\n")
    }

    private func accountText(_ query: [String: String]) -> String {
        let names = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses"]
        return ([account] + names.map { query[$0] ?? "" }).map { "\($0)\n" }.joined()
    }

    private static func isAhead(_ text: String) -> Bool {
        let formatter = ISO8601DateFormatter()
        guard let date = formatter.date(from: text) else { return false }
        return date > Date()
    }
}
