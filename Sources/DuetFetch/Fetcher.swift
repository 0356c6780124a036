/// Turns URLs into verified bytes, many at a time, over libcurl.
///
/// One thread drives all transfers; names, connections and TLS sessions are shared between them. How many run at once is
/// bounded by the configuration, so thousands of requests may be started together. Bodies go to disk as they arrive and
/// are never held whole in memory.
///
/// The fetcher stops with its last reference, or with ``shutdown()``.
public final class Fetcher: Sendable {
    package let configuration: FetchConfiguration
    let loop: CurlLoop?
    let gate: HostGate

    /// Creates a fetcher and its thread.
    public init(configuration: FetchConfiguration = .init()) {
        self.configuration = configuration
        loop = CurlLoop(configuration: configuration)
        gate = HostGate(
            breaker: configuration.circuitBreaker,
            requestsPerSecond: configuration.requestsPerSecond,
            now: configuration.now
        )
    }

    deinit { loop?.stop() }

    /// Ends all transfers with `SHUT_DOWN`; what comes later is refused with the same.
    ///
    /// Calling it again does nothing.
    public func shutdown() { loop?.stop() }

    /// Transfers one resource, again and again as its retry policy says, until it is whole and verified.
    ///
    /// Cancelling the task ends the transfer with `CANCELLED`; a part that can be continued stays beside the
    /// destination. With validators the answer may be ``FetchResponse/Outcome-swift.enum/notModified``: the destination
    /// is then left alone, and that it still holds the content is for the caller to know.
    ///
    /// - Parameters:
    ///   - request: what to transfer.
    ///   - progress: called on the fetcher's own thread, which must not be held up.
    /// - Returns: what the transfer came to.
    /// - Throws: any code but those of other requests; see ``FetchError/Code``.
    public func fetch(
        _ request: FetchRequest,
        progress: (@Sendable (FetchProgress) -> Void)? = nil
    ) async throws(FetchError) -> FetchResponse {
        let session = try FetchSession(request, fetcher: self, sink: .destination, progress: progress)
        return try await session.run()
    }

    /// Transfers a small resource into memory.
    ///
    /// - Parameter request: what to transfer; `destination` is ignored, and `maximumBytes` is 64 MiB unless given.
    /// - Returns: what the transfer came to, and the body; empty after "not modified".
    /// - Throws: as ``fetch(_:progress:)``.
    public func data(_ request: FetchRequest) async throws(FetchError) -> (FetchResponse, [UInt8]) {
        var request = request
        request.maximumBytes = request.maximumBytes ?? 64 << 20
        let session = try FetchSession(request, fetcher: self, sink: .memory, progress: nil)
        let response = try await session.run()
        return (response, session.receiver.memory)
    }

    /// Transfers a resource to be read while it arrives, such as the answer of a model.
    ///
    /// The transfer starts at once and ends when the result is let go.
    ///
    /// - Parameter request: what to transfer; `destination` is ignored.
    /// - Returns: the body's bytes; reading them throws what ``fetch(_:progress:)`` throws.
    /// - Throws: what is wrong with the request itself.
    public func bytes(_ request: FetchRequest) throws(FetchError) -> FetchBytes {
        let buffer = StreamBuffer()
        let session = try FetchSession(request, fetcher: self, sink: .stream(buffer), progress: nil)
        return FetchBytes(session, buffer)
    }

    /// Transfers many resources, as many at once as the configuration allows.
    ///
    /// - Parameters:
    ///   - requests: what to transfer.
    ///   - progress: called with the index of the request, on the fetcher's own thread, which must not be held up.
    /// - Returns: one result for each request, in the same order; one that fails does not end the others.
    public func fetchAll(
        _ requests: [FetchRequest],
        progress: (@Sendable (Int, FetchProgress) -> Void)? = nil
    ) async -> [Result<FetchResponse, FetchError>] {
        typealias Numbered = (index: Int, result: Result<FetchResponse, FetchError>)
        return await withTaskGroup(of: Numbered.self) { (group: inout TaskGroup<Numbered>) in
            for (index, request) in requests.enumerated() {
                group.addTask { Numbered(index, await self.result(of: request, index: index, progress: progress)) }
            }
            var results: [Int: Result<FetchResponse, FetchError>] = [:]
            for await numbered in group { results[numbered.index] = numbered.result }
            return requests.indices.compactMap { results[$0] }
        }
    }

    /// What the circuit of a URL's host is like; `closed` for hosts that were not asked lately.
    ///
    /// - Throws: `INVALID_URL` or `UNSUPPORTED_SCHEME`.
    public func circuit(of url: String) throws(FetchError) -> CircuitBreaker.State {
        gate.state(try Location(url))
    }

    /// Brings everything written to the file system of a folder to disk: once, behind many files that were fetched
    /// with `synchronize: false`.
    ///
    /// - Throws: `DESTINATION_UNWRITABLE` when the folder cannot be opened or the system cannot write.
    public func synchronize(folder: String) async throws(FetchError) {
        let number = await Blocking.run { PartFile.synchronize(folder: folder, wholeFileSystem: true) }
        guard number != 0 else { return }
        throw FetchError(
            code: .destinationUnwritable,
            message: "'\(folder)' cannot be brought to disk: \(describe(errno: number))",
            url: folder
        )
    }

    private func result(
        of request: FetchRequest,
        index: Int,
        progress: (@Sendable (Int, FetchProgress) -> Void)?
    ) async -> Result<FetchResponse, FetchError> {
        var report: (@Sendable (FetchProgress) -> Void)?
        if let progress { report = { progress(index, $0) } }
        do {
            return .success(try await fetch(request, progress: report))
        } catch {
            return .failure(error)
        }
    }
}
