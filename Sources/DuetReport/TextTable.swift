/// A table in plain text, its columns aligned.
public enum TextTable {
    /// The table as lines.
    ///
    /// - Parameters:
    ///   - header: The columns' names.
    ///   - rows: The cells.
    ///   - rightAligned: The numbers of columns that are aligned to the right.
    /// - Returns: The lines, joined.
    public static func text(header: [String], rows: [[String]], rightAligned: Set<Int> = []) -> String {
        var widths = header.map(\.count)
        for row in rows {
            for (index, cell) in row.enumerated() where index < widths.count {
                widths[index] = max(widths[index], cell.count)
            }
        }
        let line = { (cells: [String]) -> String in
            var text = ""
            for (index, cell) in cells.enumerated() where index < widths.count {
                let padding = String(repeating: " ", count: widths[index] - cell.count)
                text += rightAligned.contains(index) ? padding + cell : cell + padding
                text += "  "
            }
            while text.last == " " { text.removeLast() }
            return text
        }
        let rule = widths.map { String(repeating: "-", count: $0) }
        return ([header, rule] + rows).map(line).joined(separator: "\n")
    }
}
