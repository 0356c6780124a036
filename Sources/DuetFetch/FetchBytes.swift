/// A body as it arrives, piece by piece; made by ``Fetcher/bytes(_:)``.
///
/// At most about 1 MiB is held; a reader that is slower than the network slows the transfer down. To be read once.
public struct FetchBytes: AsyncSequence, Sendable {
    /// Some bytes, never none.
    public typealias Element = [UInt8]
    /// What ends it early.
    public typealias Failure = FetchError

    private let reading: Reading

    init(_ session: FetchSession, _ buffer: StreamBuffer) { reading = Reading(session, buffer) }

    /// What the transfer came to; `nil` until the last bytes have arrived, and after a failure.
    public var response: FetchResponse? {
        guard case .success(let response) = reading.buffer.end else { return nil }
        return response
    }

    /// Reads from the start.
    public func makeAsyncIterator() -> Iterator { Iterator(reading: reading) }

    /// Reads the body.
    public struct Iterator: AsyncIteratorProtocol {
        let reading: Reading

        /// The next bytes; `nil` at the body's end, when length and digests have been found right.
        ///
        /// - Throws: ``FetchError``; after bytes were given it is not tried again, since they cannot be taken back.
        public mutating func next() async throws(FetchError) -> [UInt8]? {
            try await reading.next()
        }

        /// The same, for callers that name their isolation.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(FetchError) -> [UInt8]? {
            try await reading.next()
        }
    }

    /// Ends the transfer when nobody reads any more.
    final class Reading: Sendable {
        let buffer: StreamBuffer
        let task: Task<Void, Never>

        init(_ session: FetchSession, _ buffer: StreamBuffer) {
            self.buffer = buffer
            task = Task {
                do throws(FetchError) {
                    buffer.finish(.success(try await session.run()))
                } catch {
                    buffer.finish(.failure(error))
                }
            }
        }

        deinit { task.cancel() }

        func next() async throws(FetchError) -> [UInt8]? {
            let result: Result<[UInt8]?, FetchError> = await withTaskCancellationHandler {
                do throws(FetchError) {
                    return .success(try await self.buffer.next())
                } catch {
                    return .failure(error)
                }
            } onCancel: {
                self.task.cancel()
            }
            return try result.get()
        }
    }
}
