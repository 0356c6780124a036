import Synchronization

extension FetchSession {
    /// A file below this is not worth the question for its size.
    private static let minimumBytes = 4 << 20
    private static let partBytes = (1 << 20)...(16 << 20)

    /// Fetches a big file in parts side by side.
    ///
    /// - Returns: `nil` when the file is to be fetched in one piece, because it is small, its server cannot do it, or what
    ///   came of it is of no use.
    func runInParts(_ tally: inout Tally) async throws(FetchError) -> FetchResponse? {
        guard request.parallelRanges > 1, case .get = request.method, request.contentCoding == .asSent, request.resume,
            !receiver.isGrowing, case .file = receiver.target
        else { return nil }
        let started = ContinuousClock.now
        guard let head = try await askForSize() else { return nil }
        if head.outcome == .notModified {
            receiver.giveUp(keepingPart: false)
            return head
        }
        tally.spent += .now - started
        guard let total = head.announcedSize, total >= Self.minimumBytes, let validator = head.headers.strongValidator,
            head.headers["Accept-Ranges"]?.isEqualIgnoringCase(to: "bytes") == true,
            head.headers["Content-Encoding"] == nil, total <= request.maximumBytes ?? total,
            total == request.expectedSize ?? total,
            let part = try receiver.beginInParts(total: total, validator: validator)
        else { return nil }
        let parts = PartList(
            from: receiver.count,
            to: total,
            size: (total / (request.parallelRanges * 16)).clamped(to: Self.partBytes)
        )
        let ended = await fetch(
            parts,
            of: BodyReceiver.Slice(part: part, range: 0..<0, total: total, validator: validator)
        )
        tally.spent = .now - started
        tally.reasons += parts.reasons
        tally.attempts = 1 + parts.reasons.count
        tally.bytesTotal += parts.bytesReceived
        do throws(FetchError) {
            if let ended { throw ended }
            return try await concludeParts(head, tally, seconds: tally.spent / .seconds(1))
        } catch {
            switch error.code {
            case .badResponse, .checksumMismatch, .sizeMismatch:
                // The parts do not belong together, so all is fetched anew and in one piece.
                tally.reasons.append(error)
                try receiver.startOver()
                return nil
            default:
                receiver.giveUp(keepingPart: Self.keepsPart(error))
                throw error
            }
        }
    }

    private func askForSize() async throws(FetchError) -> FetchResponse? {
        var question = request
        question.method = .head
        question.destination = nil
        question.parallelRanges = 1
        do throws(FetchError) {
            return try await fetcher.fetch(question)
        } catch {
            // What is wrong shows when the file itself is asked for; some servers only know GET.
            guard [.cancelled, .shutDown, .hostUnavailable].contains(error.code) else { return nil }
            throw error
        }
    }

    /// Fetches all parts, and hashes and notes what is there without a gap while the others come.
    ///
    /// - Returns: why it ended early.
    private func fetch(_ parts: PartList, of slice: BodyReceiver.Slice) async -> FetchError? {
        let slice = SharedSlice(slice: slice)
        let (events, report) = AsyncStream.makeStream(of: Result<Int, FetchError>.self)
        return await withTaskGroup(of: Void.self) { (group) -> FetchError? in
            for _ in 0..<min(request.parallelRanges, parts.count) {
                group.addTask {
                    while let index = parts.next() {
                        do throws(FetchError) {
                            try await self.fetchPart(index, of: parts, slice.slice)
                            report.yield(.success(index))
                        } catch {
                            report.yield(.failure(error))
                            return
                        }
                    }
                }
            }
            var failure: FetchError?
            if parts.count == 0 { report.finish() }
            for await event in events {
                failure = await take(event, parts)
                if failure != nil || parts.isDone { break }
            }
            group.cancelAll()
            await group.waitForAll()
            if failure == nil, !parts.isDone {
                let message = "the transfer was cancelled, \(receiver.count) bytes received"
                failure = FetchError(code: .cancelled, message: message, url: location.redacted)
            }
            return failure
        }
    }

    private func take(_ event: Result<Int, FetchError>, _ parts: PartList) async -> FetchError? {
        do throws(FetchError) {
            guard let end = parts.finished(try event.get()) else { return nil }
            try await Blocking.attempt { [receiver] () throws(FetchError) in try receiver.advance(to: end) }
            return nil
        } catch {
            return error
        }
    }

    private func fetchPart(_ index: Int, of parts: PartList, _ slice: BodyReceiver.Slice) async throws(FetchError) {
        var request = request
        request.destination = nil
        request.validators = nil
        request.expectedSHA256 = nil
        request.expectedSize = nil
        request.maximumBytes = nil
        request.parallelRanges = 1
        var slice = slice
        slice.range = parts.range(index)
        let total = slice.total
        let session = try FetchSession(request, fetcher: fetcher, sink: .slice(slice)) { report in
            guard let progress, let bytes = parts.note(index, report, after: configuration.progressInterval) else {
                return
            }
            progress(
                FetchProgress(
                    attempt: report.attempt,
                    bytes: bytes.held,
                    totalBytes: total,
                    bytesPerSecond: bytes.rate,
                    retryReason: report.retryReason
                )
            )
        }
        let response = try await session.run()
        parts.add(response)
    }

    private func concludeParts(
        _ head: FetchResponse,
        _ tally: Tally,
        seconds: Double
    ) async throws(FetchError) -> FetchResponse {
        var response = head
        response.status = 206
        response.bytesReceived = receiver.count - receiver.resumedAt
        response.bytesTotal = tally.bytesTotal
        response.attempts = tally.attempts
        response.retryReasons = tally.reasons
        response.resumedAt = receiver.resumedAt
        response.size = receiver.count
        response.timings.total = seconds
        response.sha256 = try await verify(ResponseHead(status: 200, headers: head.headers), location, tally)
        note(in: &response)
        try await moveIntoPlace()
        return response
    }

    /// `@unchecked Sendable`: the file in it is written at places that do not overlap, which the system allows from
    /// any thread.
    private struct SharedSlice: @unchecked Sendable {
        let slice: BodyReceiver.Slice
    }
}

/// The parts of a file: which are still to be fetched, which are there.
final class PartList: Sendable {
    private struct State {
        var next = 0
        var frontier = 0
        var done: Set<Int> = []
        var bytes: [Int: Int] = [:]
        var received = 0
        var reasons: [FetchError] = []
        var reported = ContinuousClock.now
    }

    private let start: Int
    private let end: Int
    private let size: Int
    private let began = ContinuousClock.now
    private let state = Mutex(State())
    let count: Int

    init(from start: Int, to end: Int, size: Int) {
        self.start = start
        self.end = end
        self.size = size
        count = max(0, (end - start + size - 1) / size)
    }

    var isDone: Bool { state.withLock { $0.frontier == count } }
    var reasons: [FetchError] { state.withLock { $0.reasons } }
    var bytesReceived: Int { state.withLock { $0.received } }

    func range(_ index: Int) -> Range<Int> { (start + index * size)..<min(end, start + (index + 1) * size) }

    /// In order, so that what is there without a gap grows steadily.
    func next() -> Int? {
        state.withLock { state in
            guard state.next < count else { return nil }
            state.next += 1
            return state.next - 1
        }
    }

    /// - Returns: the end of what is there without a gap, when that has moved.
    func finished(_ index: Int) -> Int? {
        state.withLock { state in
            state.done.insert(index)
            let before = state.frontier
            while state.done.contains(state.frontier) { state.frontier += 1 }
            return state.frontier > before ? range(state.frontier - 1).upperBound : nil
        }
    }

    func add(_ response: FetchResponse) {
        state.withLock { state in
            state.received += response.bytesTotal
            state.reasons += response.retryReasons
        }
    }

    /// Notes how far a part is.
    ///
    /// - Returns: what all parts come to, when it is time to tell.
    func note(_ index: Int, _ report: FetchProgress, after interval: Duration) -> (held: Int, rate: Double)? {
        state.withLock { state in
            state.bytes[index] = report.bytes
            guard report.retryReason != nil || .now - state.reported >= interval else { return nil }
            state.reported = .now
            let received = state.bytes.values.reduce(0, +)
            return (start + received, Double(received) / max(0.001, (.now - began) / .seconds(1)))
        }
    }
}

extension Int {
    fileprivate func clamped(to range: ClosedRange<Int>) -> Int {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
