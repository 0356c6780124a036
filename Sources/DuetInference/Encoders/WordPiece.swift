internal import Foundation

/// BERT's tokenizer: text is cleaned, lower-cased and cut into words, and words into the longest pieces of a vocabulary.
///
/// The rules are those of Google's `BasicTokenizer` and `WordpieceTokenizer` with lower-casing (Devlin and others 2018),
/// in the form of Hugging Face's `BertNormalizer` and `BertPreTokenizer`.
struct WordPiece: Sendable {
    private let numbers: [String: Int64]
    private let unknown: Int64
    let start: Int64
    let end: Int64
    /// Words longer than this many characters are unknown as a whole.
    private static let longestWord = 100

    /// Reads a vocabulary: one piece a line, its number the line's, from 0.
    init(vocabulary: String) throws {
        var numbers: [String: Int64] = [:]
        for (number, line) in vocabulary.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty { numbers[String(line)] = Int64(number) }
        guard let unknown = numbers["[UNK]"], let start = numbers["[CLS]"], let end = numbers["[SEP]"] else {
            throw InferenceFault("the vocabulary lacks [UNK], [CLS] or [SEP]")
        }
        self.numbers = numbers
        self.unknown = unknown
        self.start = start
        self.end = end
    }

    /// The numbers of a text's pieces, without markers.
    func tokens(_ text: String) -> [Int64] {
        var tokens: [Int64] = []
        for word in Self.words(text) { append(word, to: &tokens) }
        return tokens
    }

    private func append(_ word: [Unicode.Scalar], to tokens: inout [Int64]) {
        guard word.count <= Self.longestWord else { return tokens.append(unknown) }
        var pieces: [Int64] = []
        var begin = 0
        while begin < word.count {
            var found: Int64?
            var stop = word.count
            while stop > begin {
                var piece = String.UnicodeScalarView()
                if begin > 0 { piece.append(contentsOf: "##".unicodeScalars) }
                piece.append(contentsOf: word[begin..<stop])
                if let number = numbers[String(piece)] {
                    found = number
                    break
                }
                stop -= 1
            }
            guard let found else { return tokens.append(unknown) }
            pieces.append(found)
            begin = stop
        }
        tokens += pieces
    }

    /// The words of a text, cleaned and lower-cased, punctuation apart.
    private static func words(_ text: String) -> [[Unicode.Scalar]] {
        var words: [[Unicode.Scalar]] = []
        var word: [Unicode.Scalar] = []
        func endWord() {
            if !word.isEmpty { words.append(word) }
            word = []
        }
        for scalar in normalized(text) {
            if isSpace(scalar) {
                endWord()
            } else if isPunctuation(scalar) || isIdeograph(scalar) {
                endWord()
                words.append([scalar])
            } else {
                word.append(scalar)
            }
        }
        endWord()
        return words
    }

    private static func normalized(_ text: String) -> [Unicode.Scalar] {
        if text.utf8.allSatisfy({ $0 < 0x80 }) {
            return text.utf8.compactMap { byte in
                switch byte {
                case 0x41...0x5A: Unicode.Scalar(byte + 0x20)
                case 0x09, 0x0A, 0x0D: " "
                case 0..<0x20, 0x7F: nil
                default: Unicode.Scalar(byte)
                }
            }
        }
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars where scalar.value != 0 && scalar.value != 0xFFFD && !isControl(scalar) {
            clean.append(isSpace(scalar) ? " " : scalar)
        }
        // Accents go by taking letters apart and leaving the marks out; then each letter is lower-cased on its own.
        var result: [Unicode.Scalar] = []
        for scalar in String(clean).decomposedStringWithCanonicalMapping.unicodeScalars
        where scalar.properties.generalCategory != .nonspacingMark {
            result += scalar.properties.lowercaseMapping.unicodeScalars
        }
        return result
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case " ", "\t", "\n", "\r": true
        default: scalar.value > 0x7F && scalar.properties.isWhitespace
        }
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\t", "\n", "\r": return false
        default:
            switch scalar.properties.generalCategory {
            case .control, .format, .unassigned, .privateUse, .surrogate: return true
            default: return false
            }
        }
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 33...47, 58...64, 91...96, 123...126: return true
        case ..<0x80: return false
        default:
            switch scalar.properties.generalCategory {
            case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
                .finalPunctuation, .otherPunctuation:
                return true
            default: return false
            }
        }
    }

    /// Chinese characters are words of their own; Korean and Japanese syllables are not.
    private static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }
}
