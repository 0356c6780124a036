internal import DuetPipeline

extension SourceFile {
    /// Where a character of a JSON string stands in the file, so that a fault inside an expression can be pointed at.
    ///
    /// - Parameters:
    ///   - units: How many UTF-16 code units into the string's value.
    ///   - offset: Where the string's opening quote stands.
    /// - Returns: The character's line and column.
    func location(ofUnit units: Int, inStringAt offset: Int) -> SourceLocation {
        var index = offset + 1
        var left = units
        while left > 0, index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\\") {
                let isUnicode = index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "u")
                index += isUnicode ? 6 : 2
                left -= 1
                continue
            }
            if byte == UInt8(ascii: "\"") { break }
            let width = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
            index += width
            left -= width == 4 ? 2 : 1
        }
        return location(at: index)
    }
}
