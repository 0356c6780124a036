internal import DuckKit
internal import DuetEngine
internal import DuetExpression
internal import DuetFactory
internal import DuetFetch
internal import DuetPipeline
internal import Foundation

/// `call(…)`: a request to a REST service for each row, and its answer as columns.
///
/// Source: data-flow-external-call, connector-rest, and the scripts of public factories.
extension DataFlowRun {
    func callOut(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        let rest = try RowCall(step, self)
        let mapping = step.clause("mapcolumn")
        let sent = try mapping.map { try assigned($0, input, writer(input)) } ?? items(input).filter { !$0.isHidden }
        var seen: Set<String> = []
        let fields = sent.filter { seen.insert($0.name.lowercased()).inserted }
            .map { "\(SQL.identifier($0.name)) := \($0.sql)" }.joined(separator: ", ")
        // As Spark writes it, a member without a value is left out.
        let body = fields.isEmpty ? "'{}'" : "CAST(json_merge_patch('{}', to_json(struct_pack(\(fields)))) AS VARCHAR)"
        let path = try relative(step, input)
        let sends = mapping != nil || rest.hasBody
        let from = try computed(step, input, [body, path], columns: 3) { rows in
            let requests = try rows.enumerated().map { number, row in
                try rest.request(sends ? row[0].string : nil, path: row[1].string, row: number + 1)
            }
            return try rest.answers(to: requests)
        }
        var new: [DataFlowItem] = []
        for (place, column) in [rest.body, rest.headers, rest.status].enumerated() {
            if let (name, type) = column {
                new.append(DataFlowItem(name: name, sql: text("r.a\(place)", type)))
            } else if place == 0 {
                new.append(DataFlowItem(name: rest.bodyName, sql: try detected("r.a0", from)))
            }
        }
        try define(step.name, replaced(items(input, alias: "l"), by: new), from, isFixed: true, step: step)
    }

    private func text(_ sql: String, _ type: DataFlowType) -> String {
        switch type {
        case .simple, .formatted: DataFlowTypes.cast(sql, to: type)
        default: json(sql, type)
        }
    }

    /// The answers' own structure, for a body that declares none; text where they are no JSON.
    private func detected(_ sql: String, _ from: String) throws -> String {
        let structure = try connection.scalar(
            "SELECT CAST(json_group_structure(CAST(\(sql) AS JSON)) AS VARCHAR) \(from) WHERE json_valid(\(sql))"
        )
        guard let structure = structure.string, structure != #""NULL""# else { return sql }
        return "CASE WHEN json_valid(\(sql)) THEN json_transform(CAST(\(sql) AS JSON), \(SQL.literal(structure))) END"
    }

    /// What is put behind the address for each row: a column's value, an expression, or the same text for all.
    private func relative(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws -> String {
        guard let value = step.property("rowRelativeUrl") else { return "NULL" }
        let writer = writer(input)
        if case .text(let name) = value.kind, let column = writer.find(name) {
            return "CAST(\(column.reference) AS VARCHAR)"
        }
        return "CAST(\(try writer.sql(value)) AS VARCHAR)"
    }
}

/// How the rows of one transformation are sent, and how their answers are read.
private struct RowCall {
    typealias Column = (name: String, type: DataFlowType)

    /// The declared columns of the answer.
    let body, headers, status: Column?
    /// What the body is called where it is not declared.
    let bodyName: String
    /// Whether the method sends a body.
    let hasBody: Bool

    private let step: DataFlowScript.Step
    private let call: ActivityCall
    private let fetcher: Fetcher
    private let address: String
    private let method: String
    private let fields: [(String, String)]
    private let credentials: Credentials
    private let timeout: Duration
    private let requestsPerSecond: Double?
    private let isXML: Bool
    /// As many as the fetcher asks one host at once.
    private static let atOnce = 8
    private static let mostBytes = 16 << 20

    init(_ step: DataFlowScript.Step, _ run: DataFlowRun) throws {
        self.step = step
        let surroundings = run.surroundings
        call = surroundings.call
        fetcher = surroundings.environment.fetcher
        guard let service = surroundings.flow.linkedServices[step.name.lowercased()] else {
            throw DataFlowError(
                "'\(step.name)' calls a service, and the data flow names none for it",
                at: step.offset,
                hint: "add \"linkedService\" to '\(step.name)' under \"transformations\""
            )
        }
        guard case .http(let base) = try surroundings.environment.place(of: service) else {
            throw ActivityFailure(
                "WrongStandIn",
                "'\(step.name)' calls the linked service '\(service.name)', whose stand-in is no address",
                hint: "map it as { http: http://127.0.0.1:8080 }",
                isFinal: true
            )
        }
        func constant(_ name: String) throws -> String? {
            guard let value = step.property(name) else { return nil }
            return try run.constant(try DataFlowWriter([], run).sql(value), at: value.offset).string
        }
        let entity = try constant("entity") ?? ""
        address = Self.joined(base, entity)
        method = (try constant("httpMethod") ?? "GET").uppercased()
        hasBody = ["POST", "PUT", "PATCH"].contains(method)
        var fields = Self.pairs(service.properties.value(ignoringCase: "authHeaders"))
        for name in ["headers", "additionalHeaders"] {
            for (key, value) in step.pairs(name) {
                let text = try run.constant(try DataFlowWriter([], run).sql(value), at: value.offset)
                fields.append((key, text.string ?? text.description))
            }
        }
        if hasBody, !fields.contains(where: { $0.0.lowercased() == "content-type" }) {
            fields.append(("Content-Type", "application/json"))
        }
        self.fields = fields
        credentials = Self.credentials(service.properties)
        timeout = .seconds(step.number("timeout") ?? 100)
        let interval = step.number("requestInterval") ?? 0
        requestsPerSecond = interval > 0 ? 1_000 / Double(interval) : nil
        let format = step.pairs("responseFormat").first { $0.name.lowercased() == "type" }?.value.kind
        var form = "json"
        if case .text(let name)? = format { form = name.lowercased() }
        isXML = form == "xml"
        func column(_ property: String, _ usual: String) throws -> (name: String, column: Column?) {
            let name = try constant(property) ?? usual
            return (name, step.declared.first { $0.name.lowercased() == name.lowercased() })
        }
        (bodyName, body) = try column("bodyColumnName", "body")
        headers = try column("headerColumnName", "headers").column
        status = try column("statusColumnName", "status").column
    }

    private static func joined(_ base: String, _ relative: String) -> String {
        guard !relative.isEmpty else { return base }
        if relative.hasPrefix("?") { return base + relative }
        return "\(base.hasSuffix("/") ? String(base.dropLast()) : base)/\(relative.drop { $0 == "/" })"
    }

    private static func pairs(_ value: ExpressionValue?) -> [(String, String)] {
        guard let object = value?.objectValue else { return [] }
        return zip(object.names, object.values).compactMap { name, value in
            let text = value.stringValue ?? value.objectValue?.value(ignoringCase: "value")?.stringValue
            return text.map { (name, $0) }
        }
    }

    private static func credentials(_ properties: ExpressionObject) -> Credentials {
        guard properties.value(ignoringCase: "authenticationType")?.stringValue?.lowercased() == "basic",
            let user = properties.value(ignoringCase: "userName")?.stringValue
        else { return .none }
        let password = properties.value(ignoringCase: "password")
        let text = password?.stringValue ?? password?.objectValue?.value(ignoringCase: "value")?.stringValue
        return .basic(user: user, password: text ?? "")
    }

    // MARK: - Requests

    /// The request of one row: its columns as a JSON object, nil when none are sent, and what comes behind the address.
    func request(_ body: String?, path: String?, row: Int) throws -> FetchRequest {
        var url = address
        if let path, !path.isEmpty {
            // Values come from data: they may name a resource, and not leave the place that stands in for the service.
            let parts = (path.removingPercentEncoding ?? path).split { $0 == "/" || $0 == "\\" }
            guard !parts.contains("..") else {
                throw ActivityFailure(
                    "PathOutsideStandIn",
                    "'\(step.name)': the path '\(path)' of row \(row) leads out of the service's address",
                    isFinal: true
                )
            }
            let allowed = CharacterSet.urlPathAllowed.union(.urlQueryAllowed).union(CharacterSet(charactersIn: "%"))
            url = Self.joined(url, path.addingPercentEncoding(withAllowedCharacters: allowed) ?? path)
        }
        let bytes = Array((body ?? "{}").utf8)
        let sending: FetchRequest.Method
        switch method {
        case "GET", "HEAD":
            if let body { url = Self.asking(url, body) }
            sending = method == "GET" ? .get : .head
        case "POST": sending = .post(bytes)
        case "PUT", "PATCH": sending = .send(method, bytes)
        case "DELETE":
            if let body { url = Self.asking(url, body) }
            sending = .send(method, [])
        default:
            throw DataFlowError(
                "requests with \(method) are not made here",
                at: step.offset,
                hint: "use GET, HEAD, POST, PUT, PATCH or DELETE"
            )
        }
        return FetchRequest(
            url: url,
            method: sending,
            headers: fields,
            maximumBytes: Self.mostBytes,
            credentials: credentials,
            deadline: timeout,
            requestsPerSecond: requestsPerSecond
        )
    }

    /// The address with the members of a JSON object as its query.
    private static func asking(_ url: String, _ body: String) -> String {
        guard case .success(let value) = Result(catching: { try ExpressionValue(json: body) }),
            let object = value.objectValue, !object.isEmpty, var parts = URLComponents(string: url)
        else { return url }
        parts.queryItems =
            (parts.queryItems ?? [])
            + zip(object.names, object.values).map { URLQueryItem(name: $0, value: $1.stringValue ?? $1.json) }
        return parts.string ?? url
    }

    /// Body, headers and status of each answer; some requests are under way at once.
    func answers(to requests: [FetchRequest]) throws -> [[String?]] {
        let fetcher = fetcher
        typealias Outcome = Result<(FetchResponse, [UInt8]), FetchError>
        let takesStatus = status != nil
        let outcomes: [Int: Outcome] = try Blocking.wait(control: call.control) {
            await withTaskGroup(of: (Int, Outcome).self) { group in
                var outcomes: [Int: Outcome] = [:]
                var next = 0
                func start() {
                    guard next < requests.count else { return }
                    let number = next
                    next += 1
                    group.addTask {
                        do throws(FetchError) {
                            return (number, .success(try await fetcher.data(requests[number])))
                        } catch {
                            return (number, .failure(error))
                        }
                    }
                }
                for _ in 0..<Self.atOnce { start() }
                while let (number, outcome) = await group.next() {
                    outcomes[number] = outcome
                    // A failure that no column takes ends the transformation, and what has not begun stays undone.
                    if case .failure(let error) = outcome, !(takesStatus && error.httpStatus != nil) {
                        group.cancelAll()
                        next = requests.count
                    }
                    start()
                }
                return outcomes
            }
        }
        // What ended it comes first; the others were only cancelled.
        let failures = outcomes.sorted { $0.key < $1.key }.compactMap { number, outcome -> (Int, FetchError)? in
            guard case .failure(let error) = outcome, !(takesStatus && error.httpStatus != nil) else { return nil }
            return (number, error)
        }
        if let (number, error) = failures.first(where: { $0.1.code != .cancelled }) ?? failures.first {
            throw failure(error, row: number + 1)
        }
        return requests.indices.map { number in
            switch outcomes[number] {
            case .success(let (response, bytes))?: columns(response, bytes)
            case .failure(let error)?: [error.answer, nil, error.httpStatus.map(String.init)]
            case nil: [nil, nil, nil]
            }
        }
    }

    private func columns(_ response: FetchResponse, _ bytes: [UInt8]) -> [String?] {
        let text = String(decoding: bytes, as: UTF8.self)
        var fields = ExpressionObject()
        for field in response.headers.fields { fields[field.name] = .string(field.value) }
        let isShaped = isXML && body != nil
        let content = isShaped ? body.flatMap { XMLShape.json(text, $0.type) } : text
        return [content, ExpressionValue.object(fields).json, String(response.status)]
    }

    private func failure(_ error: FetchError, row: Int) -> ActivityFailure {
        let said = error.answer.map { ": \($0.prefix(200))" } ?? ""
        return ActivityFailure(
            error.httpStatus.map(String.init) ?? "\(error.code)",
            "'\(step.name)', row \(row): \(error.message)\(said)",
            kind: .system,
            hint: error.hint ?? "declare a status column to go on with answers that are no success"
        )
    }
}

extension DataFlowScript.Step {
    /// The pairs of a property such as `['type' -> 'json']`.
    fileprivate func pairs(_ property: String) -> [(name: String, value: DataFlowExpression)] {
        guard case .array(let elements)? = self.property(property)?.kind else { return [] }
        return elements.compactMap { element in
            guard case .binary("->", let key, let value) = element.kind, case .text(let name) = key.kind else {
                return nil
            }
            return (name, value)
        }
    }
}
