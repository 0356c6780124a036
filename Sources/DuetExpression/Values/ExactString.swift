/// A string that equals another only code unit by code unit.
///
/// Swift's own comparison treats canonically equivalent text as equal, which the expression language does not.
struct ExactString: Hashable, Sendable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: ExactString, right: ExactString) -> Bool { left.text.isExactly(right.text) }

    // Equal code units are canonically equivalent too, so the string's own hash agrees with the stricter equality.
    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension String {
    /// Whether both strings hold the same code units.
    func isExactly(_ other: String) -> Bool {
        // The standard comparison answers "no" quickly; only canonical twins need the second look.
        self == other && utf8.elementsEqual(other.utf8)
    }

    /// Whether both strings are the same but for the case of single characters.
    func isSameIgnoringCase(_ other: String) -> Bool {
        if isExactly(other) { return true }
        let left = utf8
        let right = other.utf8
        if left.count == right.count {
            var isASCII = true
            var same = true
            for (a, b) in zip(left, right) {
                if a >= 0x80 || b >= 0x80 {
                    isASCII = false
                    break
                }
                if a != b, Self.foldASCII(a) != Self.foldASCII(b) {
                    same = false
                    break
                }
            }
            if !same { return false }
            if isASCII { return true }
        }
        return CaseMapping.upper(self).isExactly(CaseMapping.upper(other))
    }

    private static func foldASCII(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte
    }

    /// The text between two UTF-16 offsets, both within bounds; half a surrogate pair becomes U+FFFD.
    func utf16Slice(_ range: Range<Int>) -> String {
        let bytes = utf8
        let units = utf16
        if bytes.count == units.count {
            let start = bytes.index(bytes.startIndex, offsetBy: range.lowerBound)
            let end = bytes.index(start, offsetBy: range.count)
            return String(decoding: bytes[start..<end], as: UTF8.self)
        }
        let start = units.index(units.startIndex, offsetBy: range.lowerBound)
        let end = units.index(start, offsetBy: range.count)
        return String(decoding: units[start..<end], as: UTF16.self)
    }
}
