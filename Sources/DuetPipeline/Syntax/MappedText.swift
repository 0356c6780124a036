/// Text that was made from a file's text by replacing pieces of it, and that still knows where each byte came from.
///
/// Queries reach DuckDB with parameters filled in and duet's own words taken out; an error's position in that text has
/// to become a line and column of the file the user wrote.
public struct MappedText: Sendable, Hashable {
    /// The text.
    public private(set) var text = ""
    /// The file it came from.
    public let file: SourceFile
    private var length = 0
    private var pieces: [Piece] = []

    private struct Piece: Hashable {
        var start: Int
        var origin: Int
        var isCopy: Bool
    }

    /// Starts with no text.
    public init(file: SourceFile) { self.file = file }

    /// Appends a piece of the file as it stands.
    public mutating func copy(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        pieces.append(Piece(start: length, origin: range.lowerBound, isCopy: true))
        text += String(decoding: file.bytes[range], as: UTF8.self)
        length += range.count
    }

    /// Appends other text that stands for the file's text at an offset.
    public mutating func insert(_ replacement: String, for offset: Int) {
        guard !replacement.isEmpty else { return }
        pieces.append(Piece(start: length, origin: offset, isCopy: false))
        text += replacement
        length += replacement.utf8.count
    }

    /// Appends text that was made from the same file and keeps its places.
    public mutating func append(_ other: MappedText) {
        pieces += other.pieces.map { Piece(start: $0.start + length, origin: $0.origin, isCopy: $0.isCopy) }
        text += other.text
        length += other.length
    }

    /// Other text that stands for all of this one's.
    public func replaced(by replacement: String) -> MappedText {
        var result = MappedText(file: file)
        result.insert(replacement, for: origin(of: 0))
        return result
    }

    /// The offset in the file of an offset in ``text``, both in UTF-8.
    public func origin(of offset: Int) -> Int {
        guard let piece = pieces.last(where: { $0.start <= offset }) else { return pieces.first?.origin ?? 0 }
        return piece.isCopy ? piece.origin + offset - piece.start : piece.origin
    }

    /// The line and column of an offset in ``text``.
    public func location(at offset: Int) -> SourceLocation { file.location(at: origin(of: offset)) }

    /// An error about a place in ``text``, told in terms of the file.
    public func error(
        _ code: DuetError.Code,
        _ message: String,
        hint: String? = nil,
        at offset: Int,
        cause: String? = nil
    ) -> DuetError {
        let location = location(at: offset)
        return DuetError(
            code,
            message,
            hint: hint,
            at: location,
            excerpt: file.line(location.line),
            cause: cause
        )
    }
}
