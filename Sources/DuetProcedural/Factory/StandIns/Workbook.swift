internal import DuetEngine
internal import DuetExpression
internal import DuetPipeline
internal import Foundation

/// What DuckDB's reader of workbooks does not tell: the sheets in their order, and how far one goes.
///
/// Source: ECMA-376, the parts `xl/workbook.xml`, its relationships and the sheets themselves.
struct Workbook {
    struct Sheet {
        var name: String
        /// The part of the archive that holds its cells.
        var part: String
    }

    let sheets: [Sheet]
    private let path: String

    init(_ path: String) throws(ActivityFailure) {
        self.path = path
        let book = try Self.document("xl/workbook.xml", path)
        let relations = try Self.document("xl/_rels/workbook.xml.rels", path)
        var targets: [String: String] = [:]
        for relation in Self.elements(relations, ["Relationships", "Relationship"]) {
            guard let id = Self.text(relation, "Id"), let target = Self.text(relation, "Target") else { continue }
            targets[id] = target.hasPrefix("/") ? String(target.dropFirst()) : "xl/\(target)"
        }
        sheets = Self.elements(book, ["workbook", "sheets", "sheet"]).compactMap { sheet in
            guard let name = Self.text(sheet, "name") else { return nil }
            return Sheet(name: name, part: Self.text(sheet, "id").flatMap { targets[$0] } ?? "")
        }
    }

    /// The last row and column that hold anything, at least the cell a range begins with.
    ///
    /// - Throws: ``ActivityFailure`` for a sheet that is not there.
    func lastCell(of name: String?, from start: CellRange.Cell) throws(ActivityFailure) -> CellRange.Cell {
        let sheet = name.map { name in sheets.first { $0.name.lowercased() == name.lowercased() } } ?? sheets.first
        guard let sheet, !sheet.part.isEmpty else {
            throw ActivityFailure(
                "SheetNotFound",
                "the workbook has no sheet '\(name ?? "")'",
                hint: "it has: \(sheets.map(\.name).joined(separator: ", "))",
                isFinal: true
            )
        }
        var last = start
        let bytes = try Self.part(sheet.part, path)
        let mark = Array(" r=\"".utf8)
        var index = 0
        // Cells say where they are; a sheet is long, so its text is looked through and not made a tree.
        while let found = bytes[index...].firstRange(of: mark) {
            let end = bytes[found.upperBound...].firstIndex(of: UInt8(ascii: "\"")) ?? bytes.endIndex
            if let cell = CellRange.Cell(String(decoding: bytes[found.upperBound..<end], as: UTF8.self)) {
                last.column = max(last.column, cell.column)
                last.row = max(last.row, cell.row)
            }
            index = end
        }
        return last
    }

    // MARK: - Parts of the archive

    private static func part(_ name: String, _ path: String) throws(ActivityFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            try SourceWork.output(of: ["unzip", "-p", path, name], at: SourceLocation(file: path)) { bytes += $0 }
        } catch {
            throw ActivityFailure(
                "WorkbookUnreadable",
                "'\(name)' of the workbook '\(path)' cannot be read",
                hint: (error as? DuetError)?.hint ?? "check that it is an .xlsx file",
                isFinal: true
            )
        }
        return bytes
    }

    private static func document(_ name: String, _ path: String) throws(ActivityFailure) -> ExpressionValue {
        let text = String(decoding: try part(name, path), as: UTF8.self)
        do {
            return try XMLDocument.value(of: text)
        } catch {
            throw ActivityFailure(
                "WorkbookUnreadable",
                "'\(name)' of '\(path)' is no XML: \(error.message)",
                isFinal: true
            )
        }
    }

    /// Names within a workbook may carry any prefix.
    private static func member(_ value: ExpressionValue, _ name: String) -> ExpressionValue? {
        guard let object = value.objectValue else { return nil }
        let found = object.names.firstIndex { $0 == name || $0.hasSuffix(":" + name) }
        return found.map { object.values[$0] }
    }

    private static func elements(_ document: ExpressionValue, _ path: [String]) -> [ExpressionValue] {
        var value = document
        for name in path { value = member(value, name) ?? .null }
        if case .array(let values) = value { return values }
        return value.isNull ? [] : [value]
    }

    private static func text(_ element: ExpressionValue, _ attribute: String) -> String? {
        guard let object = element.objectValue else { return nil }
        let found = object.names.firstIndex {
            $0 == "@" + attribute || ($0.hasPrefix("@") && $0.hasSuffix(":" + attribute))
        }
        return found.flatMap { object.values[$0].stringValue }
    }
}

/// `A3`, `A3:H5`, `A3:A3`.
struct CellRange {
    struct Cell: Equatable {
        /// From 1.
        var column: Int
        /// From 1.
        var row: Int

        init?(_ text: some StringProtocol) {
            let letters = text.prefix { $0.isASCII && $0.isLetter }
            guard !letters.isEmpty, letters.count <= 3, let row = Int(text[letters.endIndex...]), row > 0 else {
                return nil
            }
            column = letters.uppercased().utf8.reduce(0) { $0 * 26 + Int($1) - 64 }
            self.row = row
        }

        var name: String {
            var letters = ""
            var rest = column
            while rest > 0 {
                letters = String(UnicodeScalar(UInt8(65 + (rest - 1) % 26))) + letters
                rest = (rest - 1) / 26
            }
            return letters + String(row)
        }
    }

    let start: Cell
    /// nil for a range that goes on.
    let end: Cell?

    init?(_ text: String) {
        let parts = text.replacingOccurrences(of: "$", with: "").split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let start = parts.first.flatMap({ Cell($0) }) else { return nil }
        self.start = start
        guard parts.count == 2 else {
            end = nil
            return
        }
        guard let end = Cell(parts[1]) else { return nil }
        self.end = end
    }
}
