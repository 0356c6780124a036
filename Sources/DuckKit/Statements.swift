internal import CDuckDB

extension ConnectionHandle {
    /// Lets DuckDB split a text; nil if it has no statement in it.
    func extract(_ source: SQLStatement) throws(DuckDBError) -> ExtractedHandle? {
        try rejectNUL(source.sql, as: "the SQL text", operation: .prepare, sql: source.sql)
        var raw: duckdb_extracted_statements?
        let count = lend { duckdb_extract_statements($0, source.sql, &raw) }
        guard let raw else {
            throw DuckDBError(operation: .prepare, kind: .unknown, message: "DuckDB gave no statement and no reason")
        }
        let extracted = ExtractedHandle(adopting: raw, count: Int(count))
        guard count == 0 else { return extracted }
        guard let report = extracted.lend({ duckdb_extract_statements_error($0).map { String(cString: $0) } }) else {
            return nil
        }
        throw DuckDBError(
            operation: .prepare,
            report: report,
            sql: source.sql,
            statementOffset: source.offset
        )
    }

    /// What DuckDB is to run for a text: usually one piece, or one for each statement in it.
    ///
    /// The whole text is parsed before anything is run, so that a slip in its last statement runs none of it.
    func pieces(of sql: String) throws(DuckDBError) -> [(source: SQLStatement, extracted: ExtractedHandle)] {
        let whole = SQLStatement(sql: sql, offset: 0)
        let all: ExtractedHandle?
        do {
            all = try extract(whole)
        } catch {
            throw error.narrowed(to: StatementSplitter.split(sql))
        }
        guard let all else { return [] }
        guard all.count > 1 else { return [(whole, all)] }
        let parts = StatementSplitter.split(sql)
        guard parts.count > 1 else { return [(whole, all)] }
        var result: [(source: SQLStatement, extracted: ExtractedHandle)] = []
        var count = 0
        for part in parts {
            guard let extracted = try extract(part) else { return [(whole, all)] }
            count += extracted.count
            result.append((part, extracted))
        }
        // Were the two ever to disagree, what DuckDB found is what runs, and errors carry the whole text.
        return count == all.count ? result : [(whole, all)]
    }

    func prepare(
        _ extracted: ExtractedHandle,
        _ index: Int,
        _ source: SQLStatement
    ) throws(DuckDBError) -> StatementHandle {
        var raw: duckdb_prepared_statement?
        let picks = try database.planning.picks(of: source.sql)
        let state = try database.planning.plan(picks) {
            lend { connection in
                extracted.lend { duckdb_prepare_extracted_statement(connection, $0, idx_t(index), &raw) }
            }
        }
        guard let raw else {
            throw DuckDBError(
                operation: .prepare,
                kind: .unknown,
                message: "DuckDB prepared nothing and gave no reason",
                sql: source.sql,
                statementOffset: source.offset
            )
        }
        // Also after a failure there is a statement: it holds the message, and its handle destroys it.
        let statement = StatementHandle(adopting: raw, source: source, picks: picks, connection: self)
        guard state == DuckDBSuccess else {
            hasFailed = true
            throw DuckDBError(
                operation: .prepare,
                report: statement.lend { duckdb_prepare_error($0).map { String(cString: $0) } } ?? "",
                sql: source.sql,
                statementOffset: source.offset
            )
        }
        return statement
    }

    /// Runs every statement of a text and hands each result to `body` with its statement.
    func run(
        _ sql: String,
        _ parameters: [Value],
        _ body: (ResultHandle, StatementHandle) throws(DuckDBError) -> Void
    ) throws(DuckDBError) {
        let pieces = try pieces(of: sql)
        let total = pieces.reduce(0) { $0 + $1.extracted.count }
        guard parameters.isEmpty || total == 1 else {
            throw DuckDBError(
                operation: .bind,
                kind: .invalidInput,
                message: "parameters need exactly one statement, and the text has \(total)",
                sql: sql
            )
        }
        for piece in pieces {
            for index in 0..<piece.extracted.count {
                let statement = try prepare(piece.extracted, index, piece.source)
                try statement.bind(parameters)
                try body(statement.run(), statement)
            }
        }
    }
}

extension StatementHandle {
    func run() throws(DuckDBError) -> ResultHandle {
        let planning = connection.database.planning
        var pending: duckdb_pending_result?
        defer { duckdb_destroy_pending(&pending) }
        // A statement is planned again here where a table changed since it was prepared.
        let state = try planning.plan(picks) { lend { duckdb_pending_prepared($0, &pending) } }
        guard state == DuckDBSuccess, let pending else {
            connection.hasFailed = true
            throw DuckDBError(
                operation: .execute,
                report: pending.flatMap { duckdb_pending_error($0).map { String(cString: $0) } } ?? "",
                sql: source.sql,
                statementOffset: source.offset
            )
        }
        var raw = duckdb_result()
        guard duckdb_execute_pending(pending, &raw) == DuckDBSuccess else {
            connection.hasFailed = true
            // The message belongs to the result, also to one that failed.
            defer { duckdb_destroy_result(&raw) }
            throw DuckDBError(
                operation: .execute,
                report: duckdb_result_error(&raw).map { String(cString: $0) } ?? "",
                kind: DuckDBError.Kind(duckdb_result_error_type(&raw)),
                sql: source.sql,
                statementOffset: source.offset
            )
        }
        planning.note(self)
        return ResultHandle(adopting: raw, of: self)
    }

    func bind(_ parameters: [Value]) throws(DuckDBError) {
        let expected = lend { Int(duckdb_nparams($0)) }
        guard parameters.count == expected else {
            throw bindError("the statement has \(expected) parameters, and \(parameters.count) values were given")
        }
        guard expected > 0 else { return }
        lend { _ = duckdb_clear_bindings($0) }
        for (index, parameter) in parameters.enumerated() {
            let value: ValueHandle
            do {
                value = try parameter.handle()
            } catch {
                throw bindError("parameter \(index + 1): \(error.message)", kind: error.kind)
            }
            let state = lend { statement in
                value.lend { duckdb_bind_value(statement, idx_t(index + 1), $0) }
            }
            guard state == DuckDBSuccess else {
                let report = lend { duckdb_prepare_error($0).map { String(cString: $0) } }
                throw bindError("parameter \(index + 1): \(report ?? "DuckDB refuses the value")")
            }
        }
    }

    private func bindError(_ message: String, kind: DuckDBError.Kind = .invalidInput) -> DuckDBError {
        DuckDBError(
            operation: .bind,
            kind: kind,
            message: message,
            sql: source.sql,
            statementOffset: source.offset
        )
    }
}

extension DuckDBError {
    /// The same error with the one statement that its position lies in, in place of the whole text.
    fileprivate func narrowed(to statements: [SQLStatement]) -> DuckDBError {
        guard statements.count > 1, let position,
            let statement = statements.last(where: { $0.offset <= position })
        else { return self }
        var result = self
        result.sql = statement.sql
        result.statementOffset = statement.offset
        // "At end of input" points just behind the text.
        result.position = min(position - statement.offset, statement.sql.utf8.count)
        return result
    }
}
