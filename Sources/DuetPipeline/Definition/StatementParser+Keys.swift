/// A column or columns whose values are found in another dataset: informational, unless the user vouches for it.
public struct ForeignKey: Sendable, Hashable {
    /// The referring columns.
    public var columns: [String]
    /// The dataset referred to.
    public var dataset: DatasetName
    /// Its columns, in the order of `columns`; empty for its primary key.
    public var target: [String]
    /// Whether `RELY` is written: the key holds before and after every update, and change rules may go by it.
    public var isRelied: Bool
    /// Where it is written.
    public var location: SourceLocation
}

/// Keys, as Databricks has them: `PRIMARY KEY (a)`, `FOREIGN KEY (a) REFERENCES t (b) NOT ENFORCED RELY`.
extension StatementParser {
    /// Takes a key if one stands here.
    ///
    /// - Parameters:
    ///   - reader: At the first word after the constraint's name, if it has one.
    ///   - column: The column it stands behind; nil in a list of its own, where columns are named.
    ///   - dataset: Gets the key.
    /// - Returns: Whether one stood here.
    /// - Throws: ``DuetError`` for a key that is not complete.
    func key(
        _ reader: inout TokenReader,
        of column: String? = nil,
        into dataset: inout Dataset
    ) throws(DuetError) -> Bool {
        let start = reader.current
        if reader.take("PRIMARY", "KEY") {
            if let column {
                dataset.primaryKey = [column]
            } else {
                dataset.primaryKey = try columnNames(try reader.bracketed("after PRIMARY KEY")).map(\.name)
            }
            dataset.reliesOnPrimaryKey = try keyOptions(&reader)
            return true
        }
        var columns = column.map { [$0] } ?? []
        if reader.take("FOREIGN", "KEY") {
            if column == nil { columns = try columnNames(try reader.bracketed("after FOREIGN KEY")).map(\.name) }
            try reader.expect("REFERENCES", "after FOREIGN KEY")
        } else if column == nil || !reader.take("REFERENCES") {
            return false
        }
        let parent = try datasetName(&reader)
        var target: [String] = []
        if reader.current?.isSymbol("(") == true {
            target = try columnNames(try reader.bracketed("after the dataset referred to")).map(\.name)
        }
        guard target.isEmpty || target.count == columns.count else {
            throw reader.error(
                .sqlSyntax,
                "the key has \(columns.count) columns and refers to \(target.count)",
                hint: "name as many columns on both sides",
                at: start
            )
        }
        dataset.foreignKeys.append(
            ForeignKey(
                columns: columns,
                dataset: parent,
                target: target,
                isRelied: try keyOptions(&reader),
                location: reader.location(start)
            )
        )
        return true
    }

    /// Reads what may stand behind a key; only RELY has an effect.
    private func keyOptions(_ reader: inout TokenReader) throws(DuetError) -> Bool {
        var isRelied = false
        while true {
            if reader.take("RELY") {
                isRelied = true
            } else if reader.take("NORELY") {
                isRelied = false
            } else if reader.take("NOT", "ENFORCED") || reader.take("DEFERRABLE")
                || reader.take("INITIALLY", "DEFERRED")
                || reader.take("MATCH", "FULL") || reader.take("ON", "UPDATE", "NO", "ACTION")
                || reader.take("ON", "DELETE", "NO", "ACTION") || reader.take("TIMESERIES")
            {
                continue
            } else {
                return isRelied
            }
        }
    }
}
