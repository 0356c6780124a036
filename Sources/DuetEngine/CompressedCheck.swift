internal import DuetPipeline
internal import Foundation

/// Finds compressed files that end too early or are damaged, before their rows are read.
///
/// DuckDB reads what it can of such a file and says nothing: half of a gzip file comes as half of its rows.
enum CompressedCheck {
    /// How many files a process is given at once.
    private static let batch = 200

    /// Checks files.
    ///
    /// - Parameters:
    ///   - files: Files, compressed or not.
    ///   - source: Where they are from.
    /// - Throws: ``DuetError`` when one of them is not whole.
    static func check(_ files: [LandedFile], source: Source) throws {
        for file in files where file.path.hasSuffix(".zst") { try checkFrames(of: file, source) }
        let zipped = files.filter { $0.path.hasSuffix(".gz") }
        for start in stride(from: 0, to: zipped.count, by: batch) {
            try checkGzip(Array(zipped[start..<min(start + batch, zipped.count)]), source)
        }
    }

    // MARK: - gzip

    /// A gzip file tells its length and sum at its end only, so it has to be unpacked.
    private static func checkGzip(_ files: [LandedFile], _ source: Source) throws {
        do {
            // The status 2 is a warning: bytes behind the end, which DuckDB leaves out too.
            try SourceWork.output(
                of: ["gzip", "-tq"] + files.map(\.path),
                accepting: [0, 2],
                at: source.location
            ) { _ in }
        } catch let error as DuetError where error.code == .badFormat {
            guard files.count == 1, let file = files.first else {
                for file in files { try checkGzip([file], source) }
                throw error
            }
            throw damaged(file, error, source)
        }
    }

    // MARK: - Zstandard

    /// The blocks of a Zstandard file tell their lengths, so what is missing is found without unpacking (RFC 8878, 3.1).
    ///
    /// What is in them is checked by its sum when it is read.
    private static func checkFrames(of file: LandedFile, _ source: Source) throws {
        guard let handle = FileHandle(forReadingAtPath: file.path) else { return }
        defer { handle.closeFile() }
        let end = try handle.seekToEnd()
        var offset: UInt64 = 0
        /// The next bytes as a little-endian number; nil where the file ends.
        func take(_ count: Int) throws -> UInt64? {
            guard offset + UInt64(count) <= end else { return nil }
            try handle.seek(toOffset: offset)
            guard let bytes = try handle.read(upToCount: count), bytes.count == count else { return nil }
            offset += UInt64(count)
            return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        let early = damaged(file, "it ends too early", source)
        while offset < end {
            guard let magic = try take(4) else { throw early }
            if magic & 0xFFFF_FFF0 == 0x184D_2A50 {
                guard let size = try take(4), offset + size <= end else { throw early }
                offset += size
                continue
            }
            // Bytes that are no frame are for DuckDB to refuse.
            guard magic == 0xFD2F_B528 else { return }
            guard let descriptor = try take(1) else { throw early }
            let isSingle = descriptor & 0x20 != 0
            let dictionary: [UInt64] = [0, 1, 2, 4]
            let content: [UInt64] = [isSingle ? 1 : 0, 2, 4, 8]
            offset += (isSingle ? 0 : 1) + dictionary[Int(descriptor & 3)] + content[Int(descriptor >> 6)]
            var isLast = false
            while !isLast {
                guard let header = try take(3) else { throw early }
                isLast = header & 1 == 1
                offset += header >> 1 & 3 == 1 ? 1 : header >> 3
                if offset > end { throw early }
            }
            if descriptor & 4 != 0 { offset += 4 }
            if offset > end { throw early }
        }
    }

    /// What a tool says of a file, as an error that names the file.
    static func damaged(_ file: LandedFile, _ error: DuetError, _ source: Source) -> DuetError {
        let said = error.cause.flatMap { $0.split(separator: ": ").last.map(String.init) } ?? error.message
        let isEarly = said.hasPrefix("unexpected end") || said.hasPrefix("premature end")
        return damaged(file, isEarly ? "it ends too early" : said, source)
    }

    private static func damaged(_ file: LandedFile, _ what: String, _ source: Source) -> DuetError {
        DuetError(
            .badFormat,
            "source '\(source.name)': the compressed file '\(file.origin)' is damaged: \(what)",
            hint: "copy it again; one that is written under a name beginning with '.' and then renamed is never read "
                + "half",
            at: source.location
        )
    }
}
