package import DuckKit
package import DuetPipeline

/// The query by which a table's rows follow from all change events: a function of the events as a multiset, so that neither
/// the order in which they came nor one that came twice makes a difference.
package struct CaptureQuery {
    private let capture: ChangeCapture
    private let events: MappedText
    private let dataset: DatasetName
    private let source: [String]
    /// The key columns, spelled as the source spells them.
    package let keys: [String]
    private let outputs: [String]
    private let tracked: [String]

    /// The columns that a history adds.
    package static let historyColumns = ["__START_AT", "__END_AT"]

    /// Looks the columns up.
    ///
    /// - Parameters:
    ///   - capture: What is asked for.
    ///   - events: A SELECT that gives the events.
    ///   - dataset: The table, for errors.
    ///   - connection: A connection to look the events' columns up with.
    /// - Throws: ``DuetError`` when a clause names a column that the events do not have.
    package init(
        _ capture: ChangeCapture,
        events: MappedText,
        dataset: DatasetName,
        _ connection: Connection
    ) throws {
        self.capture = capture
        self.events = events
        self.dataset = dataset
        let columns: [String]
        do {
            columns = try connection.describe(events.text).map(\.name)
        } catch {
            throw ErrorTranslation.error(error, dataset: dataset, text: events)
        }
        source = columns
        let keys = try capture.keys.map { try Self.find($0, in: columns, "KEYS", dataset, events) }
        var outputs = try Self.choose(capture.columns, of: columns, "COLUMNS", dataset, events)
        if capture.readsSnapshots, capture.columns == .all {
            // Which snapshot a row is of says nothing of the row; with it, each snapshot would make a version.
            let sequence = capture.sequence.text.lowercased()
            outputs.removeAll { $0.lowercased() == sequence || "\"\($0.lowercased())\"" == sequence }
        }
        // A key may be named there; it never changes.
        tracked = try Self.choose(capture.tracked, of: outputs, "TRACK HISTORY ON", dataset, events)
            .filter { !keys.contains($0) }
        self.keys = keys
        self.outputs = outputs
        if let key = zip(capture.keys, keys).first(where: { !outputs.contains($0.1) })?.0 {
            throw Self.error(.wrongValue, "COLUMNS leaves out the key '\(key.name)'", "keep the keys", key, events)
        }
    }

    /// The query over all events.
    package func text() -> MappedText { text(over: events) }

    /// The query over the events of some keys.
    ///
    /// - Parameter affected: A relation with the key columns, each combination once.
    /// - Returns: A SELECT whose rows are those of ``text()`` that have these keys.
    package func text(onlyKeysOf affected: String) -> MappedText {
        let condition = keys.map { "e.\(SQL.identifier($0)) IS NOT DISTINCT FROM k.\(SQL.identifier($0))" }
        var some = piece("SELECT e.* FROM (")
        some.append(events)
        some.insert(") AS e SEMI JOIN \(affected) AS k ON \(condition.joined(separator: " AND "))", for: place)
        return text(over: some)
    }

    private func unorderedCount(in relation: String?) -> MappedText {
        var text = piece("SELECT count(*) FROM ")
        if let relation {
            text.insert(relation, for: place)
        } else {
            text.insert("(", for: place)
            text.append(events)
            text.insert(")", for: place)
        }
        text.insert(" WHERE (", for: place)
        text.append(capture.sequence)
        text.insert(") IS NULL", for: place)
        return text
    }

    // MARK: - Steps

    private func text(over events: MappedText) -> MappedText {
        let ordered = ordered(over: events)
        return capture.history == .none ? latest(of: ordered) : versions(of: ordered)
    }

    /// Each event with its place in the order and whether it deletes; of several with one key and place, one is taken: a
    /// delete before others, then the greatest in its columns' values.
    private func ordered(over some: MappedText) -> MappedText {
        if capture.readsSnapshots { return snapshots(over: some) }
        var text = piece("SELECT *, (")
        text.append(capture.sequence)
        text.insert(") AS __seq, ", for: place)
        append(capture.deleteCondition, to: &text)
        text.insert(" AS __deletes FROM (", for: place)
        text.append(some)
        text.insert(")", for: place)
        if let truncate = capture.truncateCondition {
            text.insert(" WHERE (", for: place)
            text.append(truncate)
            text.insert(") IS NOT TRUE AND coalesce((", for: place)
            text.append(capture.sequence)
            // All events count here, whatever keys are asked for: a truncation has no key.
            text.insert(") > (SELECT max(__cut) FROM (SELECT (", for: place)
            text.append(capture.sequence)
            text.insert(") AS __cut FROM (", for: place)
            text.append(events)
            text.insert(") WHERE (", for: place)
            text.append(truncate)
            text.insert(") IS TRUE)), true)", for: place)
        }
        let values = source.map { "\(SQL.identifier($0)) DESC NULLS LAST" }
        text.insert(
            " QUALIFY row_number() OVER (PARTITION BY \(list(keys)), __seq "
                + "ORDER BY __deletes DESC, \(values.joined(separator: ", "))) = 1",
            for: place
        )
        return text
    }

    /// Snapshots as events: each of their rows says what it was then, and a row that the next snapshot lacks was deleted
    /// with that one.
    private func snapshots(over some: MappedText) -> MappedText {
        let values = source.map { "\(SQL.identifier($0)) DESC NULLS LAST" }.joined(separator: ", ")
        var text = piece("WITH __rows AS MATERIALIZED (SELECT *, (")
        text.append(capture.sequence)
        text.insert(") AS __seq, false AS __deletes FROM (", for: place)
        text.append(some)
        text.insert(
            ") QUALIFY row_number() OVER (PARTITION BY \(list(keys)), __seq ORDER BY \(values)) = 1), "
                + "__snapshots AS (SELECT __seq, lead(__seq) OVER (ORDER BY __seq) AS __next FROM (SELECT DISTINCT (",
            for: place
        )
        text.append(capture.sequence)
        // All snapshots count here, whatever keys are asked for.
        text.insert(") AS __seq FROM (", for: place)
        text.append(events)
        let equal = keys.map { "n.\(SQL.identifier($0)) IS NOT DISTINCT FROM r.\(SQL.identifier($0))" }
        let columns = source.map { name in
            keys.contains(name) ? "r.\(SQL.identifier(name))" : "NULL AS \(SQL.identifier(name))"
        }
        text.insert(
            "))) SELECT * FROM __rows UNION ALL BY NAME SELECT \(columns.joined(separator: ", ")), s.__next AS __seq, "
                + "true AS __deletes FROM __rows AS r JOIN __snapshots AS s ON s.__seq = r.__seq "
                + "WHERE s.__next IS NOT NULL AND NOT EXISTS (SELECT 1 FROM __rows AS n "
                + "WHERE n.__seq = s.__next AND \(equal.joined(separator: " AND ")))",
            for: place
        )
        return text
    }

    /// The keys whose rows a change of the events may change.
    ///
    /// - Parameter change: A relation with new and withdrawn events.
    /// - Returns: A SELECT of the keys, each combination once.
    package func affectedKeys(by change: String) -> MappedText {
        var text = piece("SELECT DISTINCT \(list(keys)) FROM \(change)")
        guard capture.readsSnapshots else { return text }
        // A row that only the snapshot before has was deleted by the one that came.
        text.insert(" UNION SELECT \(list(keys)) FROM (", for: place)
        text.append(events)
        text.insert(") WHERE (", for: place)
        text.append(capture.sequence)
        text.insert(") IN (SELECT (SELECT max((", for: place)
        text.append(capture.sequence)
        text.insert(")) FROM (", for: place)
        text.append(events)
        text.insert(") WHERE (", for: place)
        text.append(capture.sequence)
        text.insert(") < __t.__seq) FROM (SELECT DISTINCT (", for: place)
        text.append(capture.sequence)
        text.insert(") AS __seq FROM \(change)) AS __t)", for: place)
        return text
    }

    /// With IGNORE NULL UPDATES, each event with the last values that were not NULL since the row was last deleted.
    private func filled(_ ordered: MappedText) -> MappedText {
        guard capture.ignoresNulls else { return ordered }
        var text = piece("SELECT \(list(keys)), __seq, __deletes")
        for column in outputs where !keys.contains(column) {
            let name = SQL.identifier(column)
            text.insert(
                ", last_value(CASE WHEN __deletes THEN NULL ELSE \(name) END IGNORE NULLS) OVER "
                    + "(PARTITION BY \(list(keys)), __life ORDER BY __seq ROWS UNBOUNDED PRECEDING) AS \(name)",
                for: place
            )
        }
        text.insert(
            " FROM (SELECT *, count(*) FILTER (WHERE __deletes) OVER "
                + "(PARTITION BY \(list(keys)) ORDER BY __seq ROWS UNBOUNDED PRECEDING) AS __life FROM (",
            for: place
        )
        text.append(ordered)
        text.insert("))", for: place)
        return text
    }

    private func latest(of ordered: MappedText) -> MappedText {
        var text = piece("SELECT \(list(outputs)) FROM (SELECT * FROM (")
        text.append(filled(ordered))
        text.insert(
            ") QUALIFY row_number() OVER (PARTITION BY \(list(keys)) ORDER BY __seq DESC) = 1) WHERE NOT __deletes",
            for: place
        )
        return text
    }

    /// Events that leave the tracked columns as they were belong to the version before them; a delete ends one.
    private func versions(of ordered: MappedText) -> MappedText {
        let order = "PARTITION BY \(list(keys)) ORDER BY __seq"
        let differs = tracked.map {
            "\(SQL.identifier($0)) IS DISTINCT FROM lag(\(SQL.identifier($0))) OVER (\(order))"
        }
        let begins = (["__deletes", "lag(__deletes) OVER (\(order)) IS NOT FALSE"] + differs).joined(separator: " OR ")
        let (start, end) = (SQL.identifier(Self.historyColumns[0]), SQL.identifier(Self.historyColumns[1]))
        var text = piece(
            "SELECT \(list(outputs)), __start AS \(start), __end AS \(end) FROM ("
                + "SELECT *, lead(__start) OVER (PARTITION BY \(list(keys)) ORDER BY __run) AS __end FROM ("
                + "SELECT *, first_value(__seq) OVER (PARTITION BY \(list(keys)), __run ORDER BY __seq) AS __start FROM ("
                + "SELECT *, count(*) FILTER (WHERE __begins) OVER (\(order) ROWS UNBOUNDED PRECEDING) AS __run FROM ("
                + "SELECT *, (\(begins)) AS __begins FROM ("
        )
        text.append(filled(ordered))
        text.insert(
            ")))  QUALIFY row_number() OVER (PARTITION BY \(list(keys)), __run ORDER BY __seq DESC) = 1))"
                + " WHERE NOT __deletes",
            for: place
        )
        return text
    }

    // MARK: - Pieces

    /// Where errors in text of duet's own making are shown.
    private var place: Int { events.origin(of: 0) }

    private func piece(_ sql: String) -> MappedText {
        var text = MappedText(file: events.file)
        text.insert(sql, for: place)
        return text
    }

    private func append(_ condition: MappedText?, to text: inout MappedText) {
        guard let condition else { return text.insert("false", for: place) }
        text.insert("coalesce((", for: place)
        text.append(condition)
        text.insert("), false)", for: place)
    }

    private func list(_ names: [String]) -> String { names.map(SQL.identifier).joined(separator: ", ") }

    private static func find(
        _ wanted: ChangeCapture.ColumnName,
        in columns: [String],
        _ clause: String,
        _ dataset: DatasetName,
        _ events: MappedText
    ) throws -> String {
        if let column = columns.first(where: { $0.lowercased() == wanted.name.lowercased() }) { return column }
        throw error(
            .unknownColumn,
            "\(clause) of '\(dataset)' names the column '\(wanted.name)', which its events do not have",
            Suggestion.hint(for: wanted.name, among: columns, noun: "columns"),
            wanted,
            events
        )
    }

    private static func choose(
        _ choice: ChangeCapture.Columns,
        of columns: [String],
        _ clause: String,
        _ dataset: DatasetName,
        _ events: MappedText
    ) throws -> [String] {
        switch choice {
        case .all: return columns
        case .only(let names): return try names.map { try find($0, in: columns, clause, dataset, events) }
        case .except(let names):
            let left = try Set(names.map { try find($0, in: columns, clause, dataset, events) })
            return columns.filter { !left.contains($0) }
        }
    }

    private static func error(
        _ code: DuetError.Code,
        _ message: String,
        _ hint: String?,
        _ column: ChangeCapture.ColumnName,
        _ events: MappedText
    ) -> DuetError {
        DuetError(
            code,
            message,
            hint: hint,
            at: column.location,
            excerpt: events.file.line(column.location.line)
        )
    }
}

extension CaptureQuery {
    /// Refuses events that have no place in the order.
    ///
    /// - Parameters:
    ///   - connection: The connection.
    ///   - relation: The events to look at; nil for all.
    /// - Throws: ``DuetError`` when the sequence of one is NULL or does not bind.
    package func check(_ connection: Connection, in relation: String? = nil) throws {
        let text = unorderedCount(in: relation)
        let count: Int
        do {
            count = try connection.scalar(text.text).int ?? 0
        } catch {
            throw ErrorTranslation.error(error, dataset: dataset, text: text)
        }
        guard count > 0 else { return }
        throw capture.sequence.error(
            .expectationFailed,
            "\(count) event\(count == 1 ? "" : "s") for '\(dataset)' ha\(count == 1 ? "s" : "ve") no SEQUENCE BY value "
                + "(it is NULL)",
            hint: "drop them before: an expectation with ON VIOLATION DROP ROW on the events' table",
            at: 0
        )
    }
}
