/// Changes a statement in a SQL file's text and leaves every other byte as it is.
public struct DefinitionEdit: Sendable {
    private let file: SourceFile

    /// Edits a file's text.
    public init(path: String, text: String) { file = SourceFile(path: path, text: text) }

    /// The text with another query for a dataset.
    ///
    /// - Parameters:
    ///   - dataset: A dataset that the file defines with a query of its own.
    ///   - change: Gives the new query for the one that is there.
    /// - Returns: The file's new text.
    /// - Throws: ``DuetError`` when the dataset has no query here.
    public func changingQuery(of dataset: Dataset, _ change: (String) -> String) throws(DuetError) -> String {
        let tokens = try statement(at: dataset.location)
        guard let flow = dataset.flows.first,
            let first = tokens.first(where: { file.location(at: $0.range.lowerBound).isPlace(flow.location) }),
            let last = tokens.last, first.range.lowerBound < last.range.upperBound
        else {
            throw DuetError(
                .wrongValue,
                "the dataset '\(dataset.name)' has no query of its own that could be changed",
                hint: "name another dataset",
                at: dataset.location
            )
        }
        let range = first.range.lowerBound..<last.range.upperBound
        return replacing(range, by: change(text(range)))
    }

    /// The text with another action for an expectation.
    ///
    /// - Parameters:
    ///   - expectation: An expectation that the file declares.
    ///   - action: The new action.
    /// - Returns: The file's new text.
    /// - Throws: ``DuetError`` when the file cannot be read so far.
    public func changing(_ expectation: Expectation, to action: Expectation.Action) throws(DuetError) -> String {
        let tokens = try SQLToken.tokens(of: file)
        guard
            let start = tokens.firstIndex(where: {
                file.location(at: $0.range.lowerBound).isPlace(expectation.location)
            }), let expect = tokens[start...].firstIndex(where: { $0.isWord("EXPECT") })
        else {
            throw DuetError(
                .wrongValue,
                "the expectation '\(expectation.name)' is not where it was",
                at: expectation.location
            )
        }
        var depth = 0
        var end = expect + 1
        while end < tokens.count {
            if tokens[end].isSymbol("(") { depth += 1 }
            if tokens[end].isSymbol(")") { depth -= 1 }
            if depth == 0 { break }
            end += 1
        }
        guard end < tokens.count else {
            throw DuetError(.sqlSyntax, "the expectation's brackets do not close", at: expectation.location)
        }
        let from = tokens[end].range.upperBound
        var to = from
        if end + 4 < tokens.count, tokens[end + 1].isWord("ON"), tokens[end + 2].isWord("VIOLATION") {
            to = tokens[end + 4].range.upperBound
        }
        let clause =
            switch action {
            case .warn: ""
            case .drop: " ON VIOLATION DROP ROW"
            case .fail: " ON VIOLATION FAIL UPDATE"
            }
        return replacing(from..<to, by: clause)
    }

    /// The size of a dataset's statement: from its first word to its end, comments left out.
    ///
    /// - Parameter dataset: A dataset that the file defines.
    /// - Returns: Its lines and its tokens.
    /// - Throws: ``DuetError`` when the file cannot be read so far.
    public func size(of dataset: Dataset) throws(DuetError) -> (lines: Int, tokens: Int) {
        let tokens = try statement(at: dataset.location)
        let lines = Set(tokens.map { file.location(at: $0.range.lowerBound).line })
        return (lines.count, tokens.count)
    }

    private func statement(at location: SourceLocation) throws(DuetError) -> [SQLToken] {
        let tokens = try SQLToken.tokens(of: file)
        guard
            let start = tokens.firstIndex(where: { file.location(at: $0.range.lowerBound).isPlace(location) })
        else { return [] }
        return Array(tokens[start...].prefix { !$0.isSymbol(";") })
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: file.bytes[range], as: UTF8.self) }

    private func replacing(_ range: Range<Int>, by new: String) -> String {
        text(0..<range.lowerBound) + new + text(range.upperBound..<file.bytes.count)
    }
}

extension SourceLocation {
    /// The same line and column; the file is the caller's business.
    fileprivate func isPlace(_ other: SourceLocation) -> Bool { line == other.line && column == other.column }
}
