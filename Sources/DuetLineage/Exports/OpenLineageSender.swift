public import DuetFetch
public import DuetPipeline
import Foundation

/// Hands OpenLineage events to a file or a server.
///
/// It works on finished runs, so that no run ever waits for it.
public enum OpenLineageSender {
    /// How many events are sent at once.
    static let batchSize = 50

    /// Appends events to a file, one a line.
    ///
    /// - Parameters:
    ///   - events: The events.
    ///   - path: The file; made when missing.
    /// - Throws: ``DuetError`` when it cannot be written.
    public static func append(_ events: [JSONValue], to path: String) throws {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let handle = FileHandle(forWritingAtPath: path) else {
            throw DuetError(
                .unreadableFile,
                "cannot write OpenLineage events to '\(path)'",
                hint: "check that the folder is there and that you may write to it"
            )
        }
        _ = try handle.seekToEnd()
        try handle.write(contentsOf: Data(events.map { $0.text() + "\n" }.joined().utf8))
        try handle.close()
    }

    /// Posts events to a server, several at once and in order, each request tried again when it may pass.
    ///
    /// A batch of one is sent as an object to the address itself, as `/api/v1/lineage` takes it; batches go to
    /// `<address>/batch` as an array.
    ///
    /// - Parameters:
    ///   - events: The events.
    ///   - address: The address, such as `http://localhost:5000/api/v1/lineage`.
    ///   - isBatched: Whether the server takes arrays at `<address>/batch`.
    ///   - fetcher: Makes the requests.
    /// - Returns: How many requests were answered well.
    /// - Throws: ``DuetError`` with `FETCH_FAILED` when the server takes none of the tries.
    @discardableResult
    public static func post(
        _ events: [JSONValue],
        to address: String,
        isBatched: Bool = false,
        fetcher: Fetcher
    ) async throws -> Int {
        var requests = 0
        var rest = events[...]
        while !rest.isEmpty {
            let batch = rest.prefix(isBatched ? batchSize : 1)
            rest = rest.dropFirst(batch.count)
            let body = isBatched ? JSONValue.array(Array(batch)).text() : batch.first?.text() ?? "{}"
            do {
                _ = try await fetcher.fetch(
                    FetchRequest(
                        url: isBatched ? "\(address)/batch" : address,
                        method: .post(Array(body.utf8)),
                        headers: [("Content-Type", "application/json")],
                        retry: retry
                    )
                )
                requests += 1
            } catch {
                throw DuetError(
                    .fetchFailed,
                    "the OpenLineage server took \(requests) of the requests and then failed: \(error.message)",
                    hint: "the events are in the event log: duet events --format openlineage gives them again"
                )
            }
        }
        return requests
    }

    /// An event that is sent twice is the same event, so a post may be tried again.
    private static var retry: RetryPolicy { RetryPolicy(repeatsPost: true) }
}
