/// A rule about all rows of a dataset together, where an ``Expectation`` is about each.
public struct TableCheck: Sendable, Hashable {
    /// What is asked.
    public enum Form: Sendable, Hashable {
        /// No two rows have the same values in these columns; NULLs count as values.
        case unique([String])
        /// A condition over `row_count`, the number of rows that readers see.
        case rowCount(MappedText)
    }

    /// The constraint's name, unique within its dataset.
    public var name: String
    /// What is asked.
    public var form: Form
    /// What happens when it is violated; rows are never dropped for it.
    public var action: Expectation.Action
    /// Where it stands.
    public var location: SourceLocation

    /// The rule as text, for definitions and messages.
    public var text: String {
        switch form {
        case .unique(let columns): "UNIQUE (\(columns.joined(separator: ", ")))"
        case .rowCount(let condition): "ROW COUNT (\(condition.text))"
        }
    }
}
