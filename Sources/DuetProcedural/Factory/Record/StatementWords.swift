internal import DuckKit
internal import DuetPipeline

/// The tokens of a statement, taken one after the other.
struct StatementWords {
    private let bytes: [UInt8]
    private let tokens: [SQLToken]
    private var index = 0

    init(_ sql: String, _ tokens: [SQLToken]) {
        bytes = Array(sql.utf8)
        self.tokens = tokens
    }

    private var current: SQLToken? { index < tokens.count ? tokens[index] : nil }

    func isAt(_ word: String) -> Bool { current?.isWord(word) == true }

    mutating func takeWord() -> String? {
        guard let word = current, word.kind == .word else { return nil }
        index += 1
        return word.text.uppercased()
    }

    mutating func take(_ word: String) -> Bool {
        guard isAt(word) else { return false }
        index += 1
        return true
    }

    mutating func skip(_ words: String...) { for word in words where isAt(word) { index += 1 } }

    /// `a.b.c` as its parts.
    mutating func takeName() -> [String]? {
        var parts: [String] = []
        while let token = current, token.kind == .word || token.kind == .quotedName {
            parts.append(token.unquoted)
            index += 1
            guard current?.isSymbol(".") == true else { break }
            index += 1
        }
        return parts.isEmpty ? nil : parts
    }

    /// An alias in front of any of some words, with AS; empty for none, nil when something else stands there.
    mutating func takeAlias(before words: String...) -> String? {
        func isEnd() -> Bool { current == nil || current?.isSymbol(";") == true || words.contains(where: isAt) }
        if isEnd() { return "" }
        skip("AS")
        guard let alias = current, alias.kind == .word || alias.kind == .quotedName else { return nil }
        index += 1
        return isEnd() ? " AS \(SQL.identifier(alias.unquoted))" : nil
    }

    /// Names in parentheses; none when no parenthesis stands here.
    mutating func takeList() -> [String] {
        guard current?.isSymbol("(") == true else { return [] }
        var names: [String] = []
        var depth = 0
        var isFirst = true
        while let token = current {
            index += 1
            if token.isSymbol("(") { depth += 1 }
            if token.isSymbol(")") { depth -= 1 }
            if depth == 0 { break }
            if depth == 1, token.isSymbol(",") || token.isSymbol("(") {
                isFirst = true
            } else if isFirst, depth == 1 {
                names.append(token.unquoted)
                isFirst = false
            }
        }
        return names
    }

    mutating func skipList() { _ = takeList() }

    /// What is left, without a semicolon at its end.
    var rest: String? { text(from: index, to: end) }

    private var end: Int {
        var end = tokens.count
        while end > index, tokens[end - 1].isSymbol(";") { end -= 1 }
        return end
    }

    private func text(from start: Int, to end: Int) -> String? {
        guard start < end, end <= tokens.count else { return nil }
        return String(decoding: bytes[tokens[start].range.lowerBound..<tokens[end - 1].range.upperBound], as: UTF8.self)
    }

    /// The first place from here, outside parentheses, where words stand in a row; the end when there is none.
    private func place(of endings: [[String]]) -> Int {
        var depth = 0
        for place in index..<max(index, end) {
            let token = tokens[place]
            if token.isSymbol("(") || token.isSymbol("[") || token.isSymbol("{") { depth += 1 }
            if token.isSymbol(")") || token.isSymbol("]") || token.isSymbol("}") { depth -= 1 }
            guard depth == 0 else { continue }
            for words in endings
            where zip(place..., words).allSatisfy({ $0 < tokens.count && tokens[$0].isWord($1) }) { return place }
        }
        return end
    }

    func has(_ words: String...) -> Bool { place(of: [words]) < end }

    /// The text up to any of some rows of words.
    func text(until endings: [String]...) -> String? { text(from: index, to: place(of: endings)) }

    /// The same, taken.
    mutating func take(until words: String...) -> String? {
        let stop = place(of: words.map { [$0] })
        defer { index = stop }
        return text(from: index, to: stop)
    }

    /// `a = x, b = y` up to any of some words.
    mutating func takeAssignments(until words: String...) -> [(column: String, value: String)] {
        let stop = place(of: words.map { [$0] })
        defer { index = stop }
        return parts(to: stop).compactMap { part in
            var start = part.lowerBound
            // The column may be written with its table.
            while start + 1 < part.upperBound, tokens[start + 1].isSymbol(".") { start += 2 }
            guard start + 2 < part.upperBound, tokens[start + 1].isSymbol("="),
                let value = text(from: start + 2, to: part.upperBound)
            else { return nil }
            return (tokens[start].unquoted, value)
        }
    }

    /// Expressions in parentheses.
    mutating func takeValues() -> [String] {
        guard current?.isSymbol("(") == true else { return [] }
        let start = index
        skipList()
        var inner = self
        inner.index = start + 1
        return inner.parts(to: index - 1).compactMap { text(from: $0.lowerBound, to: $0.upperBound) }
    }

    /// What stands between commas, outside parentheses.
    private func parts(to stop: Int) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var depth = 0
        var start = index
        for place in index..<max(index, stop) {
            if ["(", "[", "{"].contains(where: tokens[place].isSymbol) { depth += 1 }
            if [")", "]", "}"].contains(where: tokens[place].isSymbol) { depth -= 1 }
            if depth == 0, tokens[place].isSymbol(",") {
                parts.append(start..<place)
                start = place + 1
            }
        }
        if start < stop { parts.append(start..<stop) }
        return parts
    }
}
