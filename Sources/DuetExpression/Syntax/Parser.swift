/// Builds the syntax tree of one expression, and the list of what it refers to.
struct Parser {
    private var lexer: Lexer
    private var token: Token
    private(set) var tree: SyntaxTree
    private(set) var references: [ExpressionReference]
    private let range: Range<Int>
    private var depth = 0
    static let depthLimit = 250

    /// Parses the expression in `range` of `units`, adding to a tree that may hold other expressions already.
    static func parse(
        _ units: [UInt16],
        _ range: Range<Int>,
        into tree: inout SyntaxTree,
        _ references: inout [ExpressionReference]
    ) throws(ExpressionError) -> SyntaxTree.NodeID {
        var parser = try Parser(units, range, tree, references)
        let node = try parser.parseValue()
        guard parser.token.kind == .end else { throw parser.unexpected("the end of the expression") }
        tree = parser.tree
        references = parser.references
        return node
    }

    private init(
        _ units: [UInt16],
        _ range: Range<Int>,
        _ tree: SyntaxTree,
        _ references: [ExpressionReference]
    ) throws(ExpressionError) {
        var lexer = Lexer(units, range)
        token = try lexer.next()
        self.lexer = lexer
        self.range = range
        self.tree = tree
        self.references = references
    }

    private mutating func advance() throws(ExpressionError) { token = try lexer.next() }

    private func unexpected(_ wanted: String) -> ExpressionError {
        let found = token.kind == .end ? "the end" : "'\(lexer.text(token.range))'"
        return ExpressionError(
            .syntax,
            "\(wanted) is expected here, but \(found) was found",
            at: token.range,
            of: lexer.text(range)
        )
    }

    private mutating func expect(_ kind: Token.Kind, _ name: String) throws(ExpressionError) {
        guard token.kind == kind else { throw unexpected(name) }
        try advance()
    }

    private mutating func parseValue() throws(ExpressionError) -> SyntaxTree.NodeID {
        let start = token.range
        switch token.kind {
        case .string(let text):
            try advance()
            return tree.add(.literal(.string(text)), start)
        case .integer(let value):
            try advance()
            return tree.add(.literal(.integer(value)), start)
        case .float(let value):
            try advance()
            return tree.add(.literal(.float(value)), start)
        case .identifier(let name):
            try advance()
            if let literal = Self.literal(name) { return tree.add(.literal(literal), start) }
            return try parseCall(name, start)
        default:
            throw unexpected("a value or a function")
        }
    }

    private static func literal(_ name: String) -> ExpressionValue? {
        guard name.utf8.count <= 5 else { return nil }
        return switch CaseMapping.lower(name) {
        case "true": .boolean(true)
        case "false": .boolean(false)
        case "null": .null
        default: nil
        }
    }

    private mutating func parseCall(
        _ name: String,
        _ nameRange: Range<Int>
    ) throws(ExpressionError)
        -> SyntaxTree.NodeID
    {
        guard token.kind == .leftParenthesis else {
            var error = unexpected("'('")
            if token.kind != .end || range.count > name.utf16.count { throw error }
            error = ExpressionError(
                .syntax,
                "'\(name)' is a name without a call",
                at: nameRange,
                of: name,
                hint: "functions are called with parentheses, \(name)(), and text takes quotes, '\(name)'"
            )
            throw error
        }
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw tooDeep() }
        try advance()
        var arguments: [SyntaxTree.NodeID] = []
        if token.kind != .rightParenthesis {
            arguments.append(try parseValue())
            while token.kind == .comma {
                try advance()
                arguments.append(try parseValue())
            }
        }
        let end = token.range.upperBound
        try expect(.rightParenthesis, "',' or ')'")
        let call = nameRange.lowerBound..<end
        let node = tree.add(FunctionTable.resolve(name, arguments), call)
        return try parseSelections(of: node, call)
    }

    private func tooDeep() -> ExpressionError {
        ExpressionError(
            .tooDeep,
            "calls are nested more than \(Self.depthLimit) levels deep",
            at: token.range,
            of: lexer.text(range.lowerBound..<min(range.upperBound, range.lowerBound + 200)),
            hint: "keep an inner result in a variable"
        )
    }

    private mutating func parseSelections(
        of base: SyntaxTree.NodeID,
        _ call: Range<Int>
    ) throws(ExpressionError)
        -> SyntaxTree.NodeID
    {
        var segments: [SyntaxTree.Segment] = []
        var end = call.upperBound
        while true {
            var isNullSafe = false
            if token.kind == .question {
                isNullSafe = true
                try advance()
                guard token.kind == .dot || token.kind == .leftBracket else { throw unexpected("'.' or '[' after '?'") }
            }
            if token.kind == .dot {
                try advance()
                guard case .identifier(let name) = token.kind else { throw unexpected("a property name") }
                end = token.range.upperBound
                try advance()
                segments.append(SyntaxTree.Segment(key: .name(name), isNullSafe: isNullSafe, end: end))
            } else if token.kind == .leftBracket {
                let key = try parseIndex()
                end = token.range.upperBound
                try expect(.rightBracket, "']'")
                segments.append(SyntaxTree.Segment(key: key, isNullSafe: isNullSafe, end: end))
            } else {
                break
            }
        }
        let whole = call.lowerBound..<end
        note(base, segments, whole)
        guard !segments.isEmpty else { return base }
        let shortcut = shortcut(base, segments)
        return tree.add(.path(base: base, shortcut: shortcut, segments: segments), whole)
    }

    private mutating func parseIndex() throws(ExpressionError) -> SyntaxTree.Segment.Key {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw tooDeep() }
        try advance()
        let key = try parseValue()
        if case .literal(.string(let name)) = tree.nodes[key].kind { return .name(name) }
        return .computed(key)
    }

    /// `pipeline().parameters.x` and the like, which a context answers directly.
    private func shortcut(_ base: SyntaxTree.NodeID, _ segments: [SyntaxTree.Segment]) -> SyntaxTree.Shortcut? {
        guard case .root(.pipeline, _) = tree.nodes[base].kind, case .name(let first) = segments[0].key else {
            return nil
        }
        let isParameters = first.isSameIgnoringCase("parameters")
        guard isParameters || first.isSameIgnoringCase("globalParameters") else { return .system(first) }
        guard segments.count > 1, case .name(let second) = segments[1].key else { return nil }
        return isParameters ? .parameter(second) : .globalParameter(second)
    }

    private mutating func note(
        _ base: SyntaxTree.NodeID,
        _ segments: [SyntaxTree.Segment],
        _ range: Range<Int>
    ) {
        guard case .root(let root, let arguments) = tree.nodes[base].kind else { return }
        var name: String?
        var kind: ExpressionReference.Kind
        var end = tree.nodes[base].range.upperBound
        func constant(_ position: Int) -> String? {
            guard position < segments.count, case .name(let name) = segments[position].key else { return nil }
            return name
        }
        switch root {
        case .variables, .activity:
            kind = root == .variables ? .variable : .activity
            if let first = arguments.first, case .literal(.string(let text)) = tree.nodes[first].kind { name = text }
        case .pipeline:
            kind = .systemVariable
            name = constant(0)
            if let first = name {
                end = segments[0].end
                let isParameters = first.isSameIgnoringCase("parameters")
                if isParameters || first.isSameIgnoringCase("globalParameters") {
                    kind = isParameters ? .parameter : .globalParameter
                    name = constant(1)
                    if segments.count > 1 { end = segments[1].end }
                }
            }
        case .dataset, .linkedService, .item, .trigger, .triggerBody:
            kind = ExpressionReference.Kind(root)
            name = constant(0)
            if name != nil { end = segments[0].end }
        }
        references.append(ExpressionReference(kind: kind, name: name, range: range.lowerBound..<end))
    }
}
