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
    private var joins = false

    static func query(
        tokens: ArraySlice<SQLToken>,
        file: SourceFile,
        parameters: Parameters,
        prefix: String = ""
    ) throws(DuetError) -> Query {
        var reader = QueryReader(file: file, parameters: parameters, start: tokens.first?.range.lowerBound ?? 0)
        reader.text.insert(prefix, for: reader.copied)
        let range = (tokens.first?.range.lowerBound ?? 0)..<(tokens.last?.range.upperBound ?? 0)
        reader.usesMetadata = tokens.contains { $0.kind == .word && $0.text.lowercased() == "_metadata" }
        reader.joins = tokens.contains { $0.isWord("JOIN") }
        try reader.read(tokens)
        reader.copy(upTo: range.upperBound)
        return Query(
            text: reader.text,
            streamOffsets: reader.streamOffsets,
            fileReads: reader.fileReads,
            original: String(decoding: file.bytes[range], as: UTF8.self)
        )
    }

    private init(file: SourceFile, parameters: Parameters, start: Int) {
        self.file = file
        self.parameters = parameters
        text = MappedText(file: file)
        copied = start
    }

    private mutating func read(_ tokens: ArraySlice<SQLToken>) throws(DuetError) {
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
                index = try fileRead(at: index, in: tokens, isStream: false)
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

    private mutating func plain(_ token: SQLToken) throws(DuetError) {
        switch token.kind {
        case .quotedName where token.text.hasPrefix("`"):
            let name = token.unquoted.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
            replace(token.range, by: "\"\(name)\"")
        case .parameter:
            replace(token.range, by: try filled(token))
        case .string where token.text.contains("${"):
            replace(token.range, by: try filled(token))
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
            return try relation(at: index + 1, in: tokens)
        }
        guard index + 2 < tokens.endIndex else { return nil }
        skip(tokens[index].range.lowerBound..<tokens[index + 2].range.lowerBound)
        let end = try relation(at: index + 2, in: tokens)
        guard end < tokens.endIndex, tokens[end].isSymbol(")") else {
            let place = end < tokens.endIndex ? tokens[end] : tokens[index]
            throw error("expected ')' after the relation in STREAM(...)", at: place)
        }
        replace(tokens[end].range, by: " ")
        return end + 1
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
            && index + 1 < tokens.endIndex && tokens[index + 1].isSymbol("(")
    }

    private mutating func fileRead(
        at start: Int,
        in tokens: ArraySlice<SQLToken>,
        isStream: Bool
    ) throws(DuetError) -> Int {
        var arguments = TokenReader(file: file, tokens: Array(tokens[(start + 1)...]))
        let inner = try arguments.bracketed("after '\(tokens[start].text)'")
        let end = start + 1 + arguments.index
        var reader = TokenReader(file: file, tokens: Array(inner))
        guard let first = reader.current, first.kind == .string else {
            let found = reader.current ?? tokens[end - 1]
            throw error(
                "expected '${source.name}' as the first argument of read_files, found '\(found.text)'",
                at: found
            )
        }
        let source = try Self.sourceName(first, file: file)
        reader.advance()
        var options: [ReadOption] = []
        while reader.take(symbol: ",") {
            let nameToken = reader.current
            let name = try reader.name("option's name")
            try reader.expect(symbol: "=>", "after the option '\(name)'")
            guard let value = reader.current, [.string, .number, .word].contains(value.kind) else {
                throw reader.unexpected("a value for the option '\(name)'")
            }
            let text =
                value.kind == .string
                ? try parameters.fill(value.unquoted) { file.location(at: value.range.lowerBound + 1 + $0) }
                : value.text
            options.append(ReadOption(name: name.lowercased(), value: text, location: reader.location(nameToken)))
            reader.advance()
        }
        guard reader.isAtEnd else { throw reader.unexpected("',' or ')'") }
        let relation = "files:\(source)" + (fileReads.isEmpty ? "" : ":\(fileReads.count + 1)")
        fileReads.append(
            FileRead(
                relation: relation,
                source: source,
                options: options,
                isStream: isStream,
                usesMetadata: usesMetadata,
                location: file.location(at: tokens[start].range.lowerBound)
            )
        )
        let last = tokens[end - 1]
        copy(upTo: tokens[start].range.lowerBound)
        if isStream { streamOffsets.append(text.text.utf8.count) }
        replace(tokens[start].range.lowerBound..<last.range.upperBound, by: "\"\(relation)\"")
        return end
    }

    private static func sourceName(_ token: SQLToken, file: SourceFile) throws(DuetError) -> String {
        let text = token.unquoted
        guard text.hasPrefix("${source."), text.hasSuffix("}") else {
            throw DuetError(
                .unsupported,
                "read_files reads '\(text)', which is not a declared source",
                hint: "declare it in pipeline.yml under 'sources:' and write read_files('${source.name}')",
                at: file.location(at: token.range.lowerBound)
            )
        }
        return String(text.dropFirst("${source.".count).dropLast())
    }

    private mutating func copy(upTo offset: Int) {
        if copied < offset { text.copy(copied..<offset) }
        copied = max(copied, offset)
    }

    private mutating func replace(_ range: Range<Int>, by replacement: String) {
        copy(upTo: range.lowerBound)
        text.insert(replacement, for: range.lowerBound)
        copied = range.upperBound
    }

    private mutating func skip(_ range: Range<Int>) {
        copy(upTo: range.lowerBound)
        copied = range.upperBound
    }

    private func error(_ message: String, at token: SQLToken) -> DuetError {
        let location = file.location(at: token.range.lowerBound)
        return DuetError(.sqlSyntax, message, at: location, excerpt: file.line(location.line))
    }
}
