/// Reads paths of XPath, version one.
///
/// Names with a prefix are refused: nothing says what a prefix means.
struct XPathParser {
    private enum Token: Equatable {
        case number(Double)
        case string(String)
        case name(String)
        case sign(String)
        case end
    }

    private var tokens: [Token] = []
    private var position = 0
    private var depth = 0
    private static let depthLimit = 100
    private static let tokenLimit = 2_000

    static func parse(_ text: String) throws(XMLFault) -> XPathExpression {
        var parser = XPathParser()
        parser.tokens = try tokenize(text)
        // A chain of operators is evaluated by recursion, so its length is bounded like its depth.
        guard parser.tokens.count <= tokenLimit else { throw XMLFault(message: "the path is too long") }
        let expression = try parser.parseOr()
        guard parser.current == .end else { throw XMLFault(message: "the path goes on where it should end") }
        return expression
    }

    // MARK: - Tokens

    private static func tokenize(_ text: String) throws(XMLFault) -> [Token] {
        let scalars = Array(text.unicodeScalars)
        var tokens: [Token] = []
        var position = 0
        func slice(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(scalars[range])) }
        func isDigit(_ position: Int) -> Bool { position < scalars.count && ("0"..."9").contains(scalars[position]) }
        while position < scalars.count {
            let scalar = scalars[position]
            let start = position
            if scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" {
                position += 1
            } else if isDigit(position) || (scalar == "." && isDigit(position + 1)) {
                while isDigit(position) { position += 1 }
                if position < scalars.count, scalars[position] == "." {
                    position += 1
                    while isDigit(position) { position += 1 }
                }
                guard let number = NumberText.parse(slice(start..<position)) else {
                    throw XMLFault(message: "a malformed number")
                }
                tokens.append(.number(number))
            } else if scalar == "\"" || scalar == "'" {
                position += 1
                while position < scalars.count, scalars[position] != scalar { position += 1 }
                guard position < scalars.count else { throw XMLFault(message: "a string is not closed") }
                tokens.append(.string(slice(start + 1..<position)))
                position += 1
            } else if XMLParser.isNameStart(scalar) {
                while position < scalars.count, XMLParser.isNameCharacter(scalars[position]) { position += 1 }
                tokens.append(.name(slice(start..<position)))
            } else {
                let pair = position + 1 < scalars.count ? slice(start..<start + 2) : ""
                if ["//", "..", "::", "!=", "<=", ">="].contains(pair) {
                    tokens.append(.sign(pair))
                    position += 2
                } else if "()[].@,/|+-=<>*".unicodeScalars.contains(scalar) {
                    tokens.append(.sign(String(scalar)))
                    position += 1
                } else {
                    throw XMLFault(message: "the sign '\(scalar)' is not expected")
                }
            }
        }
        return tokens + [.end]
    }

    private var current: Token { tokens[position] }

    private var next: Token { position + 1 < tokens.count ? tokens[position + 1] : .end }

    private mutating func take(_ sign: String) -> Bool {
        guard current == .sign(sign) else { return false }
        position += 1
        return true
    }

    /// An operator that is written as a word.
    private mutating func take(word: String) -> Bool {
        guard current == .name(word) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ sign: String) throws(XMLFault) {
        guard take(sign) else { throw XMLFault(message: "'\(sign)' is missing") }
    }

    // MARK: - Operators, weakest first

    private mutating func parseOr() throws(XMLFault) -> XPathExpression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw XMLFault(message: "the path is nested too deep") }
        var left = try parseAnd()
        while take(word: "or") { left = .or(left, try parseAnd()) }
        return left
    }

    private mutating func parseAnd() throws(XMLFault) -> XPathExpression {
        var left = try parseEquality()
        while take(word: "and") { left = .and(left, try parseEquality()) }
        return left
    }

    private mutating func parseEquality() throws(XMLFault) -> XPathExpression {
        var left = try parseRelation()
        while true {
            if take("=") {
                left = .compare(.equal, left, try parseRelation())
            } else if take("!=") {
                left = .compare(.notEqual, left, try parseRelation())
            } else {
                return left
            }
        }
    }

    private mutating func parseRelation() throws(XMLFault) -> XPathExpression {
        var left = try parseSum()
        while true {
            if take("<") {
                left = .compare(.less, left, try parseSum())
            } else if take("<=") {
                left = .compare(.lessOrEqual, left, try parseSum())
            } else if take(">") {
                left = .compare(.greater, left, try parseSum())
            } else if take(">=") {
                left = .compare(.greaterOrEqual, left, try parseSum())
            } else {
                return left
            }
        }
    }

    private mutating func parseSum() throws(XMLFault) -> XPathExpression {
        var left = try parseProduct()
        while true {
            if take("+") {
                left = .arithmetic(.add, left, try parseProduct())
            } else if take("-") {
                left = .arithmetic(.subtract, left, try parseProduct())
            } else {
                return left
            }
        }
    }

    private mutating func parseProduct() throws(XMLFault) -> XPathExpression {
        var left = try parseUnary()
        while true {
            if take("*") {
                left = .arithmetic(.multiply, left, try parseUnary())
            } else if take(word: "div") {
                left = .arithmetic(.divide, left, try parseUnary())
            } else if take(word: "mod") {
                left = .arithmetic(.remainder, left, try parseUnary())
            } else {
                return left
            }
        }
    }

    private mutating func parseUnary() throws(XMLFault) -> XPathExpression {
        var isNegative = false
        var isSigned = false
        while take("-") {
            isNegative.toggle()
            isSigned = true
        }
        let value = try parseUnion()
        guard isSigned else { return value }
        return isNegative ? .negate(value) : .negate(.negate(value))
    }

    private mutating func parseUnion() throws(XMLFault) -> XPathExpression {
        var left = try parsePath()
        while take("|") { left = .union(left, try parsePath()) }
        return left
    }

    // MARK: - Paths

    private mutating func parsePath() throws(XMLFault) -> XPathExpression {
        if take("//") {
            return .path(.document, [Self.anyDepth] + (try parseSteps()))
        }
        if take("/") {
            return .path(.document, isStepStart ? try parseSteps() : [])
        }
        guard let primary = try parsePrimary() else { return .path(.context, try parseSteps()) }
        let predicates = try parsePredicates()
        var steps: [XPathExpression.Step] = []
        if take("//") {
            steps = [Self.anyDepth] + (try parseSteps())
        } else if take("/") {
            steps = try parseSteps()
        }
        if predicates.isEmpty, steps.isEmpty { return primary }
        return .path(.filtered(primary, predicates: predicates), steps)
    }

    private static let anyDepth = XPathExpression.Step(axis: .descendantOrSelf, test: .anyNode, predicates: [])

    private var isStepStart: Bool {
        switch current {
        case .name: true
        case .sign(let sign): [".", "..", "@", "*"].contains(sign)
        default: false
        }
    }

    private mutating func parsePrimary() throws(XMLFault) -> XPathExpression? {
        switch current {
        case .number(let number):
            position += 1
            return .number(number)
        case .string(let string):
            position += 1
            return .string(string)
        case .sign("("):
            position += 1
            let inner = try parseOr()
            try expect(")")
            return inner
        case .name(let name):
            let nodeTests = ["node", "text", "comment", "processing-instruction"]
            guard next == .sign("("), !nodeTests.contains(name) else { return nil }
            position += 2
            var arguments: [XPathExpression] = []
            if !take(")") {
                repeat { arguments.append(try parseOr()) } while take(",")
                try expect(")")
            }
            try XPathEvaluator.check(name, arguments)
            return .call(name, arguments)
        default: return nil
        }
    }

    private mutating func parseSteps() throws(XMLFault) -> [XPathExpression.Step] {
        var steps = [try parseStep()]
        while true {
            if take("//") {
                steps += [Self.anyDepth, try parseStep()]
            } else if take("/") {
                steps.append(try parseStep())
            } else {
                return steps
            }
        }
    }

    private mutating func parseStep() throws(XMLFault) -> XPathExpression.Step {
        if take(".") { return .init(axis: .itself, test: .anyNode, predicates: []) }
        if take("..") { return .init(axis: .parent, test: .anyNode, predicates: []) }
        var axis = XPathExpression.Axis.child
        if take("@") {
            axis = .attribute
        } else if case .name(let name) = current, next == .sign("::") {
            guard let named = XPathExpression.Axis(rawValue: name) else {
                throw XMLFault(message: "there is no axis '\(name)'")
            }
            axis = named
            position += 2
        }
        let test = try parseTest()
        return .init(axis: axis, test: test, predicates: try parsePredicates())
    }

    private mutating func parseTest() throws(XMLFault) -> XPathExpression.Test {
        if take("*") { return .anyName }
        guard case .name(let name) = current else { throw XMLFault(message: "a step is missing") }
        position += 1
        guard take("(") else { return .name(name) }
        var test: XPathExpression.Test
        switch name {
        case "node": test = .anyNode
        case "text": test = .text
        case "comment": test = .comment
        case "processing-instruction":
            test = .instruction(nil)
            if case .string(let target) = current {
                position += 1
                test = .instruction(target)
            }
        default: throw XMLFault(message: "there is no node test '\(name)'")
        }
        try expect(")")
        return test
    }

    private mutating func parsePredicates() throws(XMLFault) -> [XPathExpression] {
        var predicates: [XPathExpression] = []
        while take("[") {
            predicates.append(try parseOr())
            try expect("]")
        }
        return predicates
    }
}
