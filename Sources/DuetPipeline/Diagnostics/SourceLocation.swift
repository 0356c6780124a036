/// A place in a file that a person wrote: every element of a pipeline carries one from birth.
public struct SourceLocation: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The file's path as the user would name it: relative to the folder duet was started in where possible.
    public var file: String
    /// The line, from 1; 0 when only the file is known.
    public var line: Int
    /// The column in characters, from 1; 0 when only the file is known.
    public var column: Int

    /// Creates a location.
    public init(file: String, line: Int = 0, column: Int = 0) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// `file:line:column`, the form editors open.
    public var description: String { line > 0 ? "\(file):\(line):\(column)" : file }
}

/// A file's text with its name, able to say where a byte offset is.
public struct SourceFile: Sendable, Hashable {
    /// The path shown to the user.
    public let path: String
    /// The whole text.
    public let text: String
    /// The text's UTF-8, since DuckDB and the tokenizer both count in bytes.
    package let bytes: [UInt8]
    private let lineStarts: [Int]

    /// Keeps the text and notes where its lines begin.
    public init(path: String, text: String) {
        self.path = path
        self.text = text
        bytes = Array(text.utf8)
        var starts = [0]
        for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            starts.append(offset + 1)
        }
        lineStarts = starts
    }

    /// The line and column of a UTF-8 offset; offsets beyond the end give the end.
    public func location(at offset: Int) -> SourceLocation {
        let bounded = max(0, min(offset, bytes.count))
        // The last line that starts at or before the offset.
        var low = 0
        var high = lineStarts.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if lineStarts[middle] <= bounded { low = middle } else { high = middle - 1 }
        }
        let prefix = String(decoding: bytes[lineStarts[low]..<bounded], as: UTF8.self)
        return SourceLocation(file: path, line: low + 1, column: prefix.count + 1)
    }

    /// The text of a line, from 1, without its line break; empty when there is no such line.
    public func line(_ number: Int) -> String {
        guard number >= 1, number <= lineStarts.count else { return "" }
        let start = lineStarts[number - 1]
        let end = number < lineStarts.count ? lineStarts[number] - 1 : bytes.count
        guard start < end else { return "" }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }
}
