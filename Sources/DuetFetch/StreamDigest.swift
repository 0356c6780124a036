import Dispatch

/// The SHA-256 of a stream on its way to a file, computed beside the loop thread where that pays.
///
/// Hashing takes about as long as receiving from a quick network, so for long bodies it is done by another thread at the
/// same time; short ones are hashed at once, which costs less than waking a thread. Bytes of long bodies are copied once,
/// into blocks that are both hashed and written: libcurl gives 16 KiB at most, and a file system takes a few large
/// pieces for much less than many small ones.
///
/// `@unchecked Sendable`: used by one thread at a time, like its receiver; `digest` is handed to the queue with each
/// block and taken back only by `drain`, which waits until the queue is done with it.
final class StreamDigest: @unchecked Sendable {
    /// Where the bytes go besides.
    typealias Store = (UnsafeRawBufferPointer) throws(FetchError) -> Void

    /// Large enough to be written well, small enough that it is still in the processor's cache when it is hashed.
    private static let blockSize = 512 << 10
    /// Bounds the memory: when all blocks wait to be hashed, receiving waits too.
    private static let blockCount = 4
    private static let inlineBytes = 1 << 20

    private let digest = SHA256()
    private let queue = DispatchQueue(label: "duet.fetch.hash")
    private let pending = DispatchGroup()
    /// Counts the blocks that may be filled; the queue empties them in the order they were filled.
    private let free = DispatchSemaphore(value: blockCount - 1)
    private var ring: UnsafeMutableRawBufferPointer?
    private var current = 0
    private var filled = 0
    private var count = 0
    /// How many bytes were hashed in all, those of attempts that came to nothing among them.
    private(set) var work = 0

    deinit { ring?.deallocate() }

    /// Takes the next bytes and passes them on, at once or later in a block.
    func take(_ bytes: UnsafeRawBufferPointer, to store: Store) throws(FetchError) {
        count += bytes.count
        work += bytes.count
        guard count > Self.inlineBytes else {
            try store(bytes)
            return digest.update(bytes)
        }
        var rest = bytes
        while !rest.isEmpty {
            let block = currentBlock()
            let taken = min(rest.count, block.count - filled)
            block[filled..<(filled + taken)].copyBytes(from: rest.prefix(taken))
            filled += taken
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(taken))
            if filled == block.count { try hand(to: store) }
        }
    }

    /// Takes bytes that are where they belong.
    func update(_ bytes: UnsafeRawBufferPointer) {
        drain()
        work += bytes.count
        digest.update(bytes)
    }

    /// Passes on what waits in a block that is not full.
    func flush(to store: Store) throws(FetchError) {
        if filled > 0 { try hand(to: store) }
    }

    /// Waits until what was passed on is hashed: at most `blockCount` blocks, a millisecond or two.
    func drain() { pending.wait() }

    /// Forgets what was taken so far.
    func start() {
        filled = 0
        drain()
        count = 0
        digest.start()
    }

    /// Goes on behind a content's start, whose bytes need not be taken then.
    func resume(_ state: DigestState) {
        start()
        digest.resume(state)
    }

    /// Where it stands; nothing may wait in a block.
    var state: DigestState {
        drain()
        return digest.state
    }

    /// The digest of the bytes taken so far; nothing may wait in a block.
    var digestSoFar: [UInt8] {
        drain()
        return digest.digestSoFar
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
            ring = .allocate(byteCount: Self.blockCount * Self.blockSize, alignment: 4096)
            self.ring = ring
        }
        let start = current * Self.blockSize
        return UnsafeMutableRawBufferPointer(rebasing: ring[start..<(start + Self.blockSize)])
    }

    private func hand(to store: Store) throws(FetchError) {
        let full = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(currentBlock()).prefix(filled))
        let work = Handed(bytes: full)
        queue.async(group: pending) { [self] in
            digest.update(work.bytes)
            free.signal()
        }
        defer {
            free.wait()
            current = (current + 1) % Self.blockCount
            filled = 0
        }
        // While it is hashed.
        try store(full)
    }

    /// A filled block on its way to the queue.
    ///
    /// `@unchecked Sendable`: the block is not written again until the queue has signalled that it is done with it.
    private struct Handed: @unchecked Sendable {
        let bytes: UnsafeRawBufferPointer
    }
}
