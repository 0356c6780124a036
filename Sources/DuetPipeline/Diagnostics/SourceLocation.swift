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
    /// Places in long lines whose column is known, in order.
    private let marks: [Mark]

    private struct Mark: Hashable {
        var offset: Int
        var column: Int
    }

    /// How far apart marks are, in bytes, where the text lets them be set.
    private static let stride = 1_024

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
        marks = Self.marks(in: bytes, lineStarts: starts)
    }

    /// Sets marks along long lines, each between two characters of ASCII, where no character can be cut in two.
    private static func marks(in bytes: [UInt8], lineStarts: [Int]) -> [Mark] {
        var marks: [Mark] = []
        for (number, start) in lineStarts.enumerated() {
            let end = number + 1 < lineStarts.count ? lineStarts[number + 1] - 1 : bytes.count
            var last = Mark(offset: start, column: 0)
            var next = start + stride
            while next < end {
                guard bytes[next] < 0x80, bytes[next - 1] < 0x80, bytes[next - 1] != UInt8(ascii: "\r") else {
                    next += 1
                    continue
                }
                let characters = String(decoding: bytes[last.offset..<next], as: UTF8.self).count
                last = Mark(offset: next, column: last.column + characters)
                marks.append(last)
                next += stride
            }
        }
        return marks
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
        let known = knownPlace(before: bounded, lineStart: lineStarts[low])
        let prefix = String(decoding: bytes[known.offset..<bounded], as: UTF8.self)
        return SourceLocation(file: path, line: low + 1, column: known.column + prefix.count + 1)
    }

    /// The nearest place at or before an offset whose column is known; its column counts from 0.
    ///
    /// The bytes from there on are all that ``location(at:)`` has to read, however long the line is: a pipeline on one
    /// line has a location for each of its activities.
    package func knownPlace(before offset: Int, lineStart: Int) -> (offset: Int, column: Int) {
        var low = 0
        var high = marks.count
        while low < high {
            let middle = (low + high) / 2
            if marks[middle].offset <= offset { low = middle + 1 } else { high = middle }
        }
        guard low > 0, marks[low - 1].offset > lineStart else { return (lineStart, 0) }
        return (marks[low - 1].offset, marks[low - 1].column)
    }

    /// A line to show beside a fault; nil when it is longer than anybody would read.
    package func excerpt(ofLine number: Int, atMost limit: Int = 200) -> String? {
        guard number >= 1, number <= lineStarts.count else { return nil }
        let end = number < lineStarts.count ? lineStarts[number] - 1 : bytes.count
        return end - lineStarts[number - 1] <= limit ? line(number) : nil
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
