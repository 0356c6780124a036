import FlyingFox
import FlyingSocks
import Foundation
import Synchronization

/// Serves the files of a folder over HTTP on this machine's loopback interface only.
///
/// Strong ETags by content, `Last-Modified`, conditional requests, single ranges, HEAD, and a log of what was asked. What
/// lies outside the folder is not served, whatever the path or a link says.
public final class FileServer: Sendable {
    /// What was asked and sent.
    public let log = RequestLog()
    /// The folder that is served.
    public let root: String
    private let options: FileServerOptions
    private let versions = FileVersions()
    private let faults: Mutex<[FaultRule]>
    private let running = Mutex<(server: HTTPServer, task: Task<Void, any Error>)?>(nil)

    /// Creates a server; ``start()`` makes it listen.
    public init(root: String, options: FileServerOptions = .init()) {
        self.root = root
        self.options = options
        faults = Mutex(options.faults)
    }

    deinit { running.withLock { $0?.task.cancel() } }

    /// Replaces the rules of what goes wrong on purpose; counts start anew.
    public func setFaults(_ rules: [FaultRule]) { faults.withLock { $0 = rules } }

    /// Starts listening on 127.0.0.1.
    ///
    /// - Parameter port: 0 takes a free one.
    /// - Returns: the port.
    /// - Throws: ``ServeError`` when the folder is missing, the port is taken or the server runs already.
    public func start(port: UInt16 = 0) async throws -> Int {
        guard let resolved = realpath(root, nil) else { throw ServeError("the folder '\(root)' cannot be opened") }
        let real = String(cString: resolved)
        free(resolved)
        guard running.withLock({ $0 == nil }) else { throw ServeError("the server runs already") }
        let server = HTTPServer(
            config: .init(
                address: try sockaddr_in.inet(ip4: "127.0.0.1", port: port),
                timeout: 24 * 3600,
                sharedRequestBufferSize: 64 << 10,
                pool: PromptPool(base: HTTPServer.defaultPool()),
                logger: .disabled
            ),
            handler: FileHandler(server: WeakServer(self), root: real)
        )
        let task = Task { try await server.run() }
        // A busy machine may take long to get to it; a port that is taken shows only in the server's end.
        let listening = Task { try await server.waitUntilListening(timeout: 60) }
        Task {
            _ = await task.result
            listening.cancel()
        }
        do {
            try await listening.value
        } catch {
            task.cancel()
            throw ServeError("nothing listens on port \(port) of 127.0.0.1; it may be taken")
        }
        guard case .ip4(_, let port) = await server.listeningAddress else {
            task.cancel()
            throw ServeError("the server has no port")
        }
        running.withLock { $0 = (server, task) }
        return Int(port)
    }

    /// Stops listening and ends all connections.
    ///
    /// Calling it again does nothing.
    public func stop() async {
        let current = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let current else { return }
        await current.server.stop(timeout: 0)
        current.task.cancel()
    }

    // MARK: - Answers

    fileprivate func answer(_ request: HTTPRequest, root: String) async -> HTTPResponse {
        let path = request.target.path(percentEncoded: false)
        var headers: [String: String] = [:]
        for (name, value) in request.headers { headers[name.rawValue.lowercased()] = value }
        let ticket = log.begin(entry(request, path: path, headers: headers))
        let isHead = request.method == .HEAD
        let effects = effects(for: path)
        var answer: Answer
        if let reply = await handled(request, path: path, headers: headers) {
            answer = Answer(status: reply.status, headers: reply.headers, body: .bytes(reply.body))
            answer.length = reply.body.count
            answer = answer.applying(effects)
        } else if isHead || request.method == .GET {
            answer = .file(
                ServedFile(path: path, under: root),
                path: path,
                headers: headers,
                versions: versions,
                faults: effects
            )
        } else {
            answer = .plain(405, "only GET and HEAD", headers: [("Allow", "GET, HEAD")])
        }
        ticket.answer(status: answer.status)
        return response(answer, isHead: isHead, ticket: ticket)
    }

    private func response(_ answer: Answer, isHead: Bool, ticket: RequestLog.Ticket) -> HTTPResponse {
        var fields = HTTPHeaders()
        fields[HTTPHeader("Date")] = HTTPDate.text(HTTPDate.now)
        for (name, value) in answer.headers { fields.addValue(value, for: HTTPHeader(name)) }
        fields[.contentLength] = String(answer.length)
        let body = AnswerBody(
            body: isHead ? .bytes([]) : answer.body,
            shape: isHead ? Answer.Shape() : answer.shape,
            chunkSize: options.chunkSize,
            ticket: ticket
        )
        let count = isHead ? 0 : answer.body.count
        return HTTPResponse(
            statusCode: HTTPStatusCode(answer.status, phrase: StatusPhrase.of(answer.status)),
            headers: fields,
            body: HTTPBodySequence(from: body, count: count, suggestedBufferSize: options.chunkSize)
        )
    }

    private func entry(_ request: HTTPRequest, path: String, headers: [String: String]) -> RequestLog.Entry {
        var clientPort = 0
        if case .ip4(_, let port) = request.remoteAddress { clientPort = Int(port) }
        return RequestLog.Entry(
            method: request.method.rawValue,
            path: path,
            status: 0,
            bytesSent: 0,
            range: headers["range"],
            isConditional: headers["if-none-match"] != nil || headers["if-modified-since"] != nil,
            clientPort: clientPort,
            isFinished: false
        )
    }

    private func handled(_ request: HTTPRequest, path: String, headers: [String: String]) async -> ServedReply? {
        guard let handler = options.handler else { return nil }
        // A body that breaks off leaves nothing to answer; the connection ends by itself.
        let body: Data
        do {
            body = try await request.bodyData
        } catch {
            return ServedReply(status: 400)
        }
        return await handler(
            ServedRequest(
                method: request.method.rawValue,
                path: path,
                target: request.target.path(percentEncoded: true),
                query: request.target.query(),
                headers: headers,
                body: Array(body)
            )
        )
    }

    private func effects(for path: String) -> [FaultRule.Effect] {
        faults.withLock { rules in
            var effects: [FaultRule.Effect] = []
            for index in rules.indices where rules[index].path == nil || rules[index].path == path {
                if let times = rules[index].times {
                    guard times > 0 else { continue }
                    rules[index].times = times - 1
                }
                effects.append(rules[index].effect)
            }
            return effects
        }
    }
}

/// Lets the listening task live without holding the server it belongs to.
private struct WeakServer: Sendable {
    weak let server: FileServer?

    init(_ server: FileServer) { self.server = server }
}

private struct FileHandler: HTTPHandler {
    let server: WeakServer
    let root: String

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard let server = server.server else { return HTTPResponse(statusCode: .serviceUnavailable) }
        return await server.answer(request, root: root)
    }
}
