import Glibc

/// One connection of a ``FaultServer``, as its script sees it.
public final class FaultConnection {
    private let socket: Int32
    private var buffer: [UInt8] = []

    init(_ socket: Int32) {
        self.socket = socket
        var on: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Sends bytes as they are.
    ///
    /// - Returns: false when the client has gone.
    @discardableResult
    public func send(_ bytes: some Collection<UInt8>) -> Bool {
        let bytes = bytes as? [UInt8] ?? Array(bytes)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { raw -> Int in
                guard let base = raw.baseAddress else { return 0 }
                return Glibc.send(socket, base + sent, raw.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Sends a text as it is.
    @discardableResult
    public func send(_ text: String) -> Bool { send(text.utf8) }

    /// Sends a head: a status and header fields.
    @discardableResult
    public func sendHead(_ status: Int, _ headers: [String] = []) -> Bool {
        send("HTTP/1.1 \(status) \(StatusPhrase.of(status))\r\n" + headers.map { "\($0)\r\n" }.joined() + "\r\n")
    }

    /// Sends a whole answer with its `Content-Length`.
    @discardableResult
    public func answer(_ status: Int, _ headers: [String] = [], body: some Collection<UInt8> = []) -> Bool {
        sendHead(status, headers + ["Content-Length: \(body.count)"]) && send(body)
    }

    /// Waits until the client, or the server by ``FaultServer/stop()``, ends the connection.
    public func waitForEnd() {
        var byte: UInt8 = 0
        while recv(socket, &byte, 1, 0) > 0 {}
    }

    func answerAll(
        _ script: (FaultServer.Request, FaultConnection) -> FaultServer.Next,
        number: () -> Int
    ) {
        while let request = receive(number) {
            switch script(request, self) {
            case .keepAlive: continue
            case .close: return shutdownInOrder()
            case .reset:
                var linger = linger(l_onoff: 1, l_linger: 0)
                setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
                return
            }
        }
    }

    /// Closing a socket with unread bytes sends a reset, which can overtake what was sent before it.
    private func shutdownInOrder() {
        shutdown(socket, Int32(SHUT_WR))
        waitForEnd()
    }

    private func receive(_ number: () -> Int) -> FaultServer.Request? {
        guard let head = receiveHead() else { return nil }
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            headers[line[..<colon].lowercased()] = String(value)
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        if length > 0, headers["expect"] != nil { send("HTTP/1.1 100 Continue\r\n\r\n") }
        while buffer.count < length { if !fill() { return nil } }
        let body = Array(buffer.prefix(length))
        buffer.removeFirst(length)
        return FaultServer.Request(
            number: number(),
            method: String(words[0]),
            target: String(words[1]),
            headers: headers,
            body: body
        )
    }

    private func receiveHead() -> [UInt8]? {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if buffer.count >= 4,
                let start = (0...(buffer.count - 4)).first(where: { buffer[$0..<($0 + 4)] == end[...] })
            {
                let head = Array(buffer[..<start])
                buffer.removeFirst(start + 4)
                return head
            }
            if !fill() { return nil }
        }
    }

    private func fill() -> Bool {
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = recv(socket, &piece, piece.count, 0)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            buffer.append(contentsOf: piece.prefix(count))
            return true
        }
    }
}
