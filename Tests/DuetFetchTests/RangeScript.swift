import DuetServe

/// Answers ranges as a good server does, then ends the connection early where it is told to.
struct RangeScript: Sendable {
    var content: [UInt8]
    var etag: String?
    /// How many bytes of the body are sent on a request, by its number; `nil` sends all.
    var limit: @Sendable (Int) -> Int? = { _ in nil }
    var ending: FaultServer.Next = .reset
    var ignoresRanges = false

    func answer(_ request: FaultServer.Request, _ connection: FaultConnection) -> FaultServer.Next {
        var start = request.rangeStart
        if let condition = request.headers["if-range"], condition != etag { start = 0 }
        if ignoresRanges { start = 0 }
        if start > 0, start >= content.count {
            connection.answer(416, ["Content-Range: bytes */\(content.count)"])
            return .keepAlive
        }
        var headers = ["Content-Length: \(content.count - start)"]
        if let etag { headers.append("ETag: \(etag)") }
        if start > 0 { headers.append("Content-Range: bytes \(start)-\(content.count - 1)/\(content.count)") }
        connection.sendHead(start > 0 ? 206 : 200, headers)
        let body = content[start...]
        guard let limit = limit(request.number), limit < body.count else {
            connection.send(body)
            return .keepAlive
        }
        connection.send(body.prefix(limit))
        return ending
    }

    func start() throws -> (server: FaultServer, url: String) {
        let server = FaultServer { request, connection in answer(request, connection) }
        let port = try server.start()
        return (server, "http://127.0.0.1:\(port)/file.bin")
    }
}
