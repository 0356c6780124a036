import FlyingFox
import FlyingSocks
import Glibc

/// FlyingFox's own pool, with sockets that send at once.
///
/// FlyingFox writes an answer's head and body separately and leaves Nagle's algorithm on, so a small body would wait
/// some 40 ms for the client to acknowledge the head. Its sockets are out of reach but for the pool, which sees the
/// listening one first; accepted sockets inherit the option from it.
struct PromptPool: AsyncSocketPool {
    let base: any AsyncSocketPool

    func prepare() async throws { try await base.prepare() }

    func run() async throws { try await base.run() }

    func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
        // A socket that refuses the option is only slower.
        var on: Int32 = 1
        _ = setsockopt(socket.file.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        try await base.suspendSocket(socket, untilReadyFor: events)
    }
}
