/// A string of bits, as BIT holds it.
public struct BitString: Hashable, Sendable {
    /// The bits from left to right.
    public var bits: [Bool]

    /// Makes a string of bits.
    ///
    /// - Parameter bits: The bits from left to right; DuckDB has no empty BIT.
    public init(_ bits: [Bool]) {
        self.bits = bits
    }

    /// Reads a text of zeros and ones; nil if it has anything else in it.
    ///
    /// - Parameter text: The text.
    public init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: "1") }) else { return nil }
        bits = text.utf8.map { $0 == UInt8(ascii: "1") }
    }

    /// Reads DuckDB's form: the number of padding bits, then the bytes, with the padding at the front.
    init(stored bytes: some Collection<UInt8>) {
        let padding = Int(bytes.first ?? 0)
        let all = bytes.dropFirst().flatMap { byte in (0..<8).map { byte & (0x80 >> $0) != 0 } }
        bits = Array(all.dropFirst(padding))
    }

    /// DuckDB's form; the padding is of ones.
    var stored: [UInt8] {
        let padding = (8 - bits.count % 8) % 8
        let padded = Array(repeating: true, count: padding) + bits
        let bytes = stride(from: 0, to: padded.count, by: 8).map { start in
            padded[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | ($1 ? 1 : 0) }
        }
        return [UInt8(padding)] + bytes
    }
}

extension BitString: CustomStringConvertible {
    /// The bits as zeros and ones.
    public var description: String {
        String(decoding: bits.map { $0 ? UInt8(ascii: "1") : UInt8(ascii: "0") }, as: UTF8.self)
    }
}
