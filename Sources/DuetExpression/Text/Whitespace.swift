/// White space as the language's `trim` sees it: Unicode's, without zero-width characters.
enum Whitespace {
    static func trim(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !isSpace($0) }),
            let last = scalars.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(scalars[first...last])
    }

    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        guard let unit = UInt16(exactly: scalar.value) else { return false }
        return Lexer.isSpace(unit)
    }
}
