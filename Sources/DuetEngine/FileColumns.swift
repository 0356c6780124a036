internal import DuckKit
internal import DuetPipeline
internal import Foundation

/// Whether files that are read together have the same columns.
///
/// DuckDB goes by the first file's and leaves out without a word what others have besides.
struct FileColumns {
    let source: Source
    let read: FileRead
    let options: ReadOptions
    let connection: Connection

    /// Refuses a file that has a column which the first one has not.
    ///
    /// Of csv files only those are asked about whose first lines are not those of a file before: to find the columns out
    /// takes DuckDB ten milliseconds a file, to read a line one hundredth of that.
    ///
    /// - Parameters:
    ///   - files: The files, in the order in which they are read.
    ///   - found: The columns of the first.
    /// - Throws: ``DuetError`` that names the file; ``DuckDBError`` when one cannot be read.
    func check(_ files: [LandedFile], found: [FileSchema.Column]) throws {
        guard let first = files.first, files.count > 1 else { return }
        let known = Set(found.map { $0.name.lowercased() })
        switch options.format {
        case .csv where !options.hasNoHeader:
            var seen: Set<Data> = []
            for (index, file) in files.enumerated() {
                if let head = try head(of: file), !seen.insert(head).inserted || index == 0 { continue }
                if index > 0 { try check(file, against: first, known) }
            }
        case .parquet:
            let all = try columns(of: files, unites: true)
            guard all.contains(where: { !known.contains($0.lowercased()) }) else { return }
            for file in files.dropFirst() { try check(file, against: first, known) }
        default: return
        }
    }

    private func check(_ file: LandedFile, against first: LandedFile, _ known: Set<String>) throws {
        let new = try columns(of: [file], unites: false).filter { !known.contains($0.lowercased()) }
        guard !new.isEmpty else { return }
        let names = new.map { "'\($0)'" }.joined(separator: ", ")
        throw DuetError(
            .badFormat,
            "'\(file.origin)' has \(names), which '\(first.origin)' has not",
            hint: "schemaEvolutionMode => 'addNewColumns' reads such columns too (other files' rows have NULL), 'none' "
                + "leaves them out",
            at: read.location
        )
    }

    private func columns(of files: [LandedFile], unites: Bool) throws -> [String] {
        try connection.describe("SELECT * FROM \(options.function(files.map(\.path), unites: unites))").map(\.name)
    }

    /// The lines of a csv file up to the one with its columns; nil where that cannot be told without reading it as csv.
    private func head(of file: LandedFile) throws -> Data? {
        let lines = options.linesBeforeColumns
        guard let lines, !file.path.hasSuffix(".gz"), !file.path.hasSuffix(".zst"),
            let handle = FileHandle(forReadingAtPath: file.path)
        else { return nil }
        defer { handle.closeFile() }
        let start = try handle.read(upToCount: 64 << 10) ?? Data()
        let end = start.contains(UInt8(ascii: "\n")) ? UInt8(ascii: "\n") : UInt8(ascii: "\r")
        var ends = 0
        for index in start.indices where start[index] == end {
            ends += 1
            if ends > lines { return start[..<index] }
        }
        return start.count < 64 << 10 ? start : nil
    }
}
