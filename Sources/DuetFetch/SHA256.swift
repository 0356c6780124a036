import COpenSSL

/// A SHA-256 that can be left and taken up again.
///
/// libcrypto's general interface hides its state, so this uses the older functions below it; they run on the same
/// instructions of the processor.
///
/// Not `Sendable`: whoever receives the bytes owns it.
final class SHA256 {
    /// The bytes of a whole block; a state stands for whole blocks only.
    static let blockSize = 64
    private static let wordCount = 8

    private var context = SHA256_CTX()

    init() { start() }

    /// Forgets what was taken so far.
    func start() { _ = SHA256_Init(&context) }

    /// Goes on from a state, as if what it stands for had been taken here.
    func resume(_ state: DigestState) {
        state.words.withUnsafeBufferPointer { duet_sha256_resume(&context, $0.baseAddress, UInt64(state.count)) }
    }

    func update(_ bytes: UnsafeRawBufferPointer) { _ = SHA256_Update(&context, bytes.baseAddress, bytes.count) }

    /// Where the digest stands, behind the last whole block taken.
    var state: DigestState {
        var words = [UInt32](repeating: 0, count: Self.wordCount)
        let count = duet_sha256_state(&context, &words)
        return DigestState(words: words, count: Int(count))
    }

    /// The digest of the bytes taken so far; more may follow.
    var digestSoFar: [UInt8] {
        var copy = context
        return Self.finish(&copy)
    }

    /// The digest of all bytes taken; it must be started anew before it takes more.
    func finish() -> [UInt8] { Self.finish(&context) }

    private static func finish(_ context: inout SHA256_CTX) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        _ = SHA256_Final(&bytes, &context)
        return bytes
    }
}

/// Where the SHA-256 of a content that grows stands: what is needed to go on without the bytes before.
///
/// It proves nothing alone; together with the bytes behind it (fewer than 64) it must give the digest that is known.
public struct DigestState: Sendable, Hashable {
    let words: [UInt32]
    /// The number of bytes it stands for, a multiple of 64.
    let count: Int

    init(words: [UInt32], count: Int) {
        self.words = words
        self.count = count
    }

    /// Reads what ``text`` wrote; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), count >= 0, count % SHA256.blockSize == 0,
            parts[1].utf8.count == 64, parts[1].utf8.allSatisfy({ Self.isHexadecimal($0) })
        else { return nil }
        var words: [UInt32] = []
        var rest = parts[1]
        while let word = UInt32(rest.prefix(8), radix: 16) {
            words.append(word)
            rest = rest.dropFirst(8)
        }
        self.init(words: words, count: count)
    }

    /// The number of bytes and the eight words in hexadecimal.
    public var text: String {
        "\(count):"
            + words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }.hexadecimal
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
