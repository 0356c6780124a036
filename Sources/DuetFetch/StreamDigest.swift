import Dispatch

/// The SHA-256 of a stream, computed beside the loop thread where that pays.
///
/// Hashing takes about as long as receiving from a quick network, so for long bodies it is done by another thread at the
/// same time; short ones are hashed at once, which costs less than waking a thread.
///
/// `@unchecked Sendable`: used by one thread at a time, like its receiver; `digest` is handed to the queue with each
/// block and taken back only by `drain`, which waits until the queue is done with it.
final class StreamDigest: @unchecked Sendable {
    /// Small enough that what was received is still in the processor's cache when it is hashed.
    private static let blockSize = 64 << 10
    /// Bounds the memory: when all blocks wait to be hashed, receiving waits too.
    private static let blockCount = 16
    private static let inlineBytes = 1 << 20

    private let digest: Digest
    private let queue = DispatchQueue(label: "duet.fetch.hash")
    private let pending = DispatchGroup()
    /// Counts the blocks that may be filled; the queue empties them in the order they were filled.
    private let free = DispatchSemaphore(value: blockCount - 1)
    private var ring: UnsafeMutableRawBufferPointer?
    private var current = 0
    private var filled = 0
    private var count = 0

    init?() {
        guard let digest = Digest(.sha256) else { return nil }
        self.digest = digest
    }

    deinit { ring?.deallocate() }

    func update(_ bytes: UnsafeRawBufferPointer) {
        count += bytes.count
        guard count > Self.inlineBytes else { return digest.update(bytes) }
        var rest = bytes
        while !rest.isEmpty {
            let block = currentBlock()
            let taken = min(rest.count, block.count - filled)
            block[filled..<(filled + taken)].copyBytes(from: rest.prefix(taken))
            filled += taken
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(taken))
            if filled == block.count { hand() }
        }
    }

    /// Forgets what was taken so far.
    func start() {
        drain()
        count = 0
        digest.start()
    }

    /// The digest of all bytes taken; it must be started anew before it takes more.
    func finish() -> [UInt8] {
        drain()
        return digest.finish()
    }

    private func currentBlock() -> UnsafeMutableRawBufferPointer {
        let ring: UnsafeMutableRawBufferPointer
        if let known = self.ring {
            ring = known
        } else {
            ring = .allocate(byteCount: Self.blockCount * Self.blockSize, alignment: 64)
            self.ring = ring
        }
        let start = current * Self.blockSize
        return UnsafeMutableRawBufferPointer(rebasing: ring[start..<(start + Self.blockSize)])
    }

    private func hand() {
        let full = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(currentBlock()).prefix(filled))
        let work = Handed(bytes: full)
        queue.async(group: pending) { [self] in
            digest.update(work.bytes)
            free.signal()
        }
        free.wait()
        current = (current + 1) % Self.blockCount
        filled = 0
    }

    /// Waits for at most `blockCount` blocks, less than a millisecond.
    private func drain() {
        if filled > 0 { hand() }
        pending.wait()
    }

    /// A filled block on its way to the queue.
    ///
    /// `@unchecked Sendable`: the block is not written again until the queue has signalled that it is done with it.
    private struct Handed: @unchecked Sendable {
        let bytes: UnsafeRawBufferPointer
    }
}
