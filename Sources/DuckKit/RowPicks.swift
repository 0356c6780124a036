/// Whether a statement joins a query that picks rows: one with `LIMIT`, `OFFSET` or `DISTINCT ON`.
///
/// DuckDB 1.5.5 gives wrong rows for some of them. Its rule `join_filter_pushdown` passes the keys that one side of a join
/// has to the scans of the other side, also below `LIMIT`, top rows and `DISTINCT ON`, which then pick among fewer rows.
/// It depends on types, sizes and on which thread is first, so what counts here is the form alone: a statement that is
/// taken for one of them and is none loses a little time, and not the other way round.
struct RowPicks {
    /// Whether the statement must be planned without the rule.
    private(set) var isAtRisk = false
    /// The view or macro that the statement makes, in lower case, if what reads it must be looked at as well.
    private(set) var definition: Definition?

    /// A view or macro whose query picks rows.
    struct Definition: Equatable {
        var name: String
        /// Whether its own query has such a join, so that whatever reads it is at risk.
        var isAtRisk: Bool
    }

    /// What is known of the text between two parentheses.
    private struct Frame {
        var place = Place.query
        /// Whether a query starts here, and not a list of arguments or a join in parentheses.
        var isQuery = false
        var isInFrom = false
        var isInWith = false
        /// Whether its tables are joined.
        var joins = false
        /// Whether its query picks rows, or reads one that does.
        var picks = false
        var reads = false
    }

    /// Where a text in parentheses stands.
    private enum Place {
        /// As a table, or around a whole query.
        case query
        /// As a query with a name, which may be read anywhere.
        case named
        case expression
    }

    private var frames = [Frame()]
    private var last = ""
    private var beforeLast = ""
    private var isFirst = true
    private var header = Header.none

    /// How far the name of a new view was read.
    private enum Header {
        case none
        case create
        case name(String)
        case done(String)
    }

    /// Reads a statement.
    ///
    /// - Parameters:
    ///   - sql: One statement.
    ///   - definitions: The views and macros that pick rows, by their names in lower case.
    init(_ sql: String, definitions: [String: Definition]) {
        guard !definitions.isEmpty || Self.mayPick(sql) else { return }
        StatementSplitter.tokens(of: sql) { read($0, definitions) }
        while frames.count > 1 { close() }
        let root = frames[0]
        if root.reads, root.joins { isAtRisk = true }
        if case .done(let name) = header, isAtRisk || root.picks || root.reads {
            definition = Definition(name: name, isAtRisk: isAtRisk)
        }
    }

    private var frame: Frame {
        get { frames[frames.count - 1] }
        set { frames[frames.count - 1] = newValue }
    }

    private mutating func read(_ token: String, _ definitions: [String: Definition]) {
        let isStart = isFirst
        isFirst = false
        readHeader(token, isStart: isStart)
        if let known = definitions[Self.bare(token)] {
            frame.reads = true
            if known.isAtRisk { isAtRisk = true }
        }
        switch token {
        case "(":
            open(isStart: isStart)
        case ")":
            if frames.count > 1 { close() }
        case ",":
            if frame.isInFrom { frame.joins = true }
        case _ where last == ".":
            break
        case "with":
            frame.isInWith = true
            if isStart { frame.isQuery = true }
        case "select", "values", "table":
            leaveFrom()
            if isStart { frame.isQuery = true }
        case "from":
            // Not IS DISTINCT FROM.
            guard last != "distinct" else { break }
            if isStart { frame.isQuery = true }
            frame.isInFrom = true
            frame.isInWith = false
        case "join":
            frame.joins = true
        case "update", "delete", "merge":
            if isStart { frame.joins = true }
        case "intersect", "except":
            leaveFrom()
            frame.joins = true
        case "where", "group", "order", "having", "qualify", "window", "union":
            leaveFrom()
        case "limit", "offset", "fetch":
            leaveFrom()
            frame.picks = true
        case "on":
            if last == "distinct" { frame.picks = true }
        default:
            break
        }
        beforeLast = last
        last = token
    }

    private mutating func leaveFrom() {
        frame.isInFrom = false
        frame.isInWith = false
    }

    private mutating func open(isStart: Bool) {
        var new = Frame(place: .expression)
        switch last {
        case _ where isStart: new.place = .query
        case "as", "materialized": new.place = frame.isInWith ? .named : .query
        case "from", "join", ",", "lateral": new.place = frame.isInFrom ? .query : .expression
        case "union", "except", "intersect", "name", "copy", "explain", "analyze": new.place = .query
        case "all": new.place = ["union", "except", "intersect"].contains(beforeLast) ? .query : .expression
        default: break
        }
        // A join may stand in parentheses of its own.
        new.isInFrom = new.place == .query && frame.isInFrom
        frames.append(new)
        isFirst = true
    }

    private mutating func close() {
        let inner = frames.removeLast()
        isFirst = false
        if inner.reads, inner.joins { isAtRisk = true }
        let picks = inner.picks || inner.reads
        switch inner.place {
        case .query:
            if picks { frame.reads = true }
            if inner.joins, !inner.isQuery { frame.joins = true }
        case .named:
            if picks { isAtRisk = true }
        case .expression:
            // IN, EXISTS and the like become joins.
            if inner.isQuery { frame.joins = true }
            if picks { isAtRisk = true }
        }
    }

    /// Finds `name` in `CREATE OR REPLACE TEMP VIEW a.name AS` and `CREATE MACRO name(x) AS`.
    private mutating func readHeader(_ token: String, isStart: Bool) {
        switch header {
        case .none:
            if isStart, frames.count == 1, token == "create" { header = .create }
        case .create:
            if ["view", "macro", "function"].contains(token) { header = .name("") }
            if token == "as" { header = .none }
        case .name(let name):
            if token == "(" || token == "as" {
                header = .done(name)
            } else if token != ".", !["if", "not", "exists"].contains(token) {
                header = .name(Self.bare(token))
            }
        case .done:
            break
        }
    }

    /// An identifier without quotation marks; DuckDB does not tell names by case.
    private static func bare(_ token: String) -> String {
        guard token.hasPrefix("\""), token.hasSuffix("\""), token.utf8.count > 1 else { return token }
        return String(token.dropFirst().dropLast()).split(separator: "\"\"", omittingEmptySubsequences: false)
            .joined(separator: "\"")
    }

    /// Whether a text has one of the words at all; most have not, and statements are many.
    private static func mayPick(_ sql: String) -> Bool {
        var sql = sql
        return sql.withUTF8 { bytes in
            var index = 0
            while index < bytes.count {
                switch bytes[index] | 0x20 {
                case UInt8(ascii: "l"):
                    if bytes.hasWord("limit", at: index) { return true }
                case UInt8(ascii: "o"):
                    if bytes.hasWord("offset", at: index) { return true }
                case UInt8(ascii: "f"):
                    if bytes.hasWord("fetch", at: index) { return true }
                case UInt8(ascii: "d"):
                    guard bytes.hasWord("distinct", at: index) else { break }
                    var next = index + 8
                    while next < bytes.count, bytes[next] <= 32 { next += 1 }
                    // Behind a comment there may be anything.
                    if bytes.hasWord("on", at: next) || bytes.hasWord("/*", at: next) || bytes.hasWord("--", at: next) {
                        return true
                    }
                default:
                    break
                }
                index += 1
            }
            return false
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether an ASCII word in lower case is at a place, in any case.
    fileprivate func hasWord(_ word: StaticString, at index: Int) -> Bool {
        guard index + word.utf8CodeUnitCount <= count else { return false }
        for offset in 0..<word.utf8CodeUnitCount where self[index + offset] | 0x20 != word.utf8Start[offset] | 0x20 {
            return false
        }
        return true
    }
}
