internal import DuetEngine
internal import DuetExpression
internal import DuetFactory
internal import DuetFetch
internal import DuetPipeline
internal import Foundation

/// The answers of a REST source, page after page, as files.
///
/// Source: connector-rest, "Pagination support": what a rule names, where its value comes from, and what ends the pages.
struct HTTPPages {
    private let source: ExpressionObject
    private let url: String
    private let call: ActivityCall
    private let environment: FactoryEnvironment
    private static let mostPages = 10_000

    /// One rule: what changes from page to page, and where its value comes from.
    private struct Rule {
        enum Target {
            case url
            case query(String)
            case header(String)
            /// `{name}` in the address, a query parameter or a header.
            case variable(String)
        }

        enum Origin {
            case body([String])
            case header(String)
            case range(start: Int, end: Int?, step: Int)
        }

        var target: Target
        var origin: Origin
    }

    /// What ends the pages: a place in the answer, and what it is then.
    private struct End {
        var origin: Rule.Origin
        var condition: String
    }

    private var rules: [Rule] = []
    private var ends: [End] = []
    private var mostRequests: Int?
    private var followsLinks = false

    init(_ source: ExpressionObject, url: String, _ call: ActivityCall, _ environment: FactoryEnvironment) throws {
        self.source = source
        self.url = url
        self.call = call
        self.environment = environment
        let given = source.value(ignoringCase: "paginationRules")?.objectValue ?? ExpressionObject()
        for (name, value) in zip(given.names, given.values) { try take(name, value.stringValue ?? value.json) }
    }

    private mutating func take(_ name: String, _ value: String) throws {
        let lowered = name.lowercased()
        if lowered == "supportrfc5988" {
            followsLinks = value.lowercased() == "true"
        } else if lowered == "maxrequestnumber" {
            mostRequests = Int(value)
        } else if lowered.hasPrefix("endcondition:") {
            ends.append(End(origin: try origin(String(name.dropFirst("EndCondition:".count))), condition: value))
        } else {
            let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
            let rest = parts.count > 1 ? Self.bare(parts[1]) : ""
            let isVariable = parts.count > 1 && parts[1].hasPrefix("{")
            let target: Rule.Target
            switch parts.first?.lowercased() ?? "" {
            case _ where isVariable: target = .variable(rest)
            case "absoluteurl": target = .url
            case "queryparameters": target = .query(rest)
            case "headers": target = .header(rest)
            default:
                throw ActivityFailure("UnsupportedPaging", "the paging rule '\(name)' is not known", isFinal: true)
            }
            rules.append(Rule(target: target, origin: try origin(value)))
        }
    }

    /// `name`, `['name']` and `{name}` without what is around them.
    private static func bare(_ text: String) -> String {
        text.trimmingCharacters(in: CharacterSet(charactersIn: "[]{}'\""))
    }

    private func origin(_ text: String) throws -> Rule.Origin {
        if text.hasPrefix("$") {
            let path = text.dropFirst().replacing("['", with: ".").replacing("']", with: "")
            return .body(path.split(separator: ".").map(String.init))
        }
        if text.lowercased().hasPrefix("headers.") { return .header(Self.bare(String(text.dropFirst(8)))) }
        if text.uppercased().hasPrefix("RANGE:") {
            let parts = text.dropFirst(6).split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
            if let start = parts.first ?? nil {
                return .range(
                    start: start,
                    end: parts.count > 1 ? parts[1] : nil,
                    step: (parts.count > 2 ? parts[2] : 1) ?? 1
                )
            }
        }
        throw ActivityFailure(
            "UnsupportedPaging",
            "'\(text)' says not where a page's value comes from",
            hint: "write $.path, Headers.name or RANGE:start:end:step",
            isFinal: true
        )
    }

    // MARK: - Fetching

    func fetch() throws -> [String] {
        let folder = try environment.scratch(call)
        var headers: [(String, String)] = []
        let additional = source.value(ignoringCase: "additionalHeaders")?.objectValue
        for (name, value) in zip(additional?.names ?? [], additional?.values ?? []) {
            headers.append((name, value.stringValue ?? value.json))
        }
        var pages: [String] = []
        var values = first()
        var next: String? = url
        while let base = next {
            guard pages.count < Self.mostPages else {
                throw ActivityFailure("TooManyPages", "the source has more than \(Self.mostPages) pages", isFinal: true)
            }
            let (address, extra) = applied(base, headers, values)
            let path = "\(folder)/page-\(pages.count + 1)"
            let response = try ask(address, extra, path)
            let page = try page(path)
            // An answer that ends the pages, and holds nothing, is no page.
            let isEnd = try ends.contains { try isMet($0, page, response) }
            if !isEnd || pages.isEmpty { pages.append(path) }
            if isEnd || pages.count >= mostRequests ?? .max { break }
            next = try following(base, &values, page, response)
        }
        return pages
    }

    private func ask(_ address: String, _ headers: [(String, String)], _ path: String) throws -> FetchResponse {
        let isPost = source.value(ignoringCase: "requestMethod")?.stringValue?.uppercased() == "POST"
        let body = source.value(ignoringCase: "requestBody")?.stringValue ?? ""
        let request = FetchRequest(
            url: address,
            method: isPost ? .post(Array(body.utf8)) : .get,
            headers: headers,
            destination: isPost ? nil : path,
            retry: .never
        )
        let fetcher = environment.fetcher
        guard isPost else {
            return try Blocking.wait(control: call.control) { try await fetcher.fetch(request) }
        }
        let (response, bytes) = try Blocking.wait(control: call.control) { try await fetcher.data(request) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return response
    }

    /// The page as JSON, when a rule has to look into it.
    private func page(_ path: String) throws -> ExpressionValue {
        let looksInside = (rules.map(\.origin) + ends.map(\.origin)).contains {
            if case .body = $0 { true } else { false }
        }
        guard looksInside else { return .null }
        let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
        guard case .success(let page) = Result(catching: { try ExpressionValue(json: text) }) else {
            throw ActivityFailure("NotJSON", "a page of the source is no JSON", isFinal: true)
        }
        return page
    }

    /// The values for the first request: where ranges begin.
    private func first() -> [Int: String] {
        var values: [Int: String] = [:]
        for (number, rule) in rules.enumerated() {
            if case .range(let start, _, _) = rule.origin { values[number] = "\(start)" }
        }
        return values
    }

    private func applied(
        _ base: String,
        _ headers: [(String, String)],
        _ values: [Int: String]
    ) -> (String, [(String, String)]) {
        var address = base
        var headers = headers
        for (number, rule) in rules.enumerated() {
            guard let value = values[number] else { continue }
            let escaped = value.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? value
            switch rule.target {
            case .url: break
            case .query(let name):
                var parts = URLComponents(string: address)
                var items = (parts?.queryItems ?? []).filter { $0.name != name }
                items.append(URLQueryItem(name: name, value: value))
                parts?.queryItems = items
                address = parts?.string ?? address
            case .header(let name):
                headers.removeAll { $0.0.lowercased() == name.lowercased() }
                headers.append((name, value))
            case .variable(let name):
                address = address.replacing("{\(name)}", with: escaped).replacing("%7B\(name)%7D", with: escaped)
                headers = headers.map { ($0.0, $0.1.replacing("{\(name)}", with: value)) }
            }
        }
        return (address, headers)
    }

    /// The next page's address; nil behind the last page.
    private func following(
        _ base: String,
        _ values: inout [Int: String],
        _ page: ExpressionValue,
        _ response: FetchResponse
    ) throws -> String? {
        if followsLinks, let link = Self.nextLink(response) { return try resolved(link) }
        var goesOn = false
        for (number, rule) in rules.enumerated() {
            if case .range(_, let end, let step) = rule.origin {
                let value = (values[number].flatMap { Int($0) } ?? 0) + step
                if let end, value > end { return nil }
                // A range without an end goes on until a condition ends it.
                values[number] = "\(value)"
                goesOn = goesOn || end != nil || !ends.isEmpty || mostRequests != nil
                continue
            }
            guard let value = text(rule.origin, page, response), !value.isEmpty else { return nil }
            if case .url = rule.target { return try resolved(value) }
            // A page that gives the value that asked for it is the last one.
            guard values[number] != value else { return nil }
            values[number] = value
            goesOn = true
        }
        return goesOn ? base : nil
    }

    /// An address that an answer gives, which may leave out the server.
    private func resolved(_ address: String) throws -> String {
        if address.hasPrefix("/"), var parts = URLComponents(string: url) {
            let pieces = address.split(separator: "?", maxSplits: 1).map(String.init)
            parts.percentEncodedPath = pieces[0]
            parts.percentEncodedQuery = pieces.count > 1 ? pieces[1] : nil
            return parts.string ?? address
        }
        return try environment.address(address)
    }

    /// The target of `Link: <…>; rel="next"`.
    private static func nextLink(_ response: FetchResponse) -> String? {
        for part in response.headers.values(of: "Link").flatMap({ $0.split(separator: ",") }) {
            let pieces = part.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
            guard
                pieces.dropFirst().contains(where: {
                    $0.lowercased() == #"rel="next""# || $0.lowercased() == "rel=next"
                }),
                let link = pieces.first, link.hasPrefix("<"), link.hasSuffix(">")
            else { continue }
            return String(link.dropFirst().dropLast())
        }
        return nil
    }

    private func value(_ origin: Rule.Origin, _ page: ExpressionValue, _ response: FetchResponse) -> ExpressionValue? {
        switch origin {
        case .header(let name): return response.headers[name].map { .string($0) }
        case .range: return nil
        case .body(let path):
            var value: ExpressionValue? = page
            for part in path { value = value?.objectValue?.value(ignoringCase: part) }
            return value
        }
    }

    private func text(_ origin: Rule.Origin, _ page: ExpressionValue, _ response: FetchResponse) -> String? {
        guard let value = value(origin, page, response), !value.isNull else { return nil }
        return value.stringValue ?? value.json
    }

    /// `Empty`, `NonExist`, `Exist` and `Const:value`.
    private func isMet(_ end: End, _ page: ExpressionValue, _ response: FetchResponse) throws -> Bool {
        let value = value(end.origin, page, response)
        switch end.condition.lowercased() {
        case "empty":
            switch value {
            case nil, .null?: return true
            case .string(let text)?: return text.isEmpty
            case .array(let values)?: return values.isEmpty
            case .object(let object)?: return object.isEmpty
            default: return false
            }
        case "nonexist": return value?.isNull ?? true
        case "exist": return !(value?.isNull ?? true)
        default:
            guard end.condition.lowercased().hasPrefix("const:") else {
                throw ActivityFailure(
                    "UnsupportedPaging",
                    "'\(end.condition)' is no condition for the end of the pages",
                    hint: "write Empty, NonExist, Exist or Const:value",
                    isFinal: true
                )
            }
            return value.map { $0.stringValue ?? $0.json } == String(end.condition.dropFirst(6))
        }
    }
}

extension FactoryEnvironment {
    /// The address that is asked in place of one in a pipeline.
    ///
    /// Nothing leaves the machine unless stand-ins.yml says so.
    func address(_ url: String) throws(ActivityFailure) -> String {
        for (from, to) in standIns.web where url.hasPrefix(from) { return to + url.dropFirst(from.count) }
        let host = URL(string: url)?.host ?? ""
        if host == "127.0.0.1" || host == "localhost" || host == "::1" { return url }
        throw ActivityFailure(
            "MissingStandIn",
            "the address of the host '\(host)' has no stand-in, and nothing leaves this machine without one",
            hint: "add to stand-ins.yml under web:  \(host.isEmpty ? url : "https://\(host)"): http://127.0.0.1:PORT "
                + "(or the same address, to ask the real one)",
            isFinal: true
        )
    }
}
