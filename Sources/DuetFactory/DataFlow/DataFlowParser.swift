extension DataFlowScript {
    /// Parses a script.
    ///
    /// - Throws: ``DataFlowError`` for the first thing that cannot be understood.
    public init(parsing text: String) throws(DataFlowError) {
        let units = Array(text.utf16)
        var parser = DataFlowParser(
            units: units,
            items: try DataFlowLexer.items(of: units, from: 0, to: units.count)
        )
        self.init(parameters: try parser.declarations(), steps: try parser.steps())
    }
}

extension DataFlowExpression {
    /// Parses one expression, such as a parameter's value.
    ///
    /// - Throws: ``DataFlowError``.
    public init(parsing text: String) throws(DataFlowError) {
        let units = Array(text.utf16)
        var parser = DataFlowParser(
            units: units,
            items: try DataFlowLexer.items(of: units, from: 0, to: units.count)
        )
        self = try parser.whole()
    }
}

/// Reads tokens as transformations and expressions.
struct DataFlowParser {
    let units: [UInt16]
    let items: [DataFlowLexer.Item]
    var index = 0
    private var depth = 0
    private static let deepest = 200

    init(units: [UInt16], items: [DataFlowLexer.Item]) {
        self.units = units
        self.items = items
    }

    // MARK: - Transformations

    /// `parameters{ name as type (default), … }` at the beginning.
    mutating func declarations() throws(DataFlowError) -> [DataFlowScript.Parameter] {
        // The braces make one quoted name of it, which is read anew.
        guard case .word("parameters", isQuoted: false) = token, index + 1 < items.count,
            case .word(_, isQuoted: true) = items[index + 1].token
        else { return [] }
        let start = items[index + 1].offset + 1
        index += 2
        let close = units[start..<items[index].offset].lastIndex(of: 0x7D) ?? start
        var inner = DataFlowParser(units: units, items: try DataFlowLexer.items(of: units, from: start, to: close))
        var parameters: [DataFlowScript.Parameter] = []
        while inner.token != .end {
            let name = try inner.name("a parameter's name")
            try inner.expect(word: "as")
            let type = try inner.type()
            var value: DataFlowExpression?
            if inner.take("(") {
                value = try inner.expression()
                try inner.expect(")")
            }
            parameters.append(.init(name: name, type: type, defaultValue: value))
            if !inner.take(",") { break }
        }
        guard inner.token == .end else { throw inner.unexpected("',' or the end of the parameters") }
        return parameters
    }

    mutating func steps() throws(DataFlowError) -> [DataFlowScript.Step] {
        var steps: [DataFlowScript.Step] = []
        while token != .end {
            if take(";") { continue }
            steps.append(try step())
        }
        return steps
    }

    private mutating func step() throws(DataFlowError) -> DataFlowScript.Step {
        var inputs: [String] = []
        // Words before the one with the parenthesis are streams.
        while true {
            guard case .word = token else { throw unexpected("a transformation, such as derive(…)") }
            if index + 1 < items.count, items[index + 1].token == .sign("("), inputs.isEmpty || lastWasStream { break }
            var stream = try name("a stream")
            if take("@") { stream += "@" + (try name("a branch")) }
            inputs.append(stream)
            lastWasStream = !take(",")
        }
        lastWasStream = false
        let offset = items[index].offset
        let kind = try name("a transformation").lowercased()
        try expect("(")
        let arguments = try arguments(until: ")")
        try expect("~>")
        let name = try name("the stream's name")
        var branches: [String] = []
        if take("@") {
            try expect("(")
            repeat { branches.append(try self.name("a branch")) } while take(",")
            try expect(")")
        }
        return .init(
            inputs: inputs,
            kind: kind,
            arguments: arguments,
            name: name,
            branches: branches,
            offset: offset
        )
    }

    private var lastWasStream = false

    // MARK: - Arguments

    mutating func arguments(until close: String) throws(DataFlowError) -> [DataFlowArgument] {
        var arguments: [DataFlowArgument] = []
        if take(close) { return [] }
        while true {
            arguments.append(try argument())
            if take(",") { continue }
            try expect(close)
            return arguments
        }
    }

    private mutating func argument() throws(DataFlowError) -> DataFlowArgument {
        if case .word(let name, _) = token {
            let next = items[index + 1].token
            if next == .sign(":") {
                index += 2
                return .property(name.lowercased(), try expression())
            }
            if next == .word("as", isQuoted: false) {
                index += 2
                return .typed(name, try type())
            }
        }
        let left = try expression()
        guard take("=") else { return .value(left) }
        let value = try expression()
        return take("?") ? .converted(left, value, try type()) : .assignment(left, value)
    }

    // MARK: - Types

    mutating func type() throws(DataFlowError) -> DataFlowType {
        var type: DataFlowType
        if take("(") {
            var fields: [DataFlowType.Field] = []
            if !take(")") {
                repeat {
                    let name = try name("a member's name")
                    try expect(word: "as")
                    fields.append(.init(name: name, type: try self.type()))
                } while take(",")
                try expect(")")
            }
            type = .structure(fields)
        } else if take("[") {
            let key = try self.type()
            try expect(",")
            type = .map(key, try self.type())
            try expect("]")
        } else {
            let name = try name("a type").lowercased()
            var numbers: [Int] = []
            if name == "decimal" || name == "any", take("(") {
                while case .integer(let number) = token {
                    numbers.append(Int(number))
                    index += 1
                    if !take(",") { break }
                }
                try expect(")")
            }
            type = .simple(name, numbers)
            if case .text(let format) = token {
                index += 1
                type = .formatted(type, format)
            }
        }
        while token == .sign("["), items[index + 1].token == .sign("]") {
            index += 2
            type = .array(type)
        }
        return type
    }

    // MARK: - Tokens

    var token: DataFlowLexer.Token { items[index].token }
    var offset: Int { items[index].offset }

    mutating func take(_ sign: String) -> Bool {
        guard token == .sign(sign) else { return false }
        index += 1
        return true
    }

    mutating func expect(_ sign: String) throws(DataFlowError) {
        if !take(sign) { throw unexpected("'\(sign)'") }
    }

    mutating func expect(word: String) throws(DataFlowError) {
        guard case .word(let found, isQuoted: false) = token, found.lowercased() == word else {
            throw unexpected("'\(word)'")
        }
        index += 1
    }

    mutating func name(_ what: String) throws(DataFlowError) -> String {
        guard case .word(let name, _) = token else { throw unexpected(what) }
        index += 1
        return name
    }

    func unexpected(_ wanted: String) -> DataFlowError {
        let found: String =
            switch token {
            case .word(let name, _): "'\(name)'"
            case .text(let text): "the text '\(text.prefix(40))'"
            case .template: "text in double quotes"
            case .integer(let number): "\(number)"
            case .number(let text): text
            case .sign(let sign): "'\(sign)'"
            case .end: "the end of the script"
            }
        return DataFlowError("expected \(wanted), found \(found)", at: offset)
    }

    /// Guards the recursion: a script may come from anywhere.
    mutating func nested<T>(_ body: (inout DataFlowParser) throws(DataFlowError) -> T) throws(DataFlowError) -> T {
        guard depth < Self.deepest else {
            throw DataFlowError("the expression is nested deeper than \(Self.deepest) levels", at: offset)
        }
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }
}
