internal import DuetEvents
internal import DuetFetch
internal import Synchronization

/// How far a source is.
public struct SourceProgress: Sendable, Hashable {
    /// The source's name.
    public var source: String
    /// Files that are done.
    public var filesDone: Int
    /// Files there are.
    public var filesTotal: Int
    /// Bytes of the content held so far.
    public var bytes: Int
    /// Bytes there are; nil while a file's length is not known.
    public var totalBytes: Int?
    /// The mean rate so far.
    public var bytesPerSecond: Double
    /// Attempts that failed.
    public var retries: Int

    /// Seconds that what is left will take at this rate; nil when that is not known.
    public var secondsLeft: Double? {
        guard let totalBytes, bytesPerSecond > 0 else { return nil }
        return Double(max(0, totalBytes - bytes)) / bytesPerSecond
    }
}

/// Adds up the progress of a source's transfers.
final class SourceMeter: Sendable {
    private struct State {
        var done = 0
        var bytes: [Int: (held: Int, total: Int?)] = [:]
        var retries = 0
        var received = 0
    }

    private let source: String
    private let files: Int
    private let report: @Sendable (SourceProgress) -> Void
    private let began = ContinuousClock.now
    private let state = Mutex(State())

    init(source: String, files: Int, _ report: @escaping @Sendable (SourceProgress) -> Void) {
        self.source = source
        self.files = files
        self.report = report
    }

    func note(_ index: Int, _ progress: FetchProgress) {
        let now = state.withLock { state in
            state.bytes[index] = (progress.bytes, progress.totalBytes)
            if progress.retryReason != nil { state.retries += 1 }
            return snapshot(state)
        }
        report(now)
    }

    func ended(_ index: Int, _ part: SourceTransfer.Part) {
        let now = state.withLock { state in
            state.done += 1
            state.received += part.response?.bytesTotal ?? 0
            state.bytes[index] = nil
            return snapshot(state)
        }
        report(now)
    }

    private func snapshot(_ state: borrowing State) -> SourceProgress {
        var held = 0
        var total: Int? = state.received
        for (bytes, size) in state.bytes.values {
            held += bytes
            if let size, let known = total { total = known + size } else { total = nil }
        }
        // What has not begun has no length yet.
        if state.done + state.bytes.count < files { total = nil }
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        return SourceProgress(
            source: source,
            filesDone: state.done,
            filesTotal: files,
            bytes: state.received + held,
            totalBytes: total,
            bytesPerSecond: Double(state.received + held) / max(0.001, seconds),
            retries: state.retries
        )
    }
}

extension TransferMeasures {
    /// Adds a file that was asked for.
    mutating func add(_ response: FetchResponse, name: String, held: Int) {
        let isCached = response.outcome == .notModified
        if isCached { filesCached += 1 }
        let saved = isCached ? held : max(0, response.size - response.bytesTotal)
        bytesSaved += saved
        retries += response.attempts - 1
        seconds.dns += response.timings.dns
        seconds.connect += max(0, response.timings.connect - response.timings.dns)
        seconds.tls += max(0, response.timings.tls - response.timings.connect)
        seconds.firstByte += max(0, response.timings.firstByte - max(response.timings.tls, response.timings.connect))
        seconds.total += response.timings.total
        guard files.count < Self.listedFiles else { return }
        files.append(
            File(
                name: name,
                bytes: response.bytesTotal,
                isCached: isCached,
                attempts: response.attempts,
                resumedAt: response.resumedAt,
                version: response.httpVersion,
                server: response.serverAddress,
                seconds: Seconds(
                    dns: response.timings.dns,
                    connect: response.timings.connect,
                    tls: response.timings.tls,
                    firstByte: response.timings.firstByte,
                    total: response.timings.total
                ),
                retryReasons: response.retryReasons.map(\.code.description)
            )
        )
    }

    /// Adds files that a manifest or a listing told to be unchanged.
    mutating func addCached(bytes: Int) {
        filesCached += 1
        bytesSaved += bytes
    }
}
