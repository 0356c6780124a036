package import DuckKit
package import DuetEvents
internal import DuetFetch
package import DuetPipeline
internal import Foundation
internal import Synchronization

extension RunSession {
    /// Brings one source up to date, records it and notes what it took.
    ///
    /// - Parameters:
    ///   - source: The source.
    ///   - style: The style, for where files land.
    ///   - mode: Whether unchanged files may stay.
    ///   - known: The source's files as recorded, manifest included.
    ///   - connection: Where it is recorded.
    ///   - measures: Filled with files, bytes and requests.
    /// - Returns: The files with their numbers.
    /// - Throws: What reading the source throws, or ``DuckDBError`` when it cannot be recorded.
    package func land(
        _ source: Source,
        style: Style,
        mode: SourceReader.Mode,
        known: [LandedFile],
        connection: () throws -> Connection,
        measures: inout StepMeasures
    ) throws -> [LandedFile] {
        let reader = SourceReader(
            fetcher: request.fetcher,
            landing: request.home.landing(style),
            folder: request.pipeline.folder,
            progress: request.progress
        )
        let sync = try Blocking.wait(control: request.control) {
            try await reader.read(source, known: known, mode: mode)
        }
        if let reason = source.access.unverified {
            log.record(
                .notice,
                level: .warning,
                "source '\(source.name)': the server's certificate is not checked: \(reason)"
            )
        }
        measures.filesTotal = sync.files.count
        measures.filesChanged = sync.changed
        measures.bytesTransferred = sync.bytesTransferred
        measures.requests = sync.requests
        measures.transfers = sync.transfers
        // An update that finds nothing new writes nothing, and so need not wait for the disk.
        if Set(sync.files + sync.kept) == Set(known) { return sync.files }
        let connection = try connection()
        return try connection.transaction {
            try WarehouseState.record(connection, source: source, sync: sync, known: known)
        }
    }

    /// Removes fetched files that no source has any more; what fails to go now goes another time.
    package func sweepLanding(style: Style, connection: Connection) throws {
        let recorded = try WarehouseState.files(connection)
        let kept = Set((recorded.files + recorded.manifests).flatMap { [$0.path, $0.path + DigestNote.suffix] })
        let landing = request.home.landing(style)
        guard let names = FileManager.default.enumerator(atPath: landing) else { return }
        for case let name as String in names {
            let path = "\(landing)/\(name)"
            guard name.contains("/"), !kept.contains(path) else { continue }
            do {
                try FileManager.default.removeItem(atPath: path)
            } catch {
                log.record(.notice, level: .warning, "could not remove the old file '\(path)'")
            }
        }
    }
}

/// Waits for asynchronous work from a thread that may block; never called from Swift's own threads.
package enum Blocking {
    /// Runs the work in a task and waits for it; the task is cancelled when the run is.
    package static func wait<T: Sendable>(
        control: RunControl,
        _ work: @escaping @Sendable () async throws -> T
    ) throws -> T {
        let done = DispatchSemaphore(value: 0)
        let result = Mutex<Result<T, any Error>?>(nil)
        let task = Task {
            do {
                let value = try await work()
                result.withLock { $0 = .success(value) }
            } catch {
                result.withLock { $0 = .failure(error) }
            }
            done.signal()
        }
        while done.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
            if control.isCancelled { task.cancel() }
        }
        guard let outcome = result.withLock({ $0 }) else {
            throw DuetError(.internalFault, "a transfer ended without a result")
        }
        return try outcome.get()
    }
}
