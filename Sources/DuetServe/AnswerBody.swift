import FlyingSocks
import Foundation

/// A body on its way out, with what goes wrong in it on purpose.
struct AnswerBody: AsyncBufferedSequence {
    typealias Element = UInt8

    /// Thrown to make the server close the connection without ending the body.
    struct Cut: Error {}

    let body: Answer.Body
    let shape: Answer.Shape
    let chunkSize: Int
    let ticket: RequestLog.Ticket

    func makeAsyncIterator() -> Iterator { Iterator(source: self) }

    struct Iterator: AsyncBufferedIteratorProtocol {
        let source: AnswerBody
        private var sent = 0

        init(source: AnswerBody) { self.source = source }

        mutating func next() async throws -> UInt8? { try await nextBuffer(suggested: 1)?.first }

        mutating func nextBuffer(suggested count: Int) async throws -> Data? {
            var end = source.body.count
            if let limit = source.shape.cutAfter {
                if sent >= limit { throw Cut() }
                end = Swift.min(end, limit)
            }
            if let limit = source.shape.stallAfter {
                if sent >= limit { try await Task.sleep(for: .seconds(24 * 3600)) }
                end = Swift.min(end, limit)
            }
            guard sent < end else { return nil }
            var size = Swift.min(count, source.chunkSize, end - sent)
            if let pieces = source.shape.pieces {
                if sent > 0 { try await Task.sleep(for: pieces.wait) }
                size = Swift.min(size, pieces.bytes)
            }
            let bytes: Data
            switch source.body {
            case .bytes(let all): bytes = Data(all[sent..<(sent + size)])
            case .file(let file, let range):
                bytes = Data(file.read(at: range.lowerBound + sent, count: size))
                // The file became shorter while it was sent; the announced length cannot be kept.
                if bytes.isEmpty { throw Cut() }
            }
            sent += bytes.count
            source.ticket.sent(bytes.count)
            return bytes
        }
    }
}
