/// Turns the tokens of a query into text for DuckDB: fills parameters in, takes `STREAM`, `LIVE.` and `read_files` out and
/// notes where they were.
struct QueryReader {
    let file: SourceFile
    let parameters: Parameters
    private var text: MappedText
    private var streamOffsets: [Int] = []
    private var fileReads: [FileRead] = []
    private var copied = 0
    private var usesMetadata = false
    private var usesRowNumber = false
    private var joins = false
    /// Whether the statement names `_rescued_data`, which the files it reads then have.
    private var namesRescued = false
    private var notes: [DuetError] = []
    /// Whether files are read as a stream without the word, as snapshots are.
    private var streamsFiles = false

    static func query(
        tokens: ArraySlice<SQLToken>,
        file: SourceFile,
        parameters: Parameters,
        prefix: String = "",
        streamsFiles: Bool = false,
        namesRescued: Bool = false
    ) throws(DuetError) -> Query {
        var reader = QueryReader(file: file, parameters: parameters, start: tokens.first?.range.lowerBound ?? 0)
        reader.streamsFiles = streamsFiles
        reader.namesRescued = namesRescued || tokens.contains(where: isRescued)
        reader.text.insert(prefix, for: reader.copied)
        let range = (tokens.first?.range.lowerBound ?? 0)..<(tokens.last?.range.upperBound ?? 0)
        reader.usesMetadata = tokens.contains {
            $0.kind == .word && ["_metadata", "input_file_name"].contains($0.text.lowercased())
        }
        reader.usesRowNumber =
            reader.usesMetadata && tokens.contains { $0.kind == .word && $0.text.lowercased() == "row_number" }
        reader.joins = tokens.contains { $0.isWord("JOIN") }
        try reader.read(tokens)
        reader.copy(upTo: range.upperBound)
        return Query(
            text: reader.text,
            streamOffsets: reader.streamOffsets,
            fileReads: reader.fileReads,
            original: String(decoding: file.bytes[range], as: UTF8.self),
            notes: reader.notes
        )
    }

    private init(file: SourceFile, parameters: Parameters, start: Int) {
        self.file = file
        self.parameters = parameters
        text = MappedText(file: file)
        copied = start
    }

    mutating func read(_ tokens: ArraySlice<SQLToken>) throws(DuetError) {
        var index = tokens.startIndex
        while index < tokens.endIndex {
            let token = tokens[index]
            if let end = try stream(at: index, in: tokens) {
                index = end
            } else if token.isWord("LIVE"), index + 1 < tokens.endIndex, tokens[index + 1].isSymbol(".") {
                // `LIVE.name` is the older way to say: a dataset of this pipeline.
                skip(tokens[index].range.lowerBound..<tokens[index + 1].range.upperBound)
                index += 2
            } else if isFileRead(at: index, in: tokens) {
                // cloud_files, the older form, is always a stream.
                let isStream = streamsFiles || token.isWord("CLOUD_FILES")
                index = try fileRead(at: index, in: tokens, isStream: isStream)
            } else if let end = try sparkForm(at: index, in: tokens) {
                index = end
            } else if let end = try spelling(at: index, in: tokens) {
                index = end
            } else if let end = star(at: index, in: tokens) {
                index = end
            } else {
                try plain(token)
                index += 1
            }
        }
    }

    /// Reads `*` and `* EXCEPT (...)`: DuckDB says EXCLUDE, and has no columns that a star leaves out by themselves.
    private mutating func star(at index: Int, in tokens: ArraySlice<SQLToken>) -> Int? {
        guard tokens[index].isSymbol("*"), index > tokens.startIndex else { return nil }
        let before = tokens[index - 1]
        let isQualified = before.isSymbol(".")
        guard before.isWord("SELECT") || before.isWord("DISTINCT") || before.isSymbol(",") || isQualified else {
            return nil
        }
        let hidden = usesMetadata && !(isQualified && joins)
        let next = index + 1
        if next + 1 < tokens.endIndex, tokens[next].isWord("EXCEPT") || tokens[next].isWord("EXCLUDE"),
            tokens[next + 1].isSymbol("("), tokens.indices.contains(next + 2), !tokens[next + 2].isWord("SELECT")
        {
            replace(tokens[next].range, by: "EXCLUDE")
            if hidden { replace(tokens[next + 1].range, by: "(_metadata, ") }
            return next + 2
        }
        if hidden { replace(tokens[index].range, by: "* EXCLUDE (_metadata)") }
        return hidden ? next : nil
    }

    mutating func plain(_ token: SQLToken) throws(DuetError) {
        switch token.kind {
        case .quotedName where token.text.hasPrefix("`"):
            let name = token.unquoted.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
            replace(token.range, by: "\"\(name)\"")
        case .parameter:
            replace(token.range, by: try filled(token))
        case .string where token.text.contains("${"):
            replace(token.range, by: try filled(token))
        case .quotedName where token.text == "\"\"":
            // No name is empty: this can only be Spark's empty text.
            replace(token.range, by: "''")
        default: break
        }
    }

    private func filled(_ token: SQLToken) throws(DuetError) -> String {
        try parameters.fill(token.text) { file.location(at: token.range.lowerBound + $0) }
    }

    /// Reads `STREAM x`, `STREAM(x)` and `STREAM read_files(...)`; gives the index behind it, or nil if none is here.
    private mutating func stream(at index: Int, in tokens: ArraySlice<SQLToken>) throws(DuetError) -> Int? {
        guard tokens[index].isWord("STREAM"), index + 1 < tokens.endIndex, index > tokens.startIndex else { return nil }
        // Only where a relation may stand; a column may well be called stream.
        let before = tokens[index - 1]
        guard before.isWord("FROM") || before.isWord("JOIN") || before.isSymbol(",") || before.isSymbol("(") else {
            return nil
        }
        let next = tokens[index + 1]
        guard next.isSymbol("(") else {
            guard next.kind == .word || next.kind == .quotedName, !next.isWord("AS") else { return nil }
            skip(tokens[index].range.lowerBound..<next.range.lowerBound)
            return try watermark(at: try relation(at: index + 1, in: tokens), in: tokens)
        }
        guard index + 2 < tokens.endIndex else { return nil }
        skip(tokens[index].range.lowerBound..<tokens[index + 2].range.lowerBound)
        let end = try relation(at: index + 2, in: tokens)
        guard end < tokens.endIndex, tokens[end].isSymbol(")") else {
            let place = end < tokens.endIndex ? tokens[end] : tokens[index]
            throw error("expected ')' after the relation in STREAM(...)", at: place)
        }
        replace(tokens[end].range, by: " ")
        return try watermark(at: end + 1, in: tokens)
    }

    /// Reads `WATERMARK column DELAY OF INTERVAL ...` behind a stream.
    private mutating func watermark(at start: Int, in tokens: ArraySlice<SQLToken>) throws(DuetError) -> Int {
        let index = try streamOptions(at: start, in: tokens)
        guard index < tokens.endIndex, tokens[index].isWord("WATERMARK") else { return index }
        var end = index + 1
        while end < tokens.endIndex, !tokens[end].isWord("INTERVAL") { end += 1 }
        guard end + 2 < tokens.endIndex || end + 2 == tokens.endIndex else {
            throw error("expected WATERMARK column DELAY OF INTERVAL 10 MINUTES", at: tokens[index])
        }
        end += 2
        // The unit stands apart from the number unless both are in quotes.
        if tokens[end - 1].kind == .number, end < tokens.endIndex { end += 1 }
        skip(tokens[index].range.lowerBound..<tokens[end - 1].range.upperBound)
        let place = file.location(at: tokens[index].range.lowerBound)
        notes.append(
            DuetError(
                .unsupported,
                "the watermark has no effect: what groups and joins need is kept, so late rows count as if they had come "
                    + "in time",
                at: place,
                excerpt: file.line(place.line)
            )
        )
        return end
    }

    /// Reads `WITH (SKIPCHANGECOMMITS)` or `WITH ('skipChangeCommits' = 'true')` behind a stream.
    private mutating func streamOptions(at index: Int, in tokens: ArraySlice<SQLToken>) throws(DuetError) -> Int {
        guard index + 1 < tokens.endIndex, tokens[index].isWord("WITH"), tokens[index + 1].isSymbol("(") else {
            return index
        }
        var reader = TokenReader(file: file, tokens: Array(tokens[(index + 1)...]))
        for option in StatementParser.items(try reader.bracketed("after WITH")) {
            guard let name = option.first, name.unquoted.lowercased() == "skipchangecommits" else {
                throw error(
                    "a stream has no option '\(option.first?.unquoted ?? "")'; SKIPCHANGECOMMITS is one",
                    at: option.first
                )
            }
        }
        let end = index + 1 + reader.index
        skip(tokens[index].range.lowerBound..<tokens[end - 1].range.upperBound)
        note(
            "SKIPCHANGECOMMITS has no effect: a row that is changed or deleted where it is read from is so here too",
            at: tokens[index]
        )
        return end
    }

    /// Reads a relation's name, or a `read_files` call, as a stream; gives the index behind it.
    private mutating func relation(at start: Int, in tokens: ArraySlice<SQLToken>) throws(DuetError) -> Int {
        var index = start
        if isFileRead(at: index, in: tokens) { return try fileRead(at: index, in: tokens, isStream: true) }
        if tokens[index].isWord("LIVE"), index + 1 < tokens.endIndex, tokens[index + 1].isSymbol(".") {
            skip(tokens[index].range.lowerBound..<tokens[index + 1].range.upperBound)
            index += 2
        }
        guard index < tokens.endIndex, tokens[index].kind == .word || tokens[index].kind == .quotedName else {
            throw error("expected the name of a streaming table, or read_files(...), after STREAM", at: tokens[start])
        }
        copy(upTo: tokens[index].range.lowerBound)
        streamOffsets.append(text.text.utf8.count)
        try plain(tokens[index])
        index += 1
        while index + 1 < tokens.endIndex, tokens[index].isSymbol(".") {
            try plain(tokens[index + 1])
            index += 2
        }
        return index
    }

    private func isFileRead(at index: Int, in tokens: ArraySlice<SQLToken>) -> Bool {
        (tokens[index].isWord("READ_FILES") || tokens[index].isWord("CLOUD_FILES"))
            && index + 1 < tokens.endIndex && tokens[index + 1].isSymbol("(") || isPathRead(at: index, in: tokens)
    }

    /// Whether here stands ``json.`path` ``, Spark's other way to name files.
    private func isPathRead(at index: Int, in tokens: ArraySlice<SQLToken>) -> Bool {
        guard tokens[index].kind == .word, index + 2 < tokens.endIndex, index > tokens.startIndex else { return false }
        let before = tokens[index - 1]
        return FileFormat(rawValue: tokens[index].text.lowercased()) != nil && tokens[index + 1].isSymbol(".")
            && tokens[index + 2].text.hasPrefix("`") && tokens[index + 2].text.contains("/")
            && (before.isWord("FROM") || before.isWord("JOIN") || before.isWord("STREAM") || before.isSymbol("("))
    }

    private mutating func fileRead(
        at start: Int,
        in tokens: ArraySlice<SQLToken>,
        isStream: Bool
    ) throws(DuetError) -> Int {
        var call = try FileCall(at: start, in: tokens, file: file, parameters: parameters)
        if namesRescued { call.rescue(at: file.location(at: tokens[start].range.lowerBound)) }
        let relation = "files:\(call.source)" + (fileReads.isEmpty ? "" : ":\(fileReads.count + 1)")
        fileReads.append(
            FileRead(
                relation: relation,
                source: call.source,
                options: call.options,
                isStream: isStream,
                usesMetadata: usesMetadata,
                usesRowNumber: usesRowNumber,
                path: call.path,
                location: file.location(at: tokens[start].range.lowerBound)
            )
        )
        let last = tokens[call.end - 1]
        copy(upTo: tokens[start].range.lowerBound)
        if isStream { streamOffsets.append(text.text.utf8.count) }
        replace(tokens[start].range.lowerBound..<last.range.upperBound, by: "\"\(Self.doubled(relation))\"")
        return call.end
    }

    private static func doubled(_ name: String) -> String {
        name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
    }

    /// Whether a token names the column of what does not fit, as the service calls it.
    static func isRescued(_ token: SQLToken) -> Bool {
        (token.kind == .word || token.kind == .quotedName) && token.unquoted.lowercased() == "_rescued_data"
    }

    mutating func copy(upTo offset: Int) {
        if copied < offset { text.copy(copied..<offset) }
        copied = max(copied, offset)
    }

    mutating func replace(_ range: Range<Int>, by replacement: String) {
        copy(upTo: range.lowerBound)
        text.insert(replacement, for: range.lowerBound)
        copied = range.upperBound
    }

    /// Puts text before some tokens.
    mutating func insert(_ piece: String, before tokens: ArraySlice<SQLToken>) {
        guard let first = tokens.first else { return }
        copy(upTo: first.range.lowerBound)
        text.insert(piece, for: first.range.lowerBound)
    }

    /// Puts text behind a token that has been read.
    mutating func insert(_ piece: String, behind token: SQLToken) {
        text.insert(piece, for: max(token.range.upperBound - 1, 0))
    }

    /// Takes a name over, its back-quotes as DuckDB's quotes.
    mutating func plainName(_ token: SQLToken) {
        guard token.kind == .quotedName, token.text.hasPrefix("`") else { return copy(upTo: token.range.upperBound) }
        replace(token.range, by: "\"\(Self.doubled(token.unquoted))\"")
    }

    /// Reads some tokens apart; nil when files or streams are read among them, which must be noted where they stand.
    mutating func part(_ tokens: ArraySlice<SQLToken>) throws(DuetError) -> MappedText? {
        var reader = QueryReader(file: file, parameters: parameters, start: tokens.first?.range.lowerBound ?? 0)
        reader.usesMetadata = usesMetadata
        reader.joins = joins
        try reader.read(tokens)
        reader.copy(upTo: tokens.last?.range.upperBound ?? 0)
        guard reader.streamOffsets.isEmpty, reader.fileReads.isEmpty else { return nil }
        notes += reader.notes
        return reader.text
    }

    /// Puts a template for a piece of the query, in which `$1`, `$2` stand for other pieces.
    mutating func replace(_ range: Range<Int>, by template: String, with parts: [MappedText]) {
        copy(upTo: range.lowerBound)
        var rest = Substring(template)
        while let dollar = rest.firstIndex(of: "$") {
            let digits = rest[rest.index(after: dollar)...].prefix { $0.isNumber }
            text.insert(String(rest[..<dollar]), for: range.lowerBound)
            if let number = Int(digits), parts.indices.contains(number - 1) { text.append(parts[number - 1]) }
            rest = rest[digits.endIndex...]
        }
        text.insert(String(rest), for: range.lowerBound)
        copied = range.upperBound
    }

    mutating func skip(_ range: Range<Int>) {
        copy(upTo: range.lowerBound)
        copied = range.upperBound
    }

    /// Tells the user something about a place without stopping.
    mutating func note(_ message: String, at token: SQLToken) {
        let place = file.location(at: token.range.lowerBound)
        notes.append(DuetError(.unsupported, message, at: place, excerpt: file.line(place.line)))
    }

    func error(_ message: String, at token: SQLToken?) -> DuetError {
        let location = file.location(at: token?.range.lowerBound ?? 0)
        return DuetError(.sqlSyntax, message, at: location, excerpt: file.line(location.line))
    }
}
