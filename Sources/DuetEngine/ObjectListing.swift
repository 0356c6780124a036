internal import DuetFetch
internal import DuetPipeline
internal import Foundation

/// One thing to fetch.
struct Wanted: Sendable, Hashable {
    /// What tells it from others; a URL without secrets.
    var origin: String
    var url: String
    /// The name of the file it becomes.
    var name: String
    var sha256: String?
    /// What a listing says of it.
    var size: Int?
    var etag: String?
}

/// The URLs of object stores.
enum ObjectAddress {
    /// The address that all of a container's URLs begin with, without a slash at its end.
    static func base(_ prefix: ObjectPrefix) -> String {
        switch prefix.store {
        case .s3:
            if let endpoint = prefix.endpoint { return "\(trimmed(endpoint))/\(prefix.container)" }
            // A dot in the name would not fit the service's wildcard certificate.
            if prefix.container.contains(".") { return "https://s3.\(prefix.region).amazonaws.com/\(prefix.container)" }
            return "https://\(prefix.container).s3.\(prefix.region).amazonaws.com"
        case .azure:
            let service = prefix.endpoint.map(trimmed) ?? "https://\(prefix.account).blob.core.windows.net"
            return "\(service)/\(prefix.container)"
        case .sftp: return "sftp://\(prefix.container)"
        }
    }

    static func url(_ prefix: ObjectPrefix, key: String) -> String {
        "\(base(prefix))/\(PercentEncoding.encode(key, keeping: UInt8(ascii: "/")))"
    }

    private static func trimmed(_ text: String) -> String { text.hasSuffix("/") ? String(text.dropLast()) : text }
}

/// Lists the objects under a prefix, page by page.
struct ObjectListing: Sendable {
    let prefix: ObjectPrefix
    let connection: SourceConnection

    /// The objects meant, in the order the store lists them, and how much the listing took.
    struct Result: Sendable {
        var objects: [Wanted] = []
        var requests = 0
        var bytes = 0
    }

    func read() async throws -> Result {
        if prefix.store == .sftp { return try await readFolder() }
        var result = Result()
        var marker: String?
        var seen: Set<String> = []
        let base = ObjectAddress.base(prefix)
        let begin =
            "\(prefix.store.rawValue)://"
            + [prefix.account, prefix.container, ""].drop { $0.isEmpty }.joined(separator: "/")
        let matcher = prefix.matcher
        repeat {
            let request = connection.request(pageURL(after: marker))
            let (response, body) = try await connection.data(request)
            result.requests += response.attempts
            result.bytes += response.bytesTotal
            let page = try page(body)
            for entry in page.entries where matcher.matches(entry.key) {
                result.objects.append(
                    Wanted(
                        origin: begin + entry.key,
                        url: "\(base)/\(PercentEncoding.encode(entry.key, keeping: UInt8(ascii: "/")))",
                        name: entry.key.split(separator: "/").last.map(String.init) ?? entry.key,
                        size: entry.size,
                        etag: entry.etag
                    )
                )
            }
            marker = page.next
            if let marker, !seen.insert(marker).inserted { throw broken("it gave the same continuation twice") }
        } while marker != nil
        return result
    }

    // MARK: - Pages

    private struct Entry {
        var key = ""
        var size: Int?
        var etag: String?
    }

    private func pageURL(after marker: String?) -> String {
        func query(_ parameters: [(String, String?)]) -> String {
            // Signatures are made over sorted parameters, and libcurl signs them as they stand.
            parameters.sorted { $0.0 < $1.0 }
                .compactMap { name, value in value.map { "\(name)=\(PercentEncoding.encode($0))" } }
                .joined(separator: "&")
        }
        let base = ObjectAddress.base(prefix)
        let begins = prefix.prefix.isEmpty ? nil : prefix.prefix
        if prefix.store == .s3 {
            let slash = base.contains(".amazonaws.com") && !base.hasSuffix(prefix.container) ? "/" : ""
            return base + slash + "?"
                + query([
                    ("list-type", "2"), ("encoding-type", "url"), ("max-keys", "1000"), ("prefix", begins),
                    ("continuation-token", marker),
                ])
        }
        return base + "?"
            + query([
                ("restype", "container"), ("comp", "list"), ("maxresults", "5000"), ("prefix", begins),
                ("marker", marker),
            ])
    }

    private func page(_ body: [UInt8]) throws -> (entries: [Entry], next: String?) {
        let isS3 = prefix.store == .s3
        let item = isS3 ? "Contents" : "Blob"
        var entries: [Entry] = []
        var entry = Entry()
        var next: String?
        var isURLEncoded = false
        var isList = false
        var scanner = XMLScanner(body)
        while let event = scanner.next() {
            switch event {
            case .start(let name):
                if name == item { entry = Entry() }
                if name == "ListBucketResult" || name == "EnumerationResults" { isList = true }
            case .end(let name, let text):
                switch name {
                case item: entries.append(entry)
                case "Key", "Name": entry.key = text
                case "Size", "Content-Length": entry.size = Int(text)
                case "ETag", "Etag": entry.etag = text
                case "EncodingType": isURLEncoded = text == "url"
                case "NextContinuationToken", "NextMarker": if !text.isEmpty { next = text }
                default: break
                }
            }
        }
        guard isList else { throw broken("it is no list of \(isS3 ? "a bucket" : "a container")") }
        if isS3, isURLEncoded {
            for index in entries.indices {
                let plain = entries[index].key.replacing("+", with: " ")
                entries[index].key = plain.removingPercentEncoding ?? entries[index].key
            }
        }
        return (entries, next)
    }

    private func broken(_ reason: String) -> DuetError {
        DuetError(
            .fetchFailed,
            "source '\(connection.source.name)': the listing of \(prefix.address) cannot be read: \(reason)",
            hint: "check location and endpoint",
            at: connection.source.location
        )
    }

    // MARK: - Folders over SSH

    /// One level: what `ls -l` shows of the folder before the last slash.
    private func readFolder() async throws -> Result {
        let folder = prefix.prefix.lastIndex(of: "/").map { String(prefix.prefix[...$0]) } ?? ""
        let (response, body) = try await connection.data(connection.request(ObjectAddress.url(prefix, key: folder)))
        var result = Result(requests: response.attempts, bytes: response.bytesTotal)
        let matcher = prefix.matcher
        for line in String(decoding: body, as: UTF8.self).split(whereSeparator: \.isNewline) where line.hasPrefix("-") {
            // mode, links, owner, group, size, month, day, time or year, name
            let words = line.split(separator: " ", maxSplits: 8, omittingEmptySubsequences: true)
            guard words.count == 9 else { continue }
            let key = folder + words[8]
            guard matcher.matches(key) else { continue }
            let url = ObjectAddress.url(prefix, key: key)
            result.objects.append(Wanted(origin: url, url: url, name: String(words[8]), size: Int(words[4])))
        }
        result.objects.sort { $0.origin < $1.origin }
        return result
    }
}
