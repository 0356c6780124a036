/// Finds where one statement ends and the next begins.
///
/// DuckDB splits a text itself but does not tell where, and an error must carry the failing statement alone. What is
/// found here is only used when DuckDB counts the same number of statements.
struct StatementSplitter {
    private let bytes: [UInt8]
    private var index = 0

    private init(_ sql: String) {
        bytes = Array(sql.utf8)
    }

    /// The statements of a text that are more than white space and comments, each with its own text and offset.
    static func split(_ sql: String) -> [SQLStatement] {
        var splitter = StatementSplitter(sql)
        return splitter.statements()
    }

    /// The words, quoted texts and signs of a text, in order, without comments; all but what is quoted in lower case.
    static func tokens(of sql: String, _ body: (String) -> Void) {
        var splitter = StatementSplitter(sql)
        while splitter.index < splitter.bytes.count {
            let from = splitter.index
            guard !isSpace(splitter.bytes[from]) else {
                splitter.index += 1
                continue
            }
            guard !splitter.skipComment() else { continue }
            splitter.skipToken()
            let text = String(decoding: splitter.bytes[from..<splitter.index], as: UTF8.self)
            body(text.utf8.first == UInt8(ascii: "'") ? text : text.lowercased())
        }
    }

    private mutating func statements() -> [SQLStatement] {
        var result: [SQLStatement] = []
        // Of the statement being read: where it starts, and the end of the last byte that is not white space.
        var start: Int?
        var end = 0
        while index < bytes.count {
            let from = index
            let byte = bytes[index]
            if byte == UInt8(ascii: ";") {
                if let start { result.append(statement(start, end)) }
                start = nil
                index += 1
            } else if Self.isSpace(byte) {
                index += 1
            } else if skipComment() {
                // A comment neither starts a statement nor, at its end, belongs to it.
            } else {
                skipToken()
                if start == nil { start = from }
                end = index
            }
        }
        if let start { result.append(statement(start, end)) }
        return result
    }

    private func statement(_ start: Int, _ end: Int) -> SQLStatement {
        SQLStatement(sql: String(decoding: bytes[start..<end], as: UTF8.self), offset: start)
    }

    private func byte(_ offset: Int) -> UInt8? {
        index + offset < bytes.count ? bytes[index + offset] : nil
    }

    private mutating func skipComment() -> Bool {
        if bytes[index] == UInt8(ascii: "-"), byte(1) == UInt8(ascii: "-") {
            while index < bytes.count, bytes[index] != 10, bytes[index] != 13 { index += 1 }
            return true
        }
        guard bytes[index] == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "*") else { return false }
        var depth = 0
        // Block comments nest, as in PostgreSQL.
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "*") {
                depth += 1
                index += 2
            } else if bytes[index] == UInt8(ascii: "*"), byte(1) == UInt8(ascii: "/") {
                depth -= 1
                index += 2
                if depth == 0 { break }
            } else {
                index += 1
            }
        }
        index = min(index, bytes.count)
        return true
    }

    private mutating func skipToken() {
        switch bytes[index] {
        case UInt8(ascii: "'"):
            skipQuoted(backslashEscapes: false)
        case UInt8(ascii: "\""):
            skipQuoted(backslashEscapes: false)
        case UInt8(ascii: "$"):
            skipDollarQuoted()
        case let byte where Self.isWord(byte):
            // E'...' is the one literal in which a backslash keeps the quote after it from closing.
            if byte | 0x20 == UInt8(ascii: "e"), self.byte(1) == UInt8(ascii: "'") {
                index += 1
                skipQuoted(backslashEscapes: true)
            } else {
                while index < bytes.count, Self.isWord(bytes[index]) || bytes[index] == UInt8(ascii: "$") { index += 1 }
            }
        default:
            index += 1
        }
    }

    private mutating func skipQuoted(backslashEscapes: Bool) {
        let quote = bytes[index]
        index += 1
        while index < bytes.count {
            if backslashEscapes, bytes[index] == UInt8(ascii: "\\") {
                index += 2
            } else if bytes[index] != quote {
                index += 1
            } else if byte(1) == quote {
                index += 2
            } else {
                index += 1
                break
            }
        }
        index = min(index, bytes.count)
    }

    private mutating func skipDollarQuoted() {
        var end = index + 1
        while end < bytes.count, Self.isWord(bytes[end]) { end += 1 }
        let isTag = end == index + 1 || !Self.isDigit(bytes[index + 1])
        guard end < bytes.count, bytes[end] == UInt8(ascii: "$"), isTag else {
            // A parameter such as $1 or $name.
            index = max(end, index + 1)
            return
        }
        let tag = bytes[index...end]
        index = end + 1
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "$"), bytes[index...].starts(with: tag) {
                index += tag.count
                return
            }
            index += 1
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 32 || (9...13).contains(byte)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(lower) || byte == UInt8(ascii: "_")
            || byte >= 0x80
    }
}
