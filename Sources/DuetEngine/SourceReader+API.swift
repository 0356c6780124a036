internal import DuckKit
internal import DuetEvents
internal import DuetFetch
internal import DuetPipeline
internal import Foundation

extension SourceReader {
    /// Fetches an API's pages one after the other, and keeps each page's rows as a file of JSON lines.
    ///
    /// A page's answer is kept too, so that the next time it is asked for on condition.
    func readAPI(
        _ endpoint: APIEndpoint,
        _ connection: SourceConnection,
        known: [LandedFile]
    ) async throws -> SourceSync {
        let source = connection.source
        var sync = SourceSync(files: [])
        var url: String? = Self.first(endpoint)
        var seen: Set<String> = []
        var number = 0
        while let current = url {
            number += 1
            guard number <= endpoint.maximumPages else {
                throw Self.endless(
                    "it has more than \(endpoint.maximumPages) pages",
                    source,
                    hint: "raise api: {pages: ...}"
                )
            }
            guard seen.insert(current).inserted else {
                throw Self.endless("page \(number) leads back to one before it", source, hint: "check 'paging'")
            }
            guard FetchAddress.isSameHost(current, endpoint.url) else {
                throw Self.endless(
                    "page \(number) is on another host, \(FetchAddress.redacted(current))",
                    source,
                    hint: "pages are followed on the host in pipeline.yml only"
                )
            }
            let item = Wanted(
                origin: FetchAddress.identity(current),
                url: current,
                name: "page-\(number).json"
            )
            // An answer of "not modified" need not name the next page again.
            let held = endpoint.paging == .link ? [] : known
            let one = try await fetch([item], connection, known: held, isPlain: true)
            guard let page = one.files.first else { break }
            let content = try await rows(of: page, number: number, endpoint, source: source, known: known)
            sync.bytesTransferred += one.bytesTransferred
            sync.requests += one.requests
            sync.transfers.merge(one.transfers)
            sync.kept.append(page)
            if let file = content.file {
                sync.files.append(file)
                if !known.contains(where: { $0.origin == file.origin && $0.content == file.content }) {
                    sync.changed += 1
                }
            }
            url = try Self.next(after: current, number: number, content, one.links, endpoint)
        }
        return sync
    }

    private struct PageContent: Sendable {
        var file: LandedFile?
        var count = 0
        var next: String?
    }

    private static func first(_ endpoint: APIEndpoint) -> String {
        switch endpoint.paging {
        case .number(let parameter, let first, _): setting(parameter, String(first), in: endpoint.url)
        case .offset(let parameter, _): setting(parameter, "0", in: endpoint.url)
        default: endpoint.url
        }
    }

    private static func next(
        after url: String,
        number: Int,
        _ content: PageContent,
        _ links: [String],
        _ endpoint: APIEndpoint
    ) throws -> String? {
        switch endpoint.paging {
        case .none: return nil
        case .link: return LinkHeader.next(in: links).flatMap { FetchAddress.absolute($0, relativeTo: url) }
        case .next: return content.next.flatMap { FetchAddress.absolute($0, relativeTo: url) }
        case .cursor(_, let parameter): return content.next.map { setting(parameter, $0, in: url) }
        case .number(let parameter, let first, let size):
            guard content.count > 0, content.count >= size ?? 1 else { return nil }
            return setting(parameter, String(first + number), in: url)
        case .offset(let parameter, let size):
            guard content.count >= size else { return nil }
            return setting(parameter, String(number * size), in: url)
        }
    }

    /// The URL with a parameter's value replaced, or added.
    private static func setting(_ name: String, _ value: String, in url: String) -> String {
        let pair = "\(PercentEncoding.encode(name))=\(PercentEncoding.encode(value))"
        guard let mark = url.firstIndex(of: "?") else { return "\(url)?\(pair)" }
        let others = url[url.index(after: mark)...].split(separator: "&").filter {
            !$0.hasPrefix("\(PercentEncoding.encode(name))=")
        }
        return "\(url[...mark])\((others.map(String.init) + [pair]).joined(separator: "&"))"
    }

    private static func endless(_ reason: String, _ source: Source, hint: String) -> DuetError {
        DuetError(
            .fetchFailed,
            "source '\(source.name)': the API does not come to an end: \(reason)",
            hint: hint,
            at: source.location
        )
    }

    // MARK: - Rows

    private func rows(
        of page: LandedFile,
        number: Int,
        _ endpoint: APIEndpoint,
        source: Source,
        known: [LandedFile]
    ) async throws -> PageContent {
        let origin = "\(page.origin)#rows"
        let before = known.first { $0.origin == page.origin }
        let rowsBefore = known.first { $0.origin == origin }
        let landing = self.folder(of: source)
        return try await SourceWork.run {
            // The answer is read by DuckDB, like all other JSON, so that numbers stay what they are.
            let connection = try Database().connect()
            var content = PageContent()
            let paths = Self.paths(endpoint)
            let row: [Value]
            let text = "(SELECT content::JSON AS j FROM read_text(\(SQL.literal(page.path))))"
            do {
                row =
                    try connection.rows(
                        "SELECT json_type(j, \(SQL.literal(paths.rows))), "
                            + (paths.next.map { "json_extract_string(j, \(SQL.literal($0)))" } ?? "NULL")
                            + " FROM \(text)"
                    ).first ?? []
            } catch let error as DuckDBError {
                throw Self.wrong("is no JSON", page, source, cause: error.message)
            }
            guard row.count == 2, row[0].string == "ARRAY" else {
                let found = row.first?.string.map { "holds \($0.lowercased()) there" } ?? "has nothing there"
                throw Self.wrong("has no list of rows at '\(endpoint.rows)': it \(found)", page, source, cause: nil)
            }
            content.next = row[1].string.flatMap { $0.isEmpty ? nil : $0 }
            let lines = try connection.rows(
                "SELECT unnest(json_extract(j, \(SQL.literal(paths.rows + "[*]"))))::VARCHAR FROM \(text)"
            )
            content.count = lines.count
            if let before, let rowsBefore, before.content == page.content,
                FileManager.default.fileExists(atPath: rowsBefore.path)
            {
                content.file = rowsBefore
                return content
            }
            guard !lines.isEmpty else { return content }
            let file = "\(landing)/rows-\(SourceTransfer.shortHash(origin)).jsonl"
            let data = Data(lines.map { ($0[0].string ?? "null") + "\n" }.joined().utf8)
            try data.write(to: URL(fileURLWithPath: file))
            let digest = try FileDigest.sha256(ofFile: file)
            let target = "\(landing)/\(digest.prefix(16))-page-\(number).jsonl"
            if FileManager.default.fileExists(atPath: target) {
                try FileManager.default.removeItem(atPath: file)
            } else {
                try FileManager.default.moveItem(atPath: file, toPath: target)
            }
            content.file = LandedFile(
                source: source.name,
                origin: origin,
                path: target,
                content: digest,
                size: data.count,
                lastModified: page.lastModified
            )
            return content
        }
    }

    private static func paths(_ endpoint: APIEndpoint) -> (rows: String, next: String?) {
        switch endpoint.paging {
        case .next(let path), .cursor(let path, _): (endpoint.rows, path)
        default: (endpoint.rows, nil)
        }
    }

    private static func wrong(_ what: String, _ page: LandedFile, _ source: Source, cause: String?) -> DuetError {
        DuetError(
            .badFormat,
            "source '\(source.name)': the answer of \(page.origin) \(what)",
            hint: "check api: {url, rows}",
            at: source.location,
            cause: cause
        )
    }
}

/// `Link` header fields (RFC 8288).
enum LinkHeader {
    /// The target of `rel="next"`.
    static func next(in fields: [String]) -> String? {
        for field in fields {
            var rest = field[...]
            while let open = rest.firstIndex(of: "<"), let close = rest[open...].firstIndex(of: ">") {
                let target = rest[rest.index(after: open)..<close]
                rest = rest[rest.index(after: close)...]
                let parameters = rest.prefix { $0 != "<" }
                for parameter in parameters.split(whereSeparator: { ";,".contains($0) }) {
                    let halves = parameter.split(separator: "=", maxSplits: 1)
                    guard halves.count == 2, halves[0].trimmingCharacters(in: .whitespaces).lowercased() == "rel" else {
                        continue
                    }
                    let relations = halves[1].trimmingCharacters(in: .whitespaces.union(["\""])).split(separator: " ")
                    if relations.contains("next") { return String(target) }
                }
            }
        }
        return nil
    }
}
