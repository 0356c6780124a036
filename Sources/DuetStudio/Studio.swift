public import DuetEngine
internal import DuetPipeline
internal import FlyingFox
internal import FlyingSocks
public import Foundation
internal import Synchronization

/// The local web page that shows both styles at work.
///
/// It listens on 127.0.0.1 alone; who may ask is decided by a token in the address it gives, see ``StudioGuard``.
public final class Studio: Sendable {
    /// What to show, and where.
    public struct Options: Sendable {
        /// The pipeline's folder.
        public var folder: String
        /// Values for the pipeline's parameters.
        public var parameters: [String: String] = [:]
        /// Where copies, files and warehouses are made; emptied at the start.
        public var workFolder: String
        /// Where `scripts/setup studio` has put the page's library.
        public var libraryFolder = ".deps/studio"
        /// Where the lessons are; nil for none.
        public var lessonFolder: String?
        /// The port; 0 takes a free one.
        public var port: UInt16 = 0
        /// How DuckDB may use the machine.
        public var settings = EngineSettings()
        /// How many steps of a run may go on at once.
        public var workers = 2
        /// The built command, of which a process is started to be killed; nil when there is none.
        public var command: String?

        /// Creates options.
        public init(folder: String, workFolder: String) {
            self.folder = folder
            self.workFolder = workFolder
        }
    }

    /// The pipeline with its sources and runs.
    public let playground: Playground
    private let options: Options
    private let hub = EventHub()
    private let assets: StudioAssets
    private let lessons: [Lesson]
    private let running = Mutex<(server: HTTPServer, tasks: [Task<Void, any Error>])?>(nil)

    /// Reads everything that is needed.
    ///
    /// - Throws: ``DuetError`` or ``DuetErrors`` when the pipeline, a lesson or the page's library is missing or wrong.
    public init(_ options: Options) throws {
        self.options = options
        assets = try StudioAssets(libraryFolder: options.libraryFolder)
        lessons = try options.lessonFolder.map(Lesson.load) ?? []
        let hub = hub
        playground = try Playground(
            folder: options.folder,
            parameters: options.parameters,
            workFolder: options.workFolder,
            settings: options.settings,
            workers: options.workers,
            command: options.command,
            sink: hub,
            changed: { hub.send("state", ["changed": true]) }
        )
    }

    /// Starts serving.
    ///
    /// - Returns: The page's address, with its token.
    /// - Throws: ``DuetError`` when the folder cannot be made or the port is taken.
    public func start() async throws -> URL {
        let playground = playground
        try await Lane("open").run { try playground.open() }
        let handler = LateHandler()
        let server = HTTPServer(
            config: .init(
                address: try sockaddr_in.inet(ip4: "127.0.0.1", port: options.port),
                // A stream of events has no end, and a run that a request waits for may take long.
                timeout: 7 * 24 * 3600,
                sharedRequestBufferSize: 64 << 10,
                logger: .disabled
            ),
            handler: handler
        )
        let serving = Task { try await server.run() }
        // A busy machine may take long to get to it; a port that is taken shows only in the server's end.
        let listening = Task { try await server.waitUntilListening(timeout: 60) }
        Task {
            _ = await serving.result
            listening.cancel()
        }
        do {
            try await listening.value
        } catch {
            serving.cancel()
            throw DuetError(
                .wrongValue,
                "nothing can listen on port \(options.port) of 127.0.0.1",
                hint: "name another port with --port, or none to take a free one",
                cause: "\(error)"
            )
        }
        guard case .ip4(_, let port) = await server.listeningAddress else {
            serving.cancel()
            throw DuetError(.internalFault, "the server has no port")
        }
        let guardian = StudioGuard(names: ["127.0.0.1", "localhost"], port: Int(port))
        handler.router.withLock {
            $0 = StudioRouter(
                playground: playground,
                hub: hub,
                assets: assets,
                guardian: guardian,
                lessons: lessons,
                director: Lane("director")
            )
        }
        let beating = Task { [hub] in
            while true {
                try await Task.sleep(for: .seconds(15))
                hub.beat()
            }
        }
        running.withLock { $0 = (server, [serving, beating]) }
        guard let url = URL(string: "http://127.0.0.1:\(port)/?token=\(guardian.token)") else {
            throw DuetError(.internalFault, "the page has no address")
        }
        return url
    }

    /// Serves until it is told to stop.
    ///
    /// - Parameters:
    ///   - options: What to show, and where.
    ///   - control: Ends it.
    ///   - announce: Told the page's address.
    /// - Throws: As ``init(_:)`` and ``start()``.
    public static func serve(
        _ options: Options,
        control: RunControl,
        announce: @escaping @Sendable (URL) -> Void
    ) throws {
        let studio = try Studio(options)
        try Blocking.wait(control: control) { announce(try await studio.start()) }
        while !control.isCancelled { control.pause(seconds: 3600) }
        try Blocking.wait(control: RunControl()) { await studio.stop() }
    }

    /// Stops serving and cancels a run under way.
    public func stop() async {
        let current = running.withLock { running in
            defer { running = nil }
            return running
        }
        hub.close()
        let playground = playground
        await withCheckedContinuation { continuation in
            Lane("close").later {
                playground.close()
                continuation.resume()
            }
        }
        guard let current else { return }
        for task in current.tasks { task.cancel() }
        await current.server.stop(timeout: 0)
    }
}

/// Takes the router when the port is known, since the guard needs it.
private final class LateHandler: HTTPHandler {
    let router = Mutex<StudioRouter?>(nil)

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard let router = router.withLock({ $0 }) else { return HTTPResponse(statusCode: .serviceUnavailable) }
        return try await router.handleRequest(request)
    }
}
