internal import DuetExpression
internal import Foundation
internal import Synchronization

/// Keeps secrets out of everything that is shown: values known to be secret, and text that looks like one.
final class Redactor: Sendable {
    private struct State {
        var secrets: Set<String> = []
        // Longest first, so that a secret within another does not leave the rest of it standing.
        var ordered: [String] = []
    }

    private let state = Mutex(State())
    static let mask = "***"
    private static let shortest = 4

    /// Remembers a secret; texts of fewer than four characters would mask half of everything and are not.
    func add(_ secret: String) {
        guard secret.count >= Self.shortest else { return }
        state.withLock { state in
            guard state.secrets.insert(secret).inserted else { return }
            // As a literal in SQL its quotes are written twice.
            state.secrets.insert(secret.replacing("'", with: "\'\'"))
            state.ordered = state.secrets.sorted { ($1.utf8.count, $0) < ($0.utf8.count, $1) }
        }
    }

    /// Remembers every text within a value.
    func addAll(in value: ExpressionValue) {
        switch value {
        case .string(let text): add(text)
        case .integer(let number): add(String(number))
        case .array(let values): for value in values { addAll(in: value) }
        case .object(let object): for value in object.values { addAll(in: value) }
        default: break
        }
    }

    /// The value without secrets.
    func scrub(_ value: ExpressionValue) -> ExpressionValue {
        let secrets = state.withLock { $0.ordered }
        return Self.scrub(value, secrets, depth: 0)
    }

    /// The text without secrets.
    func scrub(_ text: String) -> String { Self.scrub(text, state.withLock { $0.ordered }) }

    private static func scrub(_ value: ExpressionValue, _ secrets: [String], depth: Int) -> ExpressionValue {
        switch value {
        case .string(let text):
            return .string(scrub(text, secrets))
        case .integer(let number):
            return secrets.contains(String(number)) ? .string(mask) : value
        case .array(let values):
            return .array(values.map { scrub($0, secrets, depth: depth + 1) })
        case .object(let object):
            if case .string(let type)? = object.value(ignoringCase: "type"), type.lowercased() == "securestring" {
                return .object(["type": .string(type), "value": .string(mask)])
            }
            var result = ExpressionObject()
            for (name, value) in zip(object.names, object.values) {
                let isSecret = secretNames.contains(name.lowercased()) && value.stringValue != nil
                result[name] = isSecret ? .string(mask) : scrub(value, secrets, depth: depth + 1)
            }
            return .object(result)
        default: return value
        }
    }

    private static func scrub(_ text: String, _ secrets: [String]) -> String {
        var text = text
        for secret in secrets where text.contains(secret) { text = text.replacingOccurrences(of: secret, with: mask) }
        return SecretPatterns.masked(text)
    }

    /// Members that hold a secret whatever their value.
    private static let secretNames: Set<String> = [
        "password", "pwd", "authorization", "accountkey", "connectionstring", "sasuri", "sastoken", "clientsecret",
        "client_secret", "serviceprincipalkey", "accesskey", "secretaccesskey", "functionkey", "x-functions-key",
        "apikey", "api-key", "x-api-key", "ocp-apim-subscription-key", "accesstoken", "access_token", "refresh_token",
        "encryptedcredential", "cookie", "set-cookie",
    ]
}

/// Text that looks like a secret: keys in connection strings, signatures of SAS tokens, bearer tokens.
enum SecretPatterns {
    private static let markers: [[UInt8]] = [
        "sig=", "accountkey=", "sharedaccesskey=", "sharedaccesssignature=", "password=", "pwd=", "client_secret=",
        "clientsecret=", "access_token=", "bearer ", "api_key=", "apikey=", "subscription-key=", "code=",
    ].map { Array($0.utf8) }
    private static let ends = Set("&;\"'<>\\ \n\r\t,}".utf8)

    /// The text with what follows such a marker masked.
    static func masked(_ text: String) -> String {
        // Most text has none of it; looking costs one pass over the bytes.
        guard
            text.utf8.contains(where: { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "B") || $0 == UInt8(ascii: "b") })
        else { return text }
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        var copied = 0
        var index = 0
        while index < bytes.count {
            guard let marker = marker(in: bytes, at: index) else {
                index += 1
                continue
            }
            let start = index + marker.count
            var end = start
            // A signature's own padding and percent signs belong to it.
            while end < bytes.count, !ends.contains(bytes[end]) { end += 1 }
            if end > start {
                output += bytes[copied..<start]
                output += Array(Redactor.mask.utf8)
                copied = end
            }
            index = max(end, start)
        }
        guard copied > 0 else { return text }
        return String(decoding: output + bytes[copied...], as: UTF8.self)
    }

    private static func marker(in bytes: [UInt8], at index: Int) -> [UInt8]? {
        // A marker begins a word: "errorcode=" is none of them.
        if index > 0, isLetter(bytes[index - 1]) { return nil }
        return markers.first { marker in
            index + marker.count <= bytes.count
                && marker.indices.allSatisfy { lowered(bytes[index + $0]) == marker[$0] }
        }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(lowered(byte)) }
}
