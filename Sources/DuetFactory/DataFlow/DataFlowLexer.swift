/// Cuts a data flow script into words, literals and signs.
struct DataFlowLexer {
    enum Token: Equatable {
        /// A name; in braces it may hold anything.
        case word(String, isQuoted: Bool)
        case text(String)
        /// Text in double quotes, raw, with where its content begins.
        case template([UInt16], start: Int)
        case integer(Int64)
        case number(String)
        case sign(String)
        case end
    }

    struct Item {
        var token: Token
        var offset: Int
    }

    private let units: [UInt16]
    private var index: Int
    private let end: Int

    init(_ units: [UInt16], from start: Int, to end: Int) {
        self.units = units
        index = start
        self.end = end
    }

    static func items(of units: [UInt16], from start: Int, to end: Int) throws(DataFlowError) -> [Item] {
        var lexer = DataFlowLexer(units, from: start, to: end)
        var items: [Item] = try lexer.declarations()
        while true {
            let item = try lexer.next()
            items.append(item)
            if item.token == .end { return items }
        }
    }

    /// `parameters{ … }` at the beginning, as a word and a name in braces; nothing when there is none.
    private mutating func declarations() throws(DataFlowError) -> [Item] {
        try skipSpace()
        let start = index
        let name = Array("parameters".utf16)
        guard units[index..<end].starts(with: name) else { return [] }
        index += name.count
        try skipSpace()
        let open = index
        guard index < end, units[index] == Self.unit("{") else {
            index = start
            return []
        }
        index += 1
        while index < end, units[index] != Self.unit("}") {
            switch units[index] {
            case Self.unit("'"), Self.unit("`"): _ = try quoted()
            case Self.unit("\""): _ = try template()
            default: index += 1
            }
        }
        guard index < end else { throw DataFlowError("the parameters have no closing brace", at: open) }
        index += 1
        return [
            Item(token: .word("parameters", isQuoted: false), offset: start),
            Item(token: .word("", isQuoted: true), offset: open),
        ]
    }

    private static let longSigns = ["<=>", "===", "~>", "->", "==", "!=", "<>", "<=", ">=", "&&", "||", "$$"].map {
        (text: $0, units: Array($0.utf16))
    }
    private static func unit(_ text: Unicode.Scalar) -> UInt16 { UInt16(truncatingIfNeeded: text.value) }

    private mutating func next() throws(DataFlowError) -> Item {
        try skipSpace()
        let start = index
        guard index < end else { return Item(token: .end, offset: start) }
        let unit = units[index]
        if Self.isWord(unit) && !Self.isDigit(unit) {
            return Item(token: .word(word(), isQuoted: false), offset: start)
        }
        if Self.isDigit(unit) { return Item(token: number(), offset: start) }
        switch unit {
        case Self.unit("'"): return Item(token: .text(try quoted()), offset: start)
        case Self.unit("\""): return Item(token: try template(), offset: start)
        case Self.unit("`"):
            return Item(token: .text(try quoted()), offset: start)
        case Self.unit("{"): return Item(token: .word(try braced(), isQuoted: true), offset: start)
        default: break
        }
        for sign in Self.longSigns where units[index..<end].starts(with: sign.units) {
            index += sign.units.count
            return Item(token: .sign(sign.text), offset: start)
        }
        let text = String(decoding: [unit], as: UTF16.self)
        guard "()[]},:=@$#+-*/%<>!^.;?&|".contains(text) else {
            throw DataFlowError("the character '\(text)' is not expected here", at: start)
        }
        index += 1
        return Item(token: .sign(text), offset: start)
    }

    private mutating func skipSpace() throws(DataFlowError) {
        while index < end {
            let unit = units[index]
            if unit <= 0x20 || unit == 0xA0 || unit == 0xFEFF {
                index += 1
            } else if unit == Self.unit("/"), index + 1 < end, units[index + 1] == Self.unit("/") {
                while index < end, units[index] != 10 { index += 1 }
            } else if unit == Self.unit("/"), index + 1 < end, units[index + 1] == Self.unit("*") {
                let start = index
                index += 2
                while index + 1 < end, !(units[index] == Self.unit("*") && units[index + 1] == Self.unit("/")) {
                    index += 1
                }
                guard index + 1 < end else { throw DataFlowError("the comment has no end", at: start) }
                index += 2
            } else {
                return
            }
        }
    }

    private static func isDigit(_ unit: UInt16) -> Bool { (0x30...0x39).contains(unit) }

    private static func isWord(_ unit: UInt16) -> Bool {
        isDigit(unit) || (0x41...0x5A).contains(unit) || (0x61...0x7A).contains(unit) || unit == 0x5F || unit > 0xBF
    }

    private mutating func word() -> String {
        let start = index
        while index < end, Self.isWord(units[index]) { index += 1 }
        return String(decoding: units[start..<index], as: UTF16.self)
    }

    /// `1`, `1L`, `1.5`, `1.5D`, `2f`, `1e9`.
    private mutating func number() -> Token {
        let start = index
        while index < end, Self.isDigit(units[index]) { index += 1 }
        var isWhole = true
        if index + 1 < end, units[index] == Self.unit("."), Self.isDigit(units[index + 1]) {
            isWhole = false
            index += 1
            while index < end, Self.isDigit(units[index]) { index += 1 }
        }
        if index < end, units[index] | 0x20 == Self.unit("e") {
            var ahead = index + 1
            if ahead < end, units[ahead] == Self.unit("-") || units[ahead] == Self.unit("+") { ahead += 1 }
            if ahead < end, Self.isDigit(units[ahead]) {
                isWhole = false
                index = ahead
                while index < end, Self.isDigit(units[index]) { index += 1 }
            }
        }
        let text = String(decoding: units[start..<index], as: UTF16.self)
        if index < end, index + 1 == end || !Self.isWord(units[index + 1]) {
            switch units[index] | 0x20 {
            case Self.unit("l"), Self.unit("s"): index += 1
            case Self.unit("d"), Self.unit("f"):
                index += 1
                isWhole = false
            default: break
            }
        }
        if isWhole, let value = Int64(text) { return .integer(value) }
        return .number(text)
    }

    /// Text up to the same quote; a backslash keeps the next character from ending it.
    private mutating func quoted() throws(DataFlowError) -> String {
        let start = index
        let quote = units[index]
        index += 1
        var text: [UInt16] = []
        while index < end {
            let unit = units[index]
            index += 1
            if unit == quote { return String(decoding: text, as: UTF16.self) }
            guard unit == Self.unit("\\"), quote != Self.unit("`"), index < end else {
                text.append(unit)
                continue
            }
            let escaped = units[index]
            index += 1
            switch escaped {
            case Self.unit("n"): text.append(10)
            case Self.unit("t"): text.append(9)
            case Self.unit("r"): text.append(13)
            case quote, Self.unit("\\"), Self.unit("\""): text.append(escaped)
            default: text += [unit, escaped]
            }
        }
        throw DataFlowError("the text has no closing quote", at: start)
    }

    private mutating func template() throws(DataFlowError) -> Token {
        let start = index
        index += 1
        while index < end {
            if units[index] == Self.unit("\\") {
                index += 2
                continue
            }
            if units[index] == Self.unit("\"") {
                index += 1
                return .template(Array(units[(start + 1)..<(index - 1)]), start: start + 1)
            }
            index += 1
        }
        throw DataFlowError("the text has no closing quote", at: start)
    }

    private mutating func braced() throws(DataFlowError) -> String {
        let start = index
        index += 1
        var text: [UInt16] = []
        while index < end {
            let unit = units[index]
            index += 1
            if unit == Self.unit("}") { return String(decoding: text, as: UTF16.self) }
            if unit == Self.unit("\\"), index < end {
                text.append(units[index])
                index += 1
            } else {
                text.append(unit)
            }
        }
        throw DataFlowError("the name has no closing brace", at: start)
    }
}
