internal import Foundation

/// The order of text in American English: punctuation, digits, letters; `a` before `A` before `b`.
enum LinguisticOrder {
    /// The order of ASCII characters by their first weight; letters of both cases weigh the same here.
    private static let weights: [UInt8] = {
        var weights = [UInt8](repeating: 0, count: 128)
        var next: UInt8 = 1
        for byte in "\t\n\u{B}\u{C}\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789".utf8 {
            weights[Int(byte)] = next
            next += 1
        }
        for letter in UInt8(0x61)...0x7A {
            weights[Int(letter)] = next
            weights[Int(letter - 0x20)] = next
            next += 1
        }
        return weights
    }()

    private static let locale = Locale(identifier: "en_US")

    /// Negative if the left text comes first, positive if the right one does, else zero.
    static func compare(_ left: String, _ right: String) -> Int {
        if let result = compareASCII(left, right) { return result }
        return switch left.compare(right, options: [], range: nil, locale: locale) {
        case .orderedAscending: -1
        case .orderedSame: 0
        case .orderedDescending: 1
        }
    }

    /// The same without Unicode's tables; nil if a character needs them.
    private static func compareASCII(_ left: String, _ right: String) -> Int? {
        var a = left.utf8.makeIterator()
        var b = right.utf8.makeIterator()
        var first = 0
        var byCase = 0
        while true {
            let x = a.next()
            let y = b.next()
            var weightX: UInt8 = 0
            var weightY: UInt8 = 0
            if let x {
                guard x < 0x80, weights[Int(x)] > 0 else { return nil }
                weightX = weights[Int(x)]
            }
            if let y {
                guard y < 0x80, weights[Int(y)] > 0 else { return nil }
                weightY = weights[Int(y)]
            }
            guard let x, let y else {
                if first != 0 { return first }
                if x != nil || y != nil { return isPlain(&a) && isPlain(&b) ? (x == nil ? -1 : 1) : nil }
                return byCase
            }
            if first == 0, weightX != weightY { first = weightX < weightY ? -1 : 1 }
            // Among texts of the same letters, the first small letter wins.
            if byCase == 0, x != y { byCase = x > y ? -1 : 1 }
        }
    }

    /// Whether what is left needs no tables: a combining mark there could change the answer.
    private static func isPlain(_ rest: inout String.UTF8View.Iterator) -> Bool {
        while let byte = rest.next() {
            if byte >= 0x80 || weights[Int(byte)] == 0 { return false }
        }
        return true
    }
}
