internal import DuetEngine
internal import DuetPipeline
internal import DuetReport
internal import FlyingFox
internal import FlyingSocks
internal import Foundation

/// Its own, since FlyingFox has a type of the same name.
private typealias JSON = DuetPipeline.JSONValue

/// Answers the page's requests.
struct StudioRouter: HTTPHandler {
    let playground: Playground
    let hub: EventHub
    let assets: StudioAssets
    let guardian: StudioGuard
    let lessons: [Lesson]
    /// Where changes of the playground are made, one after the other.
    let director: Lane

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        do {
            try guardian.check(request)
        } catch let refusal {
            return answer(refusal.status, error(refusal.message))
        }
        do {
            return try await route(request)
        } catch let failure as StudioGuard.Refusal {
            return answer(failure.status, error(failure.message))
        } catch let failure as DuetErrors {
            return answer(422, error(failure.description))
        } catch let failure as DuetError {
            return answer(422, error(failure.description))
        } catch {
            return answer(500, self.error("\(error)"))
        }
    }

    private func route(_ request: HTTPRequest) async throws -> HTTPResponse {
        let values = Dictionary(request.query.map { ($0.name, $0.value) }) { $1 }
        switch (request.method, request.path) {
        case (.GET, "/api/state"): return json(GraphJSON.state(of: playground, lastEvent: hub.last))
        case (.GET, "/api/graph"):
            let pipeline = playground.pipeline
            return json(try await Lane("graph").run { try GraphJSON.graphs(of: pipeline) })
        case (.GET, "/api/events"): return try events(request, values)
        case (.GET, "/api/dataset"): return try await dataset(values)
        case (.GET, "/api/profile"): return try await profile(values)
        case (.GET, "/api/quarantine"): return try await quarantine(values)
        case (.GET, "/api/definition"): return json(GraphJSON.definition(try known(values)))
        case (.GET, "/api/lineage"):
            let look = LineageLook(playground: playground, style: try style(values["style"]))
            return json(try await playground.lane(look.style).run { try look.columns() })
        case (.GET, "/api/history"):
            let look = LineageLook(playground: playground, style: try style(values["style"]))
            let name = try known(values).name.description
            return json(try await playground.lane(look.style).run { try look.history(name) })
        case (.GET, "/api/activity"):
            let (look, name) = (LineageLook(playground: playground, style: .procedural), values["name"] ?? "")
            return json(try await Lane("activity").run { try look.activity(name) })
        case (.GET, "/api/files"): return try files()
        case (.GET, "/api/lessons"): return json(.array(lessons.map(\.json)))
        case (.GET, "/api/report.json"): return json(try await Lane("report").run { try playground.report().json })
        case (.GET, "/api/report.md"):
            let text = try await Lane("report").run { try MarkdownReport.text(try playground.report()) }
            return answer(200, Data(text.utf8), type: "text/markdown; charset=utf-8")
        case (.POST, "/api/sql"): return try await ask(try await body(request))
        case (.POST, "/api/apply"): return try await apply(try await body(request))
        case (.POST, "/api/trace"): return try await trace(try await body(request))
        case (.POST, "/api/change"): return try await change(try await body(request))
        case (.POST, "/api/run"): return try await run(try await body(request))
        case (.POST, "/api/edit"): return try await edit(try await body(request))
        case (.POST, "/api/reset"): return try await act { try playground.reset() }
        case (.POST, "/api/stop"):
            playground.stop()
            return json(["stopping": true])
        case (.GET, let path), (.HEAD, let path):
            guard let file = assets[path] else { return answer(404, error("there is nothing at '\(path)'")) }
            var response = answer(200, request.method == .HEAD ? Data() : file.bytes, type: file.type)
            if path == "/" { response.headers[HTTPHeader("Set-Cookie")] = guardian.cookieHeader }
            return response
        default: return answer(405, error("'\(request.path)' does not take \(request.method.rawValue)"))
        }
    }

    // MARK: - Looking

    private func events(_ request: HTTPRequest, _ values: [String: String]) throws -> HTTPResponse {
        let after = request.headers[HTTPHeader("Last-Event-ID")] ?? values["after"] ?? "0"
        guard let stream = hub.listen(after: Int(after) ?? 0) else {
            throw StudioGuard.Refusal(status: 503, message: "too many pages are open")
        }
        var response = HTTPResponse(
            statusCode: .ok,
            headers: headers("text/event-stream"),
            body: HTTPBodySequence(from: EventBody(stream: stream), suggestedBufferSize: 64 << 10)
        )
        response.headers[HTTPHeader("X-Accel-Buffering")] = "no"
        return response
    }

    private func known(_ values: [String: String]) throws -> Dataset {
        let name = values["name"] ?? ""
        guard let dataset = playground.pipeline.datasets.first(where: { $0.name.key == name.lowercased() }) else {
            throw DuetError(
                .unknownTable,
                "the pipeline has no dataset '\(name)'",
                hint: Suggestion.hint(
                    for: name,
                    among: playground.pipeline.datasets.map(\.name.description),
                    noun: "datasets"
                )
            )
        }
        return dataset
    }

    private func style(_ text: String?) throws -> Style {
        guard let style = text.flatMap(Style.init(rawValue:)) else {
            throw DuetError(.wrongValue, "'\(text ?? "")' is no style", hint: "say procedural or declarative")
        }
        return style
    }

    /// Opens a style's warehouse on its own lane; a run that has it open is waited for.
    private func look<Value: Sendable>(
        _ style: Style,
        _ work: @escaping @Sendable (WarehouseLook) throws -> Value
    ) async throws -> Value {
        let path = playground.home.warehouse(style)
        return try await playground.lane(style).run { try work(try WarehouseLook(path: path)) }
    }

    private func dataset(_ values: [String: String]) async throws -> HTTPResponse {
        let name = try known(values).name
        let condition = values["where"].flatMap { $0.isEmpty ? nil : $0 }
        let offset = Int(values["offset"] ?? "") ?? 0
        let limit = min(max(1, Int(values["limit"] ?? "") ?? 50), WarehouseLook.maximumRows)
        let found = try await look(try style(values["style"])) { look in
            let rows = try look.rows(of: name, where: condition, offset: offset, limit: limit)
            return (rows, try look.count(of: name, where: condition))
        }
        var object = found.0.json.object ?? [:]
        object["total"] = .integer(Int64(found.1))
        object["offset"] = .integer(Int64(offset))
        return json(.object(object))
    }

    private func profile(_ values: [String: String]) async throws -> HTTPResponse {
        let name = try known(values).name
        return json(try await look(try style(values["style"])) { try $0.profile(of: name).json })
    }

    private func quarantine(_ values: [String: String]) async throws -> HTTPResponse {
        let name = try known(values).name
        return json(try await look(try style(values["style"])) { try $0.quarantine(of: name)?.json ?? .null })
    }

    private func ask(_ body: JSON) async throws -> HTTPResponse {
        let sql = body["sql"]?.string ?? ""
        return json(try await look(try style(body["style"]?.string)) { try $0.ask(sql).json })
    }

    private func files() throws -> HTTPResponse {
        json(
            .array(
                try playground.files().map { name in
                    let text = try String(contentsOfFile: "\(playground.copyFolder)/\(name)", encoding: .utf8)
                    return ["name": .string(name), "text": .string(text)]
                }
            )
        )
    }

    // MARK: - Changing

    private func act(_ work: @escaping @Sendable () throws -> Void) async throws -> HTTPResponse {
        try await director.run(work)
        return json(GraphJSON.state(of: playground, lastEvent: hub.last))
    }

    private func apply(_ body: JSON) async throws -> HTTPResponse {
        let last = body["step"]?.integer ?? playground.applied
        return try await act { try playground.apply(through: last) }
    }

    private func trace(_ body: JSON) async throws -> HTTPResponse {
        let look = LineageLook(playground: playground, style: try style(body["style"]?.string))
        let name = try known(["name": body["name"]?.string ?? ""]).name.description
        let values = body["values"]?.object ?? [:]
        return json(try await playground.lane(look.style).run { try look.trace(name, values: values) })
    }

    private func change(_ body: JSON) async throws -> HTTPResponse {
        guard let kind = body["kind"]?.string.flatMap(ScenarioActionKind.init(rawValue:)) else {
            let known = ScenarioActionKind.allCases.map(\.rawValue)
            throw DuetError(
                .wrongValue,
                "'\(body["kind"]?.string ?? "")' is no kind of change",
                hint: Suggestion.hint(for: body["kind"]?.string ?? "", among: known, noun: "kinds")
            )
        }
        var options: [String: String] = [:]
        for member in body["options"]?.object?.members ?? [] {
            options[member.key] = member.value.string ?? member.value.text()
        }
        let chosen = options
        return try await act { try playground.change(kind, chosen) }
    }

    private func run(_ body: JSON) async throws -> HTTPResponse {
        let styles = try (body["styles"]?.array ?? []).map { try style($0.string) }
        guard !styles.isEmpty else {
            throw DuetError(.wrongValue, "no style was named", hint: #"send {"styles": ["procedural", "declarative"]}"#)
        }
        return try await act { try playground.run(styles) }
    }

    private func edit(_ body: JSON) async throws -> HTTPResponse {
        let file = body["file"]?.string ?? ""
        let text = body["text"]?.string ?? ""
        return try await act { try playground.edit(file, text: text) }
    }

    // MARK: - Messages

    private func body(_ request: HTTPRequest) async throws -> JSON {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > StudioGuard.maximumBody {
            throw StudioGuard.Refusal(status: 413, message: "the request is too long")
        }
        var data = Data()
        for try await part in request.bodySequence {
            data.append(part)
            guard data.count <= StudioGuard.maximumBody else {
                throw StudioGuard.Refusal(status: 413, message: "the request is too long")
            }
        }
        do {
            return try JSON(parsing: String(decoding: data, as: UTF8.self))
        } catch {
            throw StudioGuard.Refusal(status: 400, message: "the request is no JSON: \(error)")
        }
    }

    private func error(_ message: String) -> Data { Data(JSON.object(["error": .string(message)]).text().utf8) }

    private func json(_ value: JSON) -> HTTPResponse { answer(200, Data(value.text().utf8)) }

    private func headers(_ type: String) -> HTTPHeaders {
        var fields = HTTPHeaders()
        for (name, value) in StudioGuard.answerHeaders { fields[HTTPHeader(name)] = value }
        fields[.contentType] = type
        return fields
    }

    private func answer(_ status: Int, _ body: Data, type: String = "application/json") -> HTTPResponse {
        HTTPResponse(
            statusCode: HTTPStatusCode(status, phrase: status == 200 ? "OK" : "Refused"),
            headers: headers(type),
            body: body
        )
    }
}

/// A stream of messages as a body without end.
private struct EventBody: AsyncBufferedSequence {
    typealias Element = UInt8
    let stream: AsyncStream<String>

    func makeAsyncIterator() -> Iterator { Iterator(source: stream.makeAsyncIterator()) }

    struct Iterator: AsyncBufferedIteratorProtocol {
        var source: AsyncStream<String>.Iterator

        mutating func next() async throws -> UInt8? { try await nextBuffer(suggested: 1)?.first }

        mutating func nextBuffer(suggested count: Int) async throws -> Data? {
            guard let text = await source.next() else { return nil }
            return Data(text.utf8)
        }
    }
}
