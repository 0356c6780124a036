internal import Foundation

/// Search that ignores case and the different ways of writing the same text.
///
/// `é` finds `e` with a combining accent, but `e` does not; invisible characters are passed over.
enum LinguisticSearch {
    /// The UTF-16 offset of the first place, or -1.
    static func first(_ text: String, _ part: String) -> Int {
        if part.isEmpty { return 0 }
        if let (bytes, wanted) = ascii(text, part) {
            guard wanted.count <= bytes.count else { return -1 }
            return (0...bytes.count - wanted.count).first { isMatch(bytes, $0, wanted) } ?? -1
        }
        let units = units(of: text)
        let wanted = Self.units(of: part)
        if wanted.isEmpty { return text.isEmpty ? -1 : 0 }
        guard wanted.count <= units.count else { return -1 }
        for start in 0...units.count - wanted.count where isMatch(units, start, wanted) { return units[start].start }
        return -1
    }

    /// The UTF-16 offset of the last place, or -1.
    static func last(_ text: String, _ part: String) -> Int {
        // Nothing is found before the last character, not behind it.
        if part.isEmpty { return max(0, text.utf16.count - 1) }
        if let (bytes, wanted) = ascii(text, part) {
            guard wanted.count <= bytes.count else { return -1 }
            return (0...bytes.count - wanted.count).last { isMatch(bytes, $0, wanted) } ?? -1
        }
        let units = units(of: text)
        let wanted = Self.units(of: part)
        if wanted.isEmpty { return text.isEmpty ? -1 : text.utf16.count - 1 }
        guard wanted.count <= units.count else { return -1 }
        for start in (0...units.count - wanted.count).reversed() where isMatch(units, start, wanted) {
            return units[start].start
        }
        return -1
    }

    static func hasPrefix(_ text: String, _ part: String) -> Bool {
        if part.isEmpty { return true }
        if let (bytes, wanted) = ascii(text, part) { return wanted.count <= bytes.count && isMatch(bytes, 0, wanted) }
        let units = units(of: text)
        let wanted = Self.units(of: part)
        if wanted.isEmpty { return !text.isEmpty }
        return wanted.count <= units.count && isMatch(units, 0, wanted)
    }

    static func hasSuffix(_ text: String, _ part: String) -> Bool {
        if part.isEmpty { return true }
        if let (bytes, wanted) = ascii(text, part) {
            return wanted.count <= bytes.count && isMatch(bytes, bytes.count - wanted.count, wanted)
        }
        let units = units(of: text)
        let wanted = Self.units(of: part)
        if wanted.isEmpty { return false }
        return wanted.count <= units.count && isMatch(units, units.count - wanted.count, wanted)
    }

    // MARK: - Plain text

    /// Both texts in lower case, if both are printable ASCII.
    private static func ascii(_ text: String, _ part: String) -> (text: [UInt8], part: [UInt8])? {
        guard let text = folded(text), let part = folded(part) else { return nil }
        return (text, part)
    }

    private static func folded(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            // Line breaks and other control characters have rules of their own.
            guard byte >= 0x20 || byte == 0x09, byte < 0x7F else { return nil }
            bytes.append(byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte)
        }
        return bytes
    }

    private static func isMatch(_ text: [UInt8], _ start: Int, _ part: [UInt8]) -> Bool {
        for index in part.indices where text[start + index] != part[index] { return false }
        return true
    }

    // MARK: - Other text

    /// A character with its marks, ready to be compared, and where it starts.
    private struct Unit {
        var key: [Unicode.Scalar]
        let start: Int
    }

    private static func isMatch(_ text: [Unit], _ start: Int, _ part: [Unit]) -> Bool {
        for index in part.indices where text[start + index].key != part[index].key { return false }
        return true
    }

    private static func units(of text: String) -> [Unit] {
        var units: [Unit] = []
        var offset = 0
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            defer {
                offset += UTF16.width(scalar)
                previous = scalar
            }
            // A line feed after a carriage return is part of one line break.
            if scalar == "\n", previous == "\r", let last = units.indices.last {
                units[last].key.append(scalar)
                continue
            }
            if isIgnorable(scalar) { continue }
            let isFirst = units.isEmpty
            var isNew = true
            for part in decomposed(scalar) {
                let isMark = part.properties.canonicalCombiningClass != .notReordered
                if isMark, !isNew || !isFirst, let last = units.indices.last {
                    units[last].key.append(part)
                } else {
                    units.append(Unit(key: [folded(part)], start: offset))
                }
                isNew = false
            }
        }
        for index in units.indices where units[index].key.count > 2 { units[index].key = sorted(units[index].key) }
        return units
    }

    private static func folded(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        if scalar == "\u{17F}" { return scalar }
        // Digits of all scripts are equal.
        if scalar.properties.generalCategory == .decimalNumber, let value = scalar.properties.numericValue,
            let digit = Unicode.Scalar(UInt32(0x30 + max(0, min(9, value))))
        {
            return digit
        }
        return CaseMapping.lower(CaseMapping.upper(scalar))
    }

    /// Marks in canonical order, so that different orders of writing them compare equal.
    private static func sorted(_ key: [Unicode.Scalar]) -> [Unicode.Scalar] {
        let marks = key.dropFirst().enumerated().sorted { a, b in
            let left = a.element.properties.canonicalCombiningClass
            let right = b.element.properties.canonicalCombiningClass
            return left == right ? a.offset < b.offset : left < right
        }
        return key.prefix(1) + marks.map(\.element)
    }

    /// A character's parts: accents apart, ligatures and small or circled forms as plain letters.
    private static func decomposed(_ scalar: Unicode.Scalar) -> String.UnicodeScalarView {
        if scalar.value < 0x80 { return String(scalar).unicodeScalars }
        // Wide and narrow forms stay different from the usual ones, and fractions stay whole.
        let isFraction = (0xBC...0xBE).contains(scalar.value) || (0x2150...0x215F).contains(scalar.value)
        if (0xFF00...0xFFEF).contains(scalar.value) || scalar == "\u{17F}" || isFraction {
            return String(scalar).decomposedStringWithCanonicalMapping.unicodeScalars
        }
        return String(scalar).decomposedStringWithCompatibilityMapping.unicodeScalars
    }

    private static func isIgnorable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...8, 0xE...0x1F, 0x7F...0x84, 0x86...0x9F, 0xAD, 0x34F, 0x61C, 0x180B...0x180E, 0x200B...0x200F,
            0x202A...0x202E, 0x2060...0x206F, 0xFE00...0xFE0F, 0xFEFF, 0xFFF9...0xFFFB, 0xE0000...0xE0FFF:
            true
        default: false
        }
    }
}
