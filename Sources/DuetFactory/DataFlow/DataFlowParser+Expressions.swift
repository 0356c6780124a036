extension DataFlowParser {
    /// One expression and nothing behind it.
    mutating func whole() throws(DataFlowError) -> DataFlowExpression {
        let expression = try expression()
        guard token == .end else { throw unexpected("the end of the expression") }
        return expression
    }

    mutating func expression() throws(DataFlowError) -> DataFlowExpression {
        try nested { parser throws(DataFlowError) in try parser.binary(0) }
    }

    /// The operators from the loosest to the tightest.
    private static let levels: [[String]] = [
        ["->"], ["||"], ["&&"], ["==", "===", "!=", "<>", "<=>"], ["<", "<=", ">", ">="], ["+", "-"], ["*", "/", "%"],
        ["^"],
    ]

    private mutating func binary(_ level: Int) throws(DataFlowError) -> DataFlowExpression {
        guard level < Self.levels.count else { return try unary() }
        var left = try binary(level + 1)
        while case .sign(let sign) = token, Self.levels[level].contains(sign) {
            let offset = offset
            index += 1
            left = DataFlowExpression(kind: .binary(sign, left, try binary(level + 1)), offset: offset)
        }
        return left
    }

    private mutating func unary() throws(DataFlowError) -> DataFlowExpression {
        let offset = offset
        for sign in ["!", "-"] where take(sign) {
            let inner = try nested { parser throws(DataFlowError) in try parser.unary() }
            return DataFlowExpression(kind: .unary(sign, inner), offset: offset)
        }
        if take("+") { return try nested { parser throws(DataFlowError) in try parser.unary() } }
        return try selected()
    }

    private mutating func selected() throws(DataFlowError) -> DataFlowExpression {
        var value = try primary()
        while true {
            let offset = offset
            if take(".") {
                value = DataFlowExpression(kind: .member(value, try name("a member's name")), offset: offset)
            } else if take("[") {
                value = DataFlowExpression(kind: .index(value, try expression()), offset: offset)
                try expect("]")
            } else {
                return value
            }
        }
    }

    private mutating func primary() throws(DataFlowError) -> DataFlowExpression {
        let offset = offset
        func made(_ kind: DataFlowExpression.Kind) -> DataFlowExpression { .init(kind: kind, offset: offset) }
        switch token {
        case .text(let text):
            index += 1
            return made(.text(text))
        case .integer(let number):
            index += 1
            return made(.integer(number))
        case .number(let text):
            index += 1
            return made(.number(text))
        case .template(let content, let start):
            index += 1
            return made(.interpolation(try interpolation(content, start)))
        case .word(let name, let isQuoted): return try word(name, isQuoted, offset)
        case .sign("$$"):
            index += 1
            return made(.matched(nil))
        case .sign("$"):
            index += 1
            if case .integer(let number) = token {
                index += 1
                return made(.matched(Int(number)))
            }
            return made(.parameter(try name("a parameter's name")))
        case .sign("#"):
            index += 1
            return made(.local(try name("item, acc, result or index").lowercased()))
        case .sign("("):
            index += 1
            let inner = try expression()
            try expect(")")
            return inner
        case .sign("["):
            index += 1
            var elements: [DataFlowExpression] = []
            if !take("]") {
                repeat { elements.append(try expression()) } while take(",")
                try expect("]")
            }
            return made(.array(elements))
        case .sign("@"):
            index += 1
            try expect("(")
            return made(.structure(try members()))
        default: throw unexpected("an expression")
        }
    }

    private mutating func word(
        _ name: String,
        _ isQuoted: Bool,
        _ offset: Int
    ) throws(DataFlowError)
        -> DataFlowExpression
    {
        index += 1
        func made(_ kind: DataFlowExpression.Kind) -> DataFlowExpression { .init(kind: kind, offset: offset) }
        if take("@") {
            if take("(") { return made(.structure(try members())) }
            var stream = name
            var column = try self.name("a column")
            // A column may carry the streams it came through, the last one first.
            while take("@") {
                stream = column
                column = try self.name("a column")
            }
            return made(.column(column, stream: stream))
        }
        if take("#") {
            let function = try self.name("output, outputs or lookup").lowercased()
            try expect("(")
            return made(.call(function, try arguments(until: ")"), sink: name))
        }
        if !isQuoted, take("(") {
            let arguments = try nested { parser throws(DataFlowError) in try parser.arguments(until: ")") }
            switch (name.lowercased(), arguments.isEmpty) {
            case ("true", true): return made(.boolean(true))
            case ("false", true): return made(.boolean(false))
            default: return made(.call(name.lowercased(), arguments, sink: nil))
            }
        }
        guard !isQuoted else { return made(.column(name, stream: nil)) }
        switch name.lowercased() {
        case "true": return made(.boolean(true))
        case "false": return made(.boolean(false))
        case "null": return made(.call("null", [], sink: nil))
        default: return made(.column(name, stream: nil))
        }
    }

    private mutating func members() throws(DataFlowError) -> [(name: String, value: DataFlowExpression)] {
        var members: [(name: String, value: DataFlowExpression)] = []
        for argument in try arguments(until: ")") {
            switch argument {
            case .assignment(let target, let value):
                guard case .column(let name, _) = target.kind else {
                    throw DataFlowError("expected a member's name", at: target.offset)
                }
                members.append((name, value))
            case .value(let value):
                guard case .column(let name, _) = value.kind else {
                    throw DataFlowError("expected name = expression", at: value.offset)
                }
                members.append((name, value))
            default: throw DataFlowError("expected name = expression", at: offset)
            }
        }
        return members
    }

    /// The parts of text in double quotes: what stands in braces is an expression.
    private func interpolation(_ content: [UInt16], _ start: Int) throws(DataFlowError) -> [DataFlowExpression] {
        let open = UInt16(UnicodeScalar("{").value)
        let close = UInt16(UnicodeScalar("}").value)
        let backslash = UInt16(UnicodeScalar("\\").value)
        var parts: [DataFlowExpression] = []
        var text: [UInt16] = []
        var place = 0
        while place < content.count {
            if content[place] == backslash, place + 1 < content.count {
                let escaped = content[place + 1]
                text.append(escaped == UInt16(UnicodeScalar("n").value) ? 10 : escaped)
                place += 2
            } else if content[place] == open, let end = content[place...].firstIndex(of: close) {
                if !text.isEmpty {
                    parts.append(.init(kind: .text(String(decoding: text, as: UTF16.self)), offset: start + place))
                }
                text = []
                var inner = DataFlowParser(
                    units: units,
                    items: try DataFlowLexer.items(of: units, from: start + place + 1, to: start + end)
                )
                parts.append(try inner.whole())
                place = end + 1
            } else {
                text.append(content[place])
                place += 1
            }
        }
        if !text.isEmpty || parts.isEmpty {
            parts.append(.init(kind: .text(String(decoding: text, as: UTF16.self)), offset: start))
        }
        return parts
    }
}
