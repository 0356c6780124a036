extension Source {
    /// Where the data are.
    public enum Origin: Sendable, Hashable {
        /// One file: an `http://`, `https://` or `sftp://` URL, or a path; a path may be a glob.
        case location(String)
        /// A list of files in the form that `sha256sum` writes, at a URL or path; its entries are relative to it.
        case manifest(String)
        /// Several files, each as in ``location(_:)``.
        case list([String])
        /// A URL with places for values, one file for each combination of values.
        case template(URLTemplate)
        /// What an object store, or an sftp folder, lists under a prefix.
        case objects(ObjectPrefix)
        /// The rows of a REST API's pages.
        case api(APIEndpoint)
    }

    /// Whether it is pulled over the network.
    public var isRemote: Bool {
        switch origin {
        case .location(let address), .manifest(let address): Self.isRemote(address)
        case .list(let addresses): addresses.contains(where: Self.isRemote)
        case .template(let template): Self.isRemote(template.text)
        case .objects, .api: true
        }
    }

    /// The one address that stands for it in listings and exports.
    public var address: String {
        switch origin {
        case .location(let address), .manifest(let address): address
        case .list(let addresses): addresses.first ?? ""
        case .template(let template): template.text
        case .objects(let prefix): prefix.address
        case .api(let endpoint): endpoint.url
        }
    }

    /// Whether an address is fetched rather than opened.
    public static func isRemote(_ address: String) -> Bool {
        let address = address.lowercased()
        return ["http://", "https://", "sftp://"].contains { address.hasPrefix($0) }
    }
}

/// Objects of a store under a prefix.
public struct ObjectPrefix: Sendable, Hashable {
    /// Which protocol lists and gives them.
    public enum Store: String, Sendable, Hashable {
        /// Amazon S3 and what speaks like it.
        case s3
        /// Azure Blob storage.
        case azure = "az"
        /// A folder over SSH.
        case sftp
    }

    /// Which protocol.
    public var store: Store
    /// The bucket or container; host and port for sftp.
    public var container: String
    /// The Azure account; empty for others.
    public var account: String
    /// The key as written, with its wildcards.
    public var pattern: String
    /// The service's address where it is not the usual one.
    public var endpoint: String?
    /// The region that signatures name.
    public var region: String

    /// The address as it stands in pipeline.yml.
    public var address: String {
        "\(store.rawValue)://" + [account, container].filter { !$0.isEmpty }.joined(separator: "/") + "/\(pattern)"
    }

    /// What all keys begin with: the pattern up to its first wildcard.
    public var prefix: String { String(pattern.prefix { !"*?[".contains($0) }) }

    /// Tells which keys are meant.
    ///
    /// A pattern that ends in `/` means all below it.
    public var matcher: ObjectMatcher { ObjectMatcher(pattern) }

    /// Whether a key is meant.
    public func matches(_ key: String) -> Bool { matcher.matches(key) }
}

/// Tells which keys a pattern means; made once for many keys.
public struct ObjectMatcher: Sendable {
    private let folder: String?
    private let glob: Glob

    init(_ pattern: String) {
        folder = pattern.isEmpty || pattern.hasSuffix("/") ? pattern : nil
        glob = Glob(pattern)
    }

    /// Whether a key is meant.
    public func matches(_ key: String) -> Bool {
        guard let folder else { return glob.matches(key) }
        return key.hasPrefix(folder) && !key.hasSuffix("/")
    }
}

/// A REST API whose answers are pages of rows.
public struct APIEndpoint: Sendable, Hashable {
    /// How one page leads to the next.
    public enum Paging: Sendable, Hashable {
        /// There is one page.
        case none
        /// The `Link` header's `rel="next"`.
        case link
        /// A URL in the answer, at this JSON path.
        case next(path: String)
        /// A value in the answer, sent back as a parameter.
        case cursor(path: String, parameter: String)
        /// A page's number as a parameter; ends at a page without rows, or with fewer than `size`.
        case number(parameter: String, first: Int, size: Int?)
        /// The number of rows to skip as a parameter; a page has `size` rows.
        case offset(parameter: String, size: Int)
    }

    /// The first page.
    public var url: String
    /// The JSON path of the rows in an answer, such as `$.data`; `$` for an answer that is the list itself.
    public var rows: String
    /// How one page leads to the next.
    public var paging: Paging
    /// The most pages; more are an error, so that a server that never ends is noticed.
    public var maximumPages: Int
}

/// Shell wildcards: `*` and `?` within a folder, `**` across folders, `[abc]`.
public struct Glob: Sendable, Hashable {
    private let pattern: [UInt8]

    /// Reads a pattern; every text is one.
    public init(_ text: String) { pattern = Array(text.utf8) }

    /// Whether a text is meant.
    public func matches(_ text: String) -> Bool { match(0, Array(text.utf8), 0) }

    private func match(_ start: Int, _ text: [UInt8], _ from: Int) -> Bool {
        var place = start
        var index = from
        while place < pattern.count {
            let symbol = pattern[place]
            switch symbol {
            case UInt8(ascii: "*"):
                let crosses = place + 1 < pattern.count && pattern[place + 1] == symbol
                while place < pattern.count, pattern[place] == symbol { place += 1 }
                while true {
                    // Most ends of most texts differ from the pattern's next byte, which is soon seen.
                    let mayFit = place == pattern.count || index < text.count || pattern[place] == symbol
                    if mayFit, match(place, text, index) { return true }
                    guard index < text.count, crosses || text[index] != UInt8(ascii: "/") else { return false }
                    index += 1
                }
            case UInt8(ascii: "["):
                guard index < text.count, let end = pattern[(place + 1)...].firstIndex(of: UInt8(ascii: "]")),
                    Self.set(pattern[(place + 1)..<end], has: text[index])
                else { return false }
                place = end + 1
                index += 1
            default:
                guard index < text.count,
                    text[index] == symbol || symbol == UInt8(ascii: "?") && text[index] != UInt8(ascii: "/")
                else { return false }
                place += 1
                index += 1
            }
        }
        return index == text.count
    }

    private static func set(_ members: ArraySlice<UInt8>, has byte: UInt8) -> Bool {
        var members = members
        let isNegated = members.first == UInt8(ascii: "!")
        if isNegated { members = members.dropFirst() }
        var found = false
        while let low = members.first {
            members = members.dropFirst()
            if members.first == UInt8(ascii: "-"), let high = members.dropFirst().first {
                members = members.dropFirst(2)
                found = found || (low...max(low, high)).contains(byte)
            } else {
                found = found || low == byte
            }
        }
        return found != isNegated
    }
}

/// What is inside the files of a source.
public struct Packing: Sendable, Hashable {
    /// How files are packed.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A zip archive.
        case zip
        /// A tar archive, compressed or not.
        case tar
        /// An Excel workbook, of which a sheet is read.
        case xlsx
    }

    /// How.
    public var kind: Kind
    /// Which members of an archive are read, as a glob; the sheet's name for a workbook; nil for all, or the first sheet.
    public var member: String?
}
