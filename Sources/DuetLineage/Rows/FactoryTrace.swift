public import DuckKit
import DuetEngine
import DuetEvents
import DuetPipeline

/// Where rows come from that the activities of a data factory wrote, back to rows of files.
///
/// Every run notes with each activity how its rows follow from what it read. A trace runs these queries the other way round,
/// newest first. What has been written again since it was read is made anew from what had been written into it; what
/// cannot be is told, and nothing behind it is guessed.
public final class FactoryTrace {
    /// The traced rows of one table, or of the files of one dataset.
    public struct Step {
        /// `schema.table`, or the factory's dataset.
        public var name: String
        /// Whether they are rows of files.
        public var isFile: Bool
        /// Whether the table has been written again since, and was made anew for the look.
        public var isRebuilt: Bool
        /// How many rows.
        public var rows = 0
        /// How many of them only influenced the result.
        public var contextRows = 0
        /// The activities that wrote them, as `pipeline/activity`.
        public var writers: [String] = []
        /// How many of them are in nothing that those activities wrote.
        public var lost = 0
        /// Where they lie: pairs, and the table that these are of; SQL.
        var parts: [(pairs: String, stock: FactoryStock)] = []
    }

    /// Something that rows could not be followed through, or not one by one.
    public struct Gap: Hashable {
        /// What was written, or what all counts.
        public var name: String
        /// The activity, as `pipeline/activity`; empty where the log names none.
        public var activity: String
        /// Why, in words that follow "because".
        public var reason: String
        /// Whether it is that all rows of what is named count.
        public var isWhole: Bool
    }

    /// The table whose rows are traced.
    public let target: String
    /// The steps, from the target back.
    public private(set) var steps: [Step] = []
    /// What could not be followed.
    public private(set) var gaps: [Gap] = []
    /// Activities that may have changed something that is not told, and why.
    public private(set) var silent: [(activity: String, reason: String)] = []
    private let work: RowWorkspace
    private let stocks: FactoryStocks
    private var open: [String: (stock: FactoryStock, selects: [String])] = [:]

    /// Traces rows back.
    ///
    /// - Parameters:
    ///   - target: The table.
    ///   - condition: Which of its rows; SQL. Nil for all.
    ///   - limit: The most rows to trace; nil for all.
    ///   - work: The warehouse, with the events attached.
    /// - Throws: ``DuetError`` for an unknown table or a wrong condition, ``DuckDBError`` when DuckDB cannot be asked.
    init(_ target: String, where condition: String?, limit: Int?, _ work: RowWorkspace) throws {
        self.work = work
        stocks = try FactoryStocks(work, try FactoryHistory(work.connection))
        guard let stock = try Self.find(target, stocks) else {
            throw DuetError(
                .unknownTable,
                "the factory's warehouse has no table '\(target)'",
                hint: Suggestion.hint(for: target, among: stocks.names, noun: "tables")
                    ?? (stocks.names.isEmpty
                        ? "run the factory first: duet run" : "it has: \(stocks.names.joined(separator: ", "))")
            )
        }
        self.target = stock.name
        let filter = condition.map { " WHERE (\($0))" } ?? ""
        let bound = limit.map { " LIMIT \($0)" } ?? ""
        let rows = stock.select(identifier: "__target", restriction: "")
        do {
            let table = try work.table(
                "target",
                "SELECT id AS row, false AS context, id FROM "
                    + "(SELECT __target AS id FROM (\(rows))\(filter) ORDER BY id\(bound))"
            )
            open[stock.key] = (stock, ["SELECT row, context, id FROM \(table.name)"])
        } catch let error as DuckDBError {
            throw DuetError(
                .sqlBinding,
                "the condition cannot be used on '\(stock.name)': \(error.message)",
                hint: "it is SQL over the table's columns: \(stock.columns.map(\.name).joined(separator: ", "))"
            )
        }
        var oldest = Int.max
        // Whoever reads a stock has written later than all who wrote it.
        while let next = open.max(by: { ($0.value.stock.position, $0.key) < ($1.value.stock.position, $1.key) }) {
            open[next.key] = nil
            oldest = min(oldest, next.value.stock.writers.last?.position ?? .max)
            try settle(next.value.stock, next.value.selects)
        }
        for hidden in stocks.history.hidden where hidden.position > oldest {
            if !silent.contains(where: { $0.activity == hidden.activity }) {
                silent.append((hidden.activity, hidden.reason))
            }
        }
        try tally()
    }

    private static func find(_ name: String, _ stocks: FactoryStocks) throws -> FactoryStock? {
        if name.contains(".") { return try stocks.table(name) }
        let found = stocks.names.filter { $0.lowercased().hasSuffix(".\(name.lowercased())") }
        return found.count == 1 ? try stocks.table(found[0]) : nil
    }

    // MARK: - Going back

    /// Gathers the rows of a stock that its readers have found, and goes on to what its writers read.
    private func settle(_ stock: FactoryStock, _ selects: [String]) throws {
        let pairs = try work.table(
            "pairs",
            "SELECT row, bool_and(context) AS context, id FROM (\(selects.joined(separator: " UNION ALL "))) "
                + "GROUP BY row, id ORDER BY row, id"
        )
        guard pairs.rows > 0 || steps.isEmpty else { return }
        // A dataset may stand for files of several kinds.
        var index =
            steps.firstIndex {
                $0.name == stock.name && $0.isFile == (stock.kind == .files)
                    && (!$0.isFile || columns(of: $0) == stock.columns.map(\.name))
            } ?? steps.count
        if index == steps.count {
            steps.append(Step(name: stock.name, isFile: stock.kind == .files, isRebuilt: false))
            index = steps.count - 1
        }
        steps[index].parts.append((pairs.name, stock))
        if stock.kind == .rebuilt { steps[index].isRebuilt = true }
        guard pairs.rows > 0 else { return }
        guard !stock.writers.isEmpty else {
            if stock.kind != .files {
                note(stock.name, "", "no activity in the event log has written it")
            }
            return
        }
        var explained: [String] = []
        var obstacles: [(activity: String, reason: String)] = []
        // What was changed or deleted is told where rows are missing for it.
        let changes = stock.writers.filter { $0.effect == .change && $0.recipe == nil }
        for writer in stock.writers where writer.effect != .change || writer.recipe != nil {
            do {
                if let rows = try follow(writer, stock, pairs.name) {
                    explained.append(rows)
                    if !steps[index].writers.contains(writer.activity) { steps[index].writers.append(writer.activity) }
                }
            } catch let gap as TraceGap {
                obstacles.append((writer.activity, gap.reason))
            } catch let unknown as UnknownLineage {
                obstacles.append((writer.activity, unknown.reason))
            } catch let error as DuckDBError {
                let text = error.message.split(separator: "\n").first.map(String.init) ?? ""
                obstacles.append((writer.activity, "its query cannot be run the other way round (\(text))"))
            }
        }
        let known =
            explained.isEmpty ? "SELECT NULL::BIGINT AS id WHERE false" : explained.joined(separator: " UNION ALL ")
        let lost =
            try work.connection.scalar(
                "SELECT count(DISTINCT id) FROM \(pairs.name) WHERE id NOT IN (SELECT id FROM (\(known)))"
            ).int ?? 0
        steps[index].lost += lost
        // Where all rows are found in what others wrote, what could not be followed has nothing to tell.
        guard lost > 0 else { return }
        for obstacle in obstacles { note(stock.name, obstacle.activity, obstacle.reason) }
        for change in changes {
            note(stock.name, change.activity, "it changed or deleted rows, and what they were before is not kept")
        }
    }

    private func note(_ name: String, _ activity: String, _ reason: String, isWhole: Bool = false) {
        let gap = Gap(name: name, activity: activity, reason: reason, isWhole: isWhole)
        if !gaps.contains(gap) { gaps.append(gap) }
    }

    /// Traces a stock's rows through one activity that wrote into it.
    ///
    /// - Returns: A SELECT of the `id` of those rows that are the activity's; nil when there are none.
    private func follow(_ writer: FactoryHistory.Write, _ stock: FactoryStock, _ pairs: String) throws -> String? {
        let query = try FactoryQuery(writer, stocks)
        let fit = try Fit(query, stock, work)
        let list = fit.columns.enumerated().map { ", s.\(SQL.identifier($0.element.name)) AS c\($0.offset)" }.joined()
        let wanted = try work.table(
            "wanted",
            "SELECT s.rowid AS row, false AS context\(list) FROM \(stock.table) AS s "
                + "WHERE s.rowid IN (SELECT id FROM \(pairs))"
        )
        let goal = WantedRows(name: wanted.name, types: fit.columns.map(\.type), count: wanted.rows)
        // The rows that are this activity's: those that its query gives.
        let match = fit.columns.indices.filter { !fit.blind.contains($0) }.map {
            RowMatch.condition("q.c\($0)", "w.c\($0)", fit.columns[$0].type)
        }
        guard !match.isEmpty else {
            throw TraceGap(reason: "nothing but a clock or chance tells its rows apart")
        }
        let names = fit.columns.indices.map { "c\($0)" }.joined(separator: ", ")
        let own = try work.table(
            "own",
            "SELECT w.* FROM \(goal.name) AS w SEMI JOIN (\(fit.sql)) AS q(\(names)) ON \(RowMatch.all(match))"
        )
        guard own.rows > 0 else { return nil }
        try BackwardTrace(
            work,
            query.relations,
            leaf: { schema, table, identifier, restriction in
                query.stocks[FactoryQuery.key(schema, table)]?.select(identifier: identifier, restriction: restriction)
            },
            found: { [self] schema, table, select in
                guard let inner = query.stocks[FactoryQuery.key(schema, table)] else { return }
                open[inner.key, default: (inner, [])].selects.append(
                    "SELECT p.row, p.context OR m.context AS context, m.id FROM \(pairs) AS p "
                        + "JOIN (\(select)) AS m ON m.row = p.id"
                )
            },
            whole: { [self] schema, table, reason in
                let name = query.stocks[FactoryQuery.key(schema, table)]?.name ?? table
                note(name, writer.activity, reason, isWhole: true)
            }
        ).trace(fit.node, RowScope(), WantedRows(name: own.name, types: goal.types, count: own.rows))
        return "SELECT row AS id FROM \(own.name)"
    }

    /// A query in the columns of the table that its rows were written into.
    private struct Fit {
        var node: JSONValue
        var sql: String
        /// The table's columns that it gives, in its order.
        var columns: [ColumnDescription]
        /// Those of them that are another each time.
        var blind: Set<Int>

        init(_ query: FactoryQuery, _ stock: FactoryStock, _ work: RowWorkspace) throws {
            let pairs = query.columns.enumerated().compactMap { index, column in
                stock.columns.first { $0.name.lowercased() == column.name.lowercased() }.map { (index, $0) }
            }
            guard !pairs.isEmpty else { throw TraceGap(reason: "'\(stock.name)' has none of its columns any more") }
            columns = pairs.map(\.1)
            let isSame =
                pairs.count == query.columns.count
                && pairs.allSatisfy { "\($0.1.type)" == "\(query.columns[$0.0].type)" }
            if isSame {
                (node, sql) = (query.node, query.sql)
            } else {
                // As when it was written: converted to the table's types.
                let list = pairs.map { index, column in
                    "\(column.type)" == "\(query.columns[index].type)"
                        ? "q.c\(index)" : "TRY_CAST(q.c\(index) AS \(column.type))"
                }
                let names = query.columns.indices.map { "c\($0)" }.joined(separator: ", ")
                sql = "SELECT \(list.joined(separator: ", ")) FROM (\(query.sql)) AS q(\(names))"
                let tree = try QueryAnalysis.tree(of: sql, work.connection)["statements"]?.array?.first?["node"]
                node = DerivedNames.given(tree ?? .null)
            }
            blind = []
            let tree: JSONValue = ["statements": [["node": node]]]
            if case .success(let lineage) = Result(catching: { try query.relations.resolver.lineage(of: tree) }) {
                blind = Set(lineage.outputs.indices.filter { !lineage.outputs[$0].origins.models.isEmpty })
            }
        }
    }

    // MARK: - Looking

    /// Counts the rows of each step, those that several readers share once.
    private func tally() throws {
        for index in steps.indices {
            let all = steps[index].parts.map {
                "SELECT id, \(SQL.literal($0.stock.table)) AS part, context FROM \($0.pairs)"
            }
            let counts = try work.connection.rows(
                "SELECT count(*), count(*) FILTER (WHERE c) FROM "
                    + "(SELECT id, bool_and(context) AS c FROM (\(all.joined(separator: " UNION ALL "))) GROUP BY part, id)"
            ).first
            steps[index].rows = counts?[0].int ?? 0
            steps[index].contextRows = counts?[1].int ?? 0
        }
    }

    /// The number of traced rows of the target.
    public var count: Int { steps.first?.rows ?? 0 }

    /// The columns of a step.
    public func columns(of step: Step) -> [String] {
        step.parts.max { $0.stock.columns.count < $1.stock.columns.count }?.stock.columns.map(\.name) ?? []
    }

    /// The rows of a step, those that took part directly first.
    ///
    /// - Parameters:
    ///   - step: The step.
    ///   - limit: The most rows.
    /// - Returns: For rows of files the path and the number of the row in it, for a table's the row identifier, none for
    ///   one that was made anew; whether it is context only; and the values of ``columns(of:)``.
    /// - Throws: ``DuckDBError`` when they cannot be read.
    public func rows(of step: Step, limit: Int) throws -> [(place: Place, isContext: Bool, values: [Value])] {
        let names = columns(of: step)
        var found: [(place: Place, isContext: Bool, values: [Value])] = []
        var seen: Set<String> = []
        for part in step.parts where found.count < limit && seen.insert(part.stock.table).inserted {
            let own = step.parts.filter { $0.stock.table == part.stock.table }.map { "SELECT * FROM \($0.pairs)" }
            let list = names.map { name in
                part.stock.columns.contains { $0.name.lowercased() == name.lowercased() }
                    ? "s.\(SQL.identifier(name))" : "NULL"
            }
            let numbers = stocks.numbers[part.stock.table]
            let place = numbers == nil ? "NULL, NULL" : "n.path, n.number"
            let join = numbers.map { " JOIN \($0) AS n ON n.id = p.id" } ?? ""
            let select = """
                SELECT p.id, p.context, \(place), \(list.joined(separator: ", ")) FROM (
                    SELECT id, bool_and(context) AS context FROM (\(own.joined(separator: " UNION ALL "))) GROUP BY id
                    ORDER BY context, id LIMIT \(limit - found.count)
                ) AS p JOIN \(part.stock.table) AS s ON s.rowid = p.id\(join) ORDER BY p.context, p.id
                """
            for row in try work.connection.rows(select) {
                var place = Place()
                if part.stock.kind == .table { place.rowID = row[0].int }
                place.path = row[2].string
                place.number = row[3].int
                found.append((place, row[1].bool ?? false, Array(row.dropFirst(4))))
            }
        }
        return found
    }

    /// Where a row is.
    public struct Place: Sendable, Hashable {
        /// The row identifier in the table as it is; nil for others.
        public var rowID: Int?
        /// The file's path; nil for tables.
        public var path: String?
        /// The number of the row in the file, from 1, headers not counted; nil for tables.
        public var number: Int?
    }
}
