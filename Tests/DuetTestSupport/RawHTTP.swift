public import DuetPipeline
internal import Foundation

/// HTTP by hand on a socket: what a test must send here, a well-behaved client would refuse to.
public enum RawHTTP {
    /// What a server answered.
    public struct Answer: Sendable {
        /// The status.
        public var status: Int
        /// The header fields, with names in lower case.
        public var headers: [String: String]
        /// The body as text.
        public var body: String

        /// The body as JSON.
        public var json: JSONValue { get throws { try JSONValue(parsing: body) } }
    }

    /// Sends one request to this machine and waits for the answer; of a body without length only the head.
    ///
    /// - Throws: ``TestFailure`` when the connection ends early.
    public static func send(
        method: String,
        port: UInt16,
        path: String,
        headers: [String: String] = [:],
        body: String? = nil
    ) async throws -> Answer {
        try await offPool {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var target = sockaddr_in()
            target.sin_family = sa_family_t(AF_INET)
            target.sin_port = port.bigEndian
            target.sin_addr.s_addr = inet_addr("127.0.0.1")
            let connected = withUnsafePointer(to: &target) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard connected == 0 else { throw TestFailure("cannot connect: \(errno)") }
            var fields = ["Host": "127.0.0.1:\(port)"].merging(headers) { $1 }
            if let body { fields["Content-Length"] = String(body.utf8.count) }
            var text = "\(method) \(path) HTTP/1.1\r\n"
            for (name, value) in fields { text += "\(name): \(value)\r\n" }
            text += "\r\n" + (body ?? "")
            var bytes = Array(text.utf8)
            while !bytes.isEmpty {
                let count = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                guard count > 0 else { break }
                bytes.removeFirst(count)
            }
            return try answer(descriptor)
        }
    }

    private static func answer(_ descriptor: Int32) throws -> Answer {
        var received = Data()
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            if let answer = parse(received) { return answer }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { throw TestFailure("the connection ended early") }
            received.append(contentsOf: buffer[..<count])
        }
    }

    private static func parse(_ data: Data) -> Answer? {
        guard let end = data.range(of: Data("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: data[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let status = Int(lines[0].split(separator: " ")[1]) ?? 0
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            if pair.count == 2 { headers[pair[0].lowercased()] = pair[1] }
        }
        guard let length = headers["content-length"].flatMap({ Int($0) }) else {
            // A stream: what has come so far is enough.
            return Answer(status: status, headers: headers, body: "")
        }
        guard data.count - end.upperBound >= length else { return nil }
        let body = String(decoding: data[end.upperBound..<(end.upperBound + length)], as: UTF8.self)
        return Answer(status: status, headers: headers, body: body)
    }
}

/// The repository that the tests were built from.
public enum Repository {
    /// A path within it.
    public static func path(_ relative: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(relative).path
    }
}
