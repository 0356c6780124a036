/// One `read_files(...)`, `cloud_files(...)` or ``json.`path` `` as a query writes it.
struct FileCall {
    /// The source's name in pipeline.yml; for a path, the path itself.
    let source: String
    /// The path, when the call names one.
    let path: String?
    private(set) var options: [ReadOption] = []
    /// The index behind the call.
    let end: Int

    private let file: SourceFile
    private let parameters: Parameters

    init(
        at start: Int,
        in tokens: ArraySlice<SQLToken>,
        file: SourceFile,
        parameters: Parameters
    ) throws(DuetError) {
        self.file = file
        self.parameters = parameters
        let place = file.location(at: tokens[start].range.lowerBound)
        if tokens[start + 1].isSymbol(".") {
            let address = tokens[start + 2]
            path = try parameters.fill(address.unquoted) { file.location(at: address.range.lowerBound + 1 + $0) }
            source = path ?? ""
            end = start + 3
            options = [ReadOption(name: "format", value: tokens[start].text.lowercased(), location: place)]
            return
        }
        var arguments = TokenReader(file: file, tokens: Array(tokens[(start + 1)...]))
        let inner = try arguments.bracketed("after '\(tokens[start].text)'")
        end = start + 1 + arguments.index
        var reader = TokenReader(file: file, tokens: Array(inner))
        guard let first = reader.current,
            first.kind == .string || first.kind == .parameter
                || first.kind == .quotedName && first.text.hasPrefix("\"")
        else {
            let found = reader.current ?? tokens[end - 1]
            throw reader.error(
                .sqlSyntax,
                "expected '${source.name}' or a path as the first argument of read_files, found '\(found.text)'",
                at: found
            )
        }
        reader.advance()
        let text = first.unquoted
        if text.hasPrefix("${source."), text.hasSuffix("}"), !text.dropFirst(2).contains("${") {
            source = String(text.dropFirst("${source.".count).dropLast())
            path = nil
        } else {
            let filled = try parameters.fill(text) { file.location(at: first.range.lowerBound + 1 + $0) }
            source = filled
            path = filled
        }
        try readOptions(&reader)
    }

    /// Asks for `_rescued_data`, unless the call says what that column is called.
    mutating func rescue(at place: SourceLocation) {
        guard !options.contains(where: { $0.name == "rescueddatacolumn" }) else { return }
        options.append(ReadOption(name: "rescueddatacolumn", value: "_rescued_data", location: place))
    }

    private mutating func readOptions(_ reader: inout TokenReader) throws(DuetError) {
        while reader.take(symbol: ",") {
            let nameToken = reader.current
            // cloud_files('path', 'format', map('option', 'value', ...)), the older form.
            if let token = nameToken, Self.isText(token), reader.peek()?.isSymbol("=>") != true {
                add("format", try value(token), at: token)
                reader.advance()
                continue
            }
            if reader.current?.isWord("MAP") == true, reader.peek()?.isSymbol("(") == true {
                reader.advance()
                let pairs = StatementParser.items(try reader.bracketed("after map")).compactMap(\.first)
                for index in stride(from: 0, to: pairs.count - 1, by: 2) {
                    add(pairs[index].unquoted, try value(pairs[index + 1]), at: pairs[index])
                }
                continue
            }
            let name = try reader.name("option's name")
            try reader.expect(symbol: "=>", "after the option '\(name)'")
            guard let token = reader.current, Self.isText(token) || [.number, .word].contains(token.kind) else {
                throw reader.unexpected("a value for the option '\(name)'")
            }
            add(name, try value(token), at: nameToken ?? token)
            reader.advance()
        }
        guard reader.isAtEnd else { throw reader.unexpected("',' or ')'") }
    }

    private mutating func add(_ name: String, _ value: String, at token: SQLToken) {
        let lower = name.lowercased()
        let plain = lower.hasPrefix("cloudfiles.") ? String(lower.dropFirst("cloudfiles.".count)) : lower
        options.append(
            ReadOption(name: plain, value: value, location: file.location(at: token.range.lowerBound))
        )
    }

    private func value(_ token: SQLToken) throws(DuetError) -> String {
        guard token.kind == .string || token.kind == .quotedName else { return token.text }
        return try parameters.fill(token.unquoted) { file.location(at: token.range.lowerBound + 1 + $0) }
    }

    private static func isText(_ token: SQLToken) -> Bool {
        token.kind == .string || token.kind == .quotedName && token.text.hasPrefix("\"")
    }
}
