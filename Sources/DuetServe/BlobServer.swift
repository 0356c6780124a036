import COpenSSL
import Foundation
import Synchronization

/// A small part of Azure Blob storage on loopback, for tests: lists with markers, get with range and conditions, put
/// block blob whole or in blocks, delete; Shared Key and shared access signatures are checked.
///
/// URLs have the account as the path's first part, as the service's own emulators have it. Blobs are kept in memory.
public final class BlobServer: Sendable {
    /// One blob.
    struct Blob: Sendable {
        var content: [UInt8]
        var etag: String
        var modified: Int
        var type: String
        var md5: String?
    }

    private struct State {
        var containers: [String: [String: Blob]] = [:]
        var blocks: [String: [String: [UInt8]]] = [:]
        var version = 0
    }

    /// The server below, whose log has the requests and whose faults may be set.
    public let server: FileServer
    /// The account's name.
    public let account: String
    /// The account's key, in base64.
    public let key: String
    private let store: Store

    /// Creates a server; ``start()`` makes it listen.
    ///
    /// - Parameters:
    ///   - account: the account's name.
    ///   - key: the account's key, in base64.
    public init(account: String, key: String) {
        self.account = account
        self.key = key
        let store = Store(signing: BlobSigning(account: account, key: Array(Data(base64Encoded: key) ?? Data())))
        self.store = store
        server = FileServer(root: "/", options: FileServerOptions(handler: { store.answer($0) }))
    }

    /// Starts listening on 127.0.0.1.
    ///
    /// - Returns: the service's address, account included.
    /// - Throws: ``ServeError``.
    public func start() async throws -> String { "http://127.0.0.1:\(try await server.start())/\(account)" }

    /// Stops listening.
    public func stop() async { await server.stop() }

    /// Stores a blob, making its container.
    public func put(_ container: String, _ name: String, _ content: [UInt8]) { store.put(container, name, content) }

    /// Removes a blob.
    public func remove(_ container: String, _ name: String) { store.remove(container, name) }

    /// A blob's content; `nil` when there is none.
    public func content(_ container: String, _ name: String) -> [UInt8]? { store.content(container, name) }

    /// What is kept, and the answers over it.
    final class Store: Sendable {
        private let signing: BlobSigning
        private let state = Mutex(State())

        init(signing: BlobSigning) { self.signing = signing }

        func put(_ container: String, _ name: String, _ content: [UInt8], type: String = "application/octet-stream") {
            state.withLock { state in
                state.version += 1
                let etag = "\"0x8D\(String(state.version, radix: 16, uppercase: true))\""
                state.containers[container, default: [:]][name] = Blob(
                    content: content,
                    etag: etag,
                    modified: HTTPDate.now,
                    type: type,
                    md5: Self.md5(content)
                )
            }
        }

        func remove(_ container: String, _ name: String) { state.withLock { $0.containers[container]?[name] = nil } }

        func content(_ container: String, _ name: String) -> [UInt8]? {
            state.withLock { $0.containers[container]?[name]?.content }
        }

        func answer(_ request: ServedRequest) -> ServedReply {
            let query = Self.parameters(request.query)
            if let reason = signing.refusal(of: request, query: query) {
                return Self.failure(403, "AuthenticationFailed", reason)
            }
            var parts = request.path.split(separator: "/", maxSplits: 2).map(String.init)
            guard parts.first == signing.account, parts.count > 1 else {
                return Self.failure(400, "InvalidUri", "the path begins with the account")
            }
            parts.removeFirst()
            guard parts.count > 1 else { return container(parts[0], request, query) }
            return blob(parts[0], parts[1], request, query)
        }

        // MARK: - Containers

        private func container(_ name: String, _ request: ServedRequest, _ query: [String: String]) -> ServedReply {
            if request.method == "PUT" {
                let isNew = state.withLock { state in
                    defer { state.containers[name] = state.containers[name] ?? [:] }
                    return state.containers[name] == nil
                }
                return isNew ? ServedReply(status: 201) : Self.failure(409, "ContainerAlreadyExists", "it is there")
            }
            guard request.method == "GET", query["comp"] == "list" else {
                return Self.failure(405, "UnsupportedHttpVerb", "only lists")
            }
            guard let blobs = state.withLock({ $0.containers[name] }) else {
                return Self.failure(404, "ContainerNotFound", "there is no such container")
            }
            let prefix = query["prefix"] ?? ""
            let count = min(5000, query["maxresults"].flatMap { Int($0) } ?? 5000)
            let names = blobs.keys.filter { $0.hasPrefix(prefix) && $0 >= query["marker"] ?? "" }.sorted()
            var text = "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"\(name)\">"
            text += "<Prefix>\(Self.escaped(prefix))</Prefix><MaxResults>\(count)</MaxResults><Blobs>"
            for name in names.prefix(count) {
                guard let blob = blobs[name] else { continue }
                text += "<Blob><Name>\(Self.escaped(name))</Name><Properties>"
                text += "<Last-Modified>\(HTTPDate.text(blob.modified))</Last-Modified>"
                text +=
                    "<Etag>\(blob.etag.filter { $0 != "\"" })</Etag><Content-Length>\(blob.content.count)</Content-Length>"
                text += "<Content-Type>\(blob.type)</Content-Type><BlobType>BlockBlob</BlobType></Properties></Blob>"
            }
            let next = names.count > count ? Self.escaped(names[count]) : ""
            text += "</Blobs><NextMarker>\(next)</NextMarker></EnumerationResults>"
            return ServedReply(headers: [("Content-Type", "application/xml")], body: Array(text.utf8))
        }

        // MARK: - Blobs

        private func blob(
            _ container: String,
            _ name: String,
            _ request: ServedRequest,
            _ query: [String: String]
        ) -> ServedReply {
            switch request.method {
            case "GET", "HEAD": return read(container, name, request)
            case "DELETE":
                remove(container, name)
                return ServedReply(status: 202)
            case "PUT": return write(container, name, request, query)
            default: return Self.failure(405, "UnsupportedHttpVerb", "not this")
            }
        }

        private func read(_ container: String, _ name: String, _ request: ServedRequest) -> ServedReply {
            guard let blob = state.withLock({ $0.containers[container]?[name] }) else {
                return Self.failure(404, "BlobNotFound", "there is no such blob")
            }
            var headers = [
                ("ETag", blob.etag), ("Last-Modified", HTTPDate.text(blob.modified)), ("Accept-Ranges", "bytes"),
                ("Content-Type", blob.type), ("x-ms-blob-type", "BlockBlob"),
            ]
            let version = FileVersion(
                etag: blob.etag,
                lastModified: HTTPDate.text(blob.modified),
                modifiedSeconds: blob.modified
            )
            if version.isUnchanged(for: request.headers) { return ServedReply(status: 304, headers: headers) }
            if let wanted = request.headers["if-match"], wanted != blob.etag, wanted != "*" {
                return Self.failure(412, "ConditionNotMet", "another version")
            }
            // The service names its own field for a range first.
            let range = request.headers["x-ms-range"] ?? request.headers["range"]
            guard version.allowsRange(for: request.headers) else { return whole(blob, headers) }
            switch ByteRange(range, size: blob.content.count) {
            case .whole: return whole(blob, headers)
            case .unsatisfiable: return Self.failure(416, "InvalidRange", "beyond the end")
            case .part(let part):
                let total = blob.content.count
                headers.append(("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(total)"))
                if let md5 = blob.md5 { headers.append(("x-ms-blob-content-md5", md5)) }
                return ServedReply(status: 206, headers: headers, body: Array(blob.content[part]))
            }
        }

        private func whole(_ blob: Blob, _ headers: [(String, String)]) -> ServedReply {
            ServedReply(headers: headers + (blob.md5.map { [("Content-MD5", $0)] } ?? []), body: blob.content)
        }

        private func write(
            _ container: String,
            _ name: String,
            _ request: ServedRequest,
            _ query: [String: String]
        ) -> ServedReply {
            guard state.withLock({ $0.containers[container] != nil }) else {
                return Self.failure(404, "ContainerNotFound", "there is no such container")
            }
            let path = "\(container)/\(name)"
            switch query["comp"] {
            case "block":
                state.withLock { $0.blocks[path, default: [:]][query["blockid"] ?? ""] = request.body }
                return ServedReply(status: 201)
            case "blocklist":
                let text = String(decoding: request.body, as: UTF8.self)
                let ids = text.split(separator: "<Latest>").dropFirst().compactMap { $0.split(separator: "<").first }
                let blocks = state.withLock { $0.blocks.removeValue(forKey: path) } ?? [:]
                put(container, name, ids.flatMap { blocks[String($0)] ?? [] })
            default:
                guard request.headers["x-ms-blob-type"] == "BlockBlob" else {
                    return Self.failure(400, "MissingRequiredHeader", "x-ms-blob-type: BlockBlob")
                }
                if request.headers["if-none-match"] == "*", content(container, name) != nil {
                    return Self.failure(409, "BlobAlreadyExists", "it is there")
                }
                put(container, name, request.body, type: request.headers["content-type"] ?? "application/octet-stream")
            }
            let blob = state.withLock { $0.containers[container]?[name] }
            return ServedReply(
                status: 201,
                headers: [
                    ("ETag", blob?.etag ?? ""), ("Last-Modified", HTTPDate.text(blob?.modified ?? 0)),
                    ("x-ms-request-server-encrypted", "false"),
                ]
            )
        }

        // MARK: - Text

        private static func failure(_ status: Int, _ code: String, _ message: String) -> ServedReply {
            let text =
                "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>\(code)</Code><Message>\(message)</Message></Error>"
            return ServedReply(
                status: status,
                headers: [("x-ms-error-code", code), ("Content-Type", "application/xml")],
                body: Array(text.utf8)
            )
        }

        private static func escaped(_ text: String) -> String {
            text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        }

        static func parameters(_ query: String) -> [String: String] {
            var parameters: [String: String] = [:]
            for pair in query.split(separator: "&") {
                let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                parameters[halves[0].removingPercentEncoding ?? halves[0]] =
                    halves.count > 1 ? halves[1].removingPercentEncoding ?? halves[1] : ""
            }
            return parameters
        }

        private static func md5(_ content: [UInt8]) -> String {
            var digest = [UInt8](repeating: 0, count: 16)
            var count: UInt32 = 0
            _ = content.withUnsafeBytes { EVP_Digest($0.baseAddress, $0.count, &digest, &count, EVP_md5(), nil) }
            return Data(digest).base64EncodedString()
        }
    }
}
