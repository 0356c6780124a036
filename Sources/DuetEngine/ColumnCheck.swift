package import DuckKit
internal import DuetEvents
package import DuetPipeline
internal import Foundation

/// Holds a query to the columns that its dataset lists.
package struct ColumnCheck {
    private let dataset: Dataset
    private let connection: Connection

    /// For one dataset.
    package init(_ dataset: Dataset, _ connection: Connection) {
        self.dataset = dataset
        self.connection = connection
    }

    /// Refuses names of columns that are duet's own, and a list of columns that the query does not fit.
    ///
    /// - Parameters:
    ///   - query: The dataset's query, in its frame, over relations that are there.
    ///   - tries: Whether to find out by trying if there is a cast; a failure would abort a transaction.
    /// - Throws: ``DuetError`` at the listed column that is at fault, or at the dataset for one that is not listed.
    package func check(_ query: Query, tries: Bool = false) throws {
        try checkReserved(query, knowsFiles: !tries)
        guard !dataset.columns.isEmpty else { return }
        let own = query.unframed ?? query.text
        let given: [ColumnDescription]
        do {
            given = try connection.describe(own.text).filter { !HiddenColumn.matches($0.name) }
        } catch {
            throw ErrorTranslation.error(error, dataset: dataset.name, text: own)
        }
        if let frame = query.frame, frame.goesByPlace {
            try checkCount(given)
        } else {
            try checkNames(given, query.frame)
        }
        guard let frame = query.frame else { return }
        if tries { try tryTypes(given, frame) }
        do {
            _ = try connection.describe(query.text.text)
        } catch {
            for column in frame.columns { try checkType(column, nil) }
            let generated = frame.columns.compactMap(\.generated).first
            throw ErrorTranslation.error(error, dataset: dataset.name, text: generated ?? own)
        }
    }

    /// Refuses names of columns that are duet's own.
    ///
    /// Such a column would be taken for one that stands beside the rows, and kept from all that read the dataset.
    ///
    /// - Parameters:
    ///   - query: The dataset's query; one that reads what is not there is not looked at.
    ///   - knowsFiles: Whether what it reads of files has their rows' places in duet's columns.
    /// - Throws: ``DuetError`` at the column.
    package func checkReserved(_ query: Query, knowsFiles: Bool = true) throws {
        let own = query.unframed ?? query.text
        let given: [ColumnDescription]
        do {
            given = try connection.describe(query.text.text)
        } catch {
            // What is wrong with the query is told by whoever runs it.
            return
        }
        // A stream's files give their rows' places along with them.
        let places = knowsFiles && !query.fileReads.isEmpty ? [FileViews.fileColumn, FileViews.rowColumn] : []
        guard let column = given.first(where: { HiddenColumn.matches($0.name) && !places.contains($0.name) }) else {
            return
        }
        let message = "'\(dataset.name)' has a column '\(column.name)': names that begin with __ are duet's own"
        let plain = column.name.drop { $0 == "_" }
        let name = plain.isEmpty ? "other" : String(plain)
        if let listed = dataset.columns.first(where: { $0.name.lowercased() == column.name.lowercased() }) {
            throw error(.wrongValue, message, "give it another name, such as '\(name)'", at: listed)
        }
        if let place = own.text.range(of: column.name, options: [.caseInsensitive, .backwards]) {
            throw own.error(
                .wrongValue,
                message,
                hint: "give it another name, as in AS \(SQL.identifier(name))",
                at: own.text.utf8.distance(from: own.text.startIndex, to: place.lowerBound)
            )
        }
        throw DuetError(
            .wrongValue,
            message,
            hint: "give it another name, as in SELECT * RENAME (\(SQL.identifier(column.name)) AS "
                + "\(SQL.identifier(name))), or leave it out with SELECT * EXCLUDE (\(SQL.identifier(column.name)))",
            at: dataset.location
        )
    }

    private func checkCount(_ given: [ColumnDescription]) throws {
        guard given.count != dataset.columns.count else { return }
        let place = dataset.columns.dropFirst(given.count).first ?? dataset.columns[dataset.columns.count - 1]
        throw error(
            .wrongValue,
            "'\(dataset.name)' lists \(dataset.columns.count) columns, and its query gives \(given.count)",
            "a view's list names every column of its query, in order: \(given.map(\.name).joined(separator: ", "))",
            at: place
        )
    }

    private func checkNames(_ given: [ColumnDescription], _ frame: ColumnFrame?) throws {
        let names = given.map(\.name)
        let known = Set(names.map { $0.lowercased() })
        for column in dataset.columns {
            let isGiven = known.contains(column.name.lowercased())
            if column.generated != nil {
                guard isGiven else { continue }
                throw error(
                    .wrongValue,
                    "'\(column.name)' of '\(dataset.name)' is generated, and the query gives it too",
                    "leave it out of the query, or leave GENERATED ALWAYS AS out",
                    at: column
                )
            }
            guard !isGiven, frame?.fillsMissing != true else { continue }
            throw error(
                .unknownColumn,
                "'\(dataset.name)' lists the column '\(column.name)', which its query does not give",
                Suggestion.hint(for: column.name, among: names, noun: "columns")
                    ?? "select it, or leave it out of the list",
                at: column
            )
        }
        guard frame != nil else { return }
        let listed = Set(dataset.columns.map { $0.name.lowercased() })
        guard let other = names.first(where: { !listed.contains($0.lowercased()) }) else { return }
        var hint = "list it with its type, or leave it out of the query"
        if dataset.capture != nil { hint = "list it with its type, or leave it out with COLUMNS * EXCEPT (\(other))" }
        if CaptureQuery.historyColumns.contains(other) {
            hint = "a history has them: list __START_AT and __END_AT with the type of SEQUENCE BY"
        }
        throw DuetError(
            .unknownColumn,
            "the query of '\(dataset.name)' gives the column '\(other)', which is not among those it lists",
            hint: hint,
            at: dataset.location
        )
    }

    private func tryTypes(_ given: [ColumnDescription], _ frame: ColumnFrame) throws {
        for (index, column) in frame.columns.enumerated() where column.type != nil {
            let source =
                frame.goesByPlace ? given[index] : given.first { $0.name.lowercased() == column.name.lowercased() }
            try checkType(column, column.generated == nil ? source : nil)
        }
    }

    private func checkType(_ column: ColumnDeclaration, _ source: ColumnDescription?) throws {
        guard let type = column.type else { return }
        do {
            _ = try connection.describe("SELECT CAST(NULL AS \(type))")
        } catch {
            throw self.error(
                .wrongValue,
                "'\(column.name)' of '\(dataset.name)' has the type \(type), which is none",
                ErrorTranslation.firstLine(error.message),
                at: column
            )
        }
        guard let source else { return }
        do {
            // DuckDB finds out at the first value that there is no such cast; text of some kind gives most types one.
            let values = ["1", "2000-01-01", "[]"].map { "(TRY_CAST('\($0)' AS \(source.type)))" }
            _ = try connection.rows(
                "SELECT CAST(x AS \(type)) FROM (VALUES \(values.joined(separator: ", "))) AS v(x)"
            )
        } catch let failure where failure.message.contains("Unimplemented type for cast") {
            throw self.error(
                .wrongValue,
                "'\(column.name)' of '\(dataset.name)' is listed as \(type), and its query gives \(source.type), which "
                    + "cannot be cast to that",
                "change the list, or convert the column in the query",
                at: column
            )
        } catch {
            // A value that does not fit says nothing of those that there are.
            return
        }
    }

    /// The first value that is not of the type its column is listed with.
    ///
    /// - Parameter query: The dataset's query, in its frame, over relations that are there.
    /// - Returns: The error at the column; nil when all values are of their types.
    /// - Throws: ``DuckDBError`` when the query fails by itself.
    private func misfit(_ query: Query) throws -> DuetError? {
        guard let frame = query.frame, let own = query.unframed else { return nil }
        let typed = frame.given.filter { $0.type != nil }
        guard !typed.isEmpty else { return nil }
        let names = dataset.columns.map { SQL.identifier($0.name) }.joined(separator: ", ")
        let relation = "(\(own.text)\n) AS __given" + (frame.goesByPlace ? "(\(names))" : "")
        let misfits = typed.map { column in
            let name = SQL.identifier(column.name)
            return "\(name) IS NOT NULL AND TRY_CAST(\(name) AS \(column.type ?? "")) IS NULL"
        }
        let flags = misfits.map { "(\($0))" }.joined(separator: ", ")
        let result = try connection.query(
            "SELECT *, [\(flags)] AS __misfits FROM \(relation) WHERE \(misfits.map { "(\($0))" }.joined(separator: " OR ")) "
                + "LIMIT 1"
        )
        let columns = result.columns.map(\.name)
        guard let row = try result.allRows().first, case .list(let found)? = row.last,
            let index = found.firstIndex(where: { $0.bool == true })
        else { return nil }
        let column = typed[index]
        let value = zip(columns, row).first { $0.0.lowercased() == column.name.lowercased() }?.1
        let shown = zip(columns, row).dropLast().filter { !HiddenColumn.matches($0.0) }.prefix(8)
            .map { "\($0.0) = \($0.1)" }
        return error(
            .wrongValue,
            "'\(value.map { "\($0)" } ?? "")' in '\(column.name)' of '\(dataset.name)' is no \(column.type ?? "")",
            "the dataset stays as it was; correct the value, or TRY_CAST it in the query. The first such row: "
                + shown.joined(separator: ", "),
            at: column
        )
    }

    private func error(
        _ code: DuetError.Code,
        _ message: String,
        _ hint: String,
        at column: ColumnDeclaration
    ) -> DuetError {
        DuetError(code, message, hint: hint, at: column.location, excerpt: column.excerpt)
    }
}

extension ColumnCheck {
    /// Carries what was found out of a transaction that must leave nothing behind.
    private struct Found: Error {
        var error: DuetError?
    }

    /// A failure of a dataset's query, told by the value that is not of its column's type if there is one.
    ///
    /// DuckDB names neither the column nor the row, so they are looked for; the caller has no transaction open.
    ///
    /// - Parameters:
    ///   - failure: What failed.
    ///   - pipeline: The pipeline.
    ///   - files: The files of each source.
    /// - Returns: The better error, or the failure itself.
    package func explained(_ failure: any Error, pipeline: Pipeline, files: [String: [LandedFile]]) -> any Error {
        guard let told = failure as? DuetError, [.sqlExecution, .sqlBinding].contains(told.code),
            dataset.columnFrame?.given.contains(where: { $0.type != nil }) == true
        else { return failure }
        do {
            try connection.transaction { () throws -> Void in
                var ignored = StepMeasures()
                try FileViews(connection, pipeline: pipeline).create(for: dataset, files: files, measures: &ignored)
                let query = try DerivedQuery.query(of: dataset, connection)
                throw Found(error: try query.flatMap { try misfit($0) })
            }
            return failure
        } catch let found as Found {
            return found.error ?? failure
        } catch {
            // What was looked for could not be found out; the failure itself is told.
            return failure
        }
    }
}
