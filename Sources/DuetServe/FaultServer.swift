import Foundation
import Glibc
import Synchronization

/// A server on loopback that sends exactly the bytes it is told to, right or wrong, for what ``FileServer`` is too
/// well-behaved for.
///
/// One thread a connection; for tests, not for serving.
public final class FaultServer: Sendable {
    /// What happens with a connection after an answer.
    public enum Next: Sendable {
        /// Another request may come on it.
        case keepAlive
        /// It ends in order.
        case close
        /// It ends with a reset, as when the server dies.
        case reset
    }

    /// One request.
    public struct Request: Sendable {
        /// Its number over all connections, from 1.
        public var number: Int
        /// The method, such as `GET`.
        public var method: String
        /// Path and query as sent.
        public var target: String
        /// The header fields; names in lower case.
        public var headers: [String: String]
        /// The body, when it came with a `Content-Length`.
        public var body: [UInt8]

        /// The first byte of a `Range: bytes=n-`; 0 without one.
        public var rangeStart: Int {
            guard let range = headers["range"], range.hasPrefix("bytes=") else { return 0 }
            return Int(range.dropFirst(6).prefix { $0 != "-" }) ?? 0
        }
    }

    private struct State {
        var listener: Int32 = -1
        var connections: Set<Int32> = []
        var accepted = 0
        var peak = 0
        var requests = 0
        var isStopped = false
    }

    private let state = Mutex(State())
    private let script: @Sendable (Request, FaultConnection) -> Next

    /// Creates a server.
    ///
    /// - Parameter script: answers each request by writing to the connection; runs on the connection's own thread.
    public init(_ script: @escaping @Sendable (Request, FaultConnection) -> Next) { self.script = script }

    deinit { stop() }

    /// How many connections were accepted.
    public var connectionCount: Int { state.withLock { $0.accepted } }
    /// How many connections were open at once, at most.
    public var peakConnections: Int { state.withLock { $0.peak } }
    /// How many requests came.
    public var requestCount: Int { state.withLock { $0.requests } }

    /// Starts listening on a free port of 127.0.0.1.
    ///
    /// - Returns: the port.
    /// - Throws: ``ServeError`` when the system gives no socket.
    public func start() throws -> Int {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw ServeError("the system gives no socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(listener, raw, size) + listen(listener, SOMAXCONN) + getsockname(listener, raw, &size)
            }
        }
        guard result == 0 else {
            close(listener)
            throw ServeError("nothing can listen on 127.0.0.1")
        }
        state.withLock { $0.listener = listener }
        Thread.detachNewThread { [weak self] in Self.accept(on: listener, for: { self }) }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Stops listening and ends all connections.
    ///
    /// Calling it again does nothing.
    public func stop() {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.isStopped = true
            // The threads that wait in these calls wake up and close them.
            if state.listener >= 0 { shutdown(state.listener, Int32(SHUT_RDWR)) }
            for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }

    private static func accept(on listener: Int32, for server: @escaping () -> FaultServer?) {
        while true {
            let socket = Glibc.accept(listener, nil, nil)
            if socket < 0 && errno == EINTR { continue }
            guard socket >= 0, let server = server(), server.admit(socket) else {
                if socket >= 0 { Glibc.close(socket) }
                break
            }
            let script = server.script
            Thread.detachNewThread { [weak server] in
                FaultConnection(socket).answerAll(script) { server?.nextNumber() ?? 0 }
                server?.forget(socket)
                Glibc.close(socket)
            }
        }
        Glibc.close(listener)
    }

    private func admit(_ socket: Int32) -> Bool {
        state.withLock { state in
            guard !state.isStopped else { return false }
            state.connections.insert(socket)
            state.accepted += 1
            state.peak = max(state.peak, state.connections.count)
            return true
        }
    }

    private func forget(_ socket: Int32) { state.withLock { _ = $0.connections.remove(socket) } }

    private func nextNumber() -> Int {
        state.withLock { state in
            state.requests += 1
            return state.requests
        }
    }
}
