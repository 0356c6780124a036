import DuckKit
import DuetMaintenance
import DuetTPC

/// The examples of docs/maintenance.md, run as they are written there.
struct WorkedExample {
    let title: String
    /// What the rule does, for readers of the document.
    let text: String
    let query: String
    var change = Self.newOrders
    /// Whether anybody reads the view's change.
    var hasReaders = true

    static let tables = """
        CREATE TABLE orders (id INTEGER, customer INTEGER, amount INTEGER);
        INSERT INTO orders VALUES (1, 10, 5), (2, 10, 7), (3, 20, 1), (4, NULL, 9);
        CREATE TABLE customers (id INTEGER, city VARCHAR);
        INSERT INTO customers VALUES (10, 'Bern'), (20, 'Ulm'), (30, 'Kiel');
        """

    /// One order comes, one goes.
    static let newOrders = Change(table: "orders", rows: [("(5, 20, 4)", 1), ("(2, 10, 7)", -1)])
    /// A customer moves.
    static let movedCustomer = Change(table: "customers", rows: [("(20, 'Ulm')", -1), ("(20, 'Bonn')", 1)])

    struct Change {
        var table: String
        var rows: [(values: String, weight: Int)]
    }

    static let all: [Self] = [
        Self(
            title: "Filter and projection",
            text: "The query itself over the change. What has a negative weight goes, as often as it says.",
            query: "SELECT id, amount * 2 AS double FROM orders WHERE amount > 3"
        ),
        Self(
            title: "Inner join",
            text: """
                The change of one side meets the rows of the other. Were both changed, the change of both together would be \
                in twice, and a third term takes it away once: Δ(A ⋈ B) = ΔA ⋈ B + A ⋈ ΔB − ΔA ⋈ ΔB.
                """,
            query: "SELECT o.id, c.city FROM orders o JOIN customers c ON o.customer = c.id"
        ),
        Self(
            title: "Left join, the kept side changes",
            text: "As an inner join, but rows without a match stay. Only matches of the changed rows are looked for.",
            query: "SELECT o.id, c.city FROM orders o LEFT JOIN customers c ON o.customer = c.id"
        ),
        Self(
            title: "Left join, the other side changes",
            text: """
                Matching rows change as in an inner join. Rows without a match change where a key gets its first match or \
                loses its last, which the table `turned` lists.
                """,
            query: "SELECT o.id, c.city FROM orders o LEFT JOIN customers c ON o.customer = c.id",
            change: movedCustomer
        ),
        Self(
            title: "EXISTS and IN",
            text: "A semi join: a customer comes in with its first order and goes with its last; others do not matter.",
            query: """
                SELECT id, city FROM customers c \
                WHERE EXISTS (FROM orders o WHERE o.customer = c.id AND amount < 7)
                """,
            change: Change(table: "orders", rows: [("(1, 10, 5)", -1), ("(6, 30, 2)", 1)])
        ),
        Self(
            title: "NOT EXISTS",
            text: "An anti join: as before, with the sign turned.",
            query: "SELECT id, city FROM customers c WHERE NOT EXISTS (FROM orders o WHERE o.customer = c.id)",
            change: Change(table: "orders", rows: [("(3, 20, 1)", -1), ("(6, 30, 2)", 1)])
        ),
        Self(
            title: "GROUP BY with sums, counts and averages",
            text: """
                The change is summed by group and added to the groups it touches. Counts and sums that the view does not \
                show are kept in hidden columns; a group goes when its count of rows is zero.
                """,
            query: "SELECT customer, count(*) AS n, avg(amount) AS mean FROM orders GROUP BY customer"
        ),
        Self(
            title: "GROUP BY that nobody reads on from",
            text: """
                Most of a small update's time goes into planning its statements. Where no dataset reads the view, and there \
                are few groups, one statement does all, and no change is written down.
                """,
            query: "SELECT customer, count(*) AS orders, sum(amount) AS total FROM orders GROUP BY customer",
            hasReaders: false
        ),
        Self(
            title: "Least and greatest value",
            text: """
                New values are merged. Only a group that lost the value it shows is computed anew from its rows; `lost` \
                lists these groups, and where it is empty nothing is read.
                """,
            query: "SELECT customer, max(amount) AS most FROM orders GROUP BY customer"
        ),
        Self(
            title: "Other aggregates",
            text: "The groups that the change touches are computed anew from their rows, and no others.",
            query: "SELECT customer, median(amount) AS middle FROM orders GROUP BY customer"
        ),
        Self(
            title: "DISTINCT",
            text: "Equal rows are counted in a hidden column; a row goes when its count is zero.",
            query: "SELECT DISTINCT customer FROM orders"
        ),
        Self(
            title: "Windows",
            text: "Partitions that the change touches are computed anew.",
            query: "SELECT id, rank() OVER (PARTITION BY customer ORDER BY amount DESC) AS place FROM orders"
        ),
        Self(
            title: "Union",
            text: "The changes of all branches. UNION without ALL is DISTINCT over it.",
            query: "SELECT id FROM orders UNION ALL SELECT id FROM customers"
        ),
        Self(
            title: "ORDER BY with LIMIT",
            text: """
                The first rows are computed anew from rows that are kept up to date beneath them, here the groups, and the \
                difference is taken, so that readers get only what has changed.
                """,
            query: """
                SELECT customer, sum(amount) AS total FROM orders GROUP BY customer \
                ORDER BY total DESC, customer LIMIT 1
                """
        ),
        Self(
            title: "Correlated subquery",
            text: """
                The subquery is kept as groups by the columns that tie it to the outer query, and joined. Only groups that \
                some outer row asks for are kept, as far as the outer query's own conditions tell.
                """,
            query: """
                SELECT city, (SELECT sum(amount) FROM orders o WHERE o.customer = c.id) AS total FROM customers c \
                WHERE city <> 'Kiel'
                """
        ),
        Self(
            title: "Subquery tied by more than an equality",
            text: """
                What the subquery uses of the outer rows is kept, each combination of values once, and joined with its own \
                rows; their groups are those of the outer rows. A change of either side meets the other under the tie, and \
                only outer rows whose group moves are touched.
                """,
            query: "SELECT city, (SELECT sum(amount) FROM orders o WHERE o.customer <= c.id) AS total FROM customers c"
        ),
        Self(
            title: "LATERAL with a LIMIT",
            text: """
                As before; the first rows are partitions, one for each outer value, and only those that the change touches \
                are computed anew. A LATERAL without groups, windows, DISTINCT or LIMIT is a join and needs nothing kept.
                """,
            query: """
                SELECT c.city, l.id FROM customers c, \
                LATERAL (SELECT id FROM orders o WHERE o.customer = c.id ORDER BY amount DESC, id LIMIT 1) l
                """
        ),
        Self(
            title: "Lists unnested",
            text: "Row by row: what is made of a row comes and goes with it.",
            query: "SELECT id, i FROM orders, unnest(range(amount // 3)) AS parts(i)"
        ),
        Self(
            title: "Subquery of one row",
            text: """
                DuckDB refuses a scalar subquery that finds several rows. So the least value and the number of rows are all \
                there is to keep, and several rows are refused here too; which rows meet the condition is looked at anew \
                only when the value moves.
                """,
            query: "SELECT id FROM orders WHERE amount >= (SELECT amount FROM orders WHERE customer = 20)",
            change: Change(table: "orders", rows: [("(5, 10, 4)", 1), ("(2, 10, 7)", -1)])
        ),
        Self(
            title: "Totals of distinct values",
            text: """
                Without GROUP BY there is one group, and computing it anew would read everything. The distinct values are \
                kept and counted, as under DISTINCT, and the totals taken from their changes.
                """,
            query: "SELECT count(DISTINCT customer) AS customers, sum(amount) AS amount FROM orders"
        ),
        Self(
            title: "Lists over everything",
            text: """
                A list of all rows is made of all rows. Those of a join are kept, so that they are read and not joined \
                again; those of one table are read where they are.
                """,
            query: """
                SELECT string_agg(c.city, ', ' ORDER BY c.city) AS cities FROM orders o JOIN customers c ON o.customer = c.id
                """
        ),
        Self(
            title: "What has no rule",
            text: """
                A window over all rows may move any row when one changes. The query is computed anew and the difference \
                taken, with the reason in the plan; what reads the view stays incremental.
                """,
            query: "SELECT id, row_number() OVER (ORDER BY amount, id) AS place FROM orders"
        ),
    ]

    /// The example as Markdown: query, change, SQL and result of a real update.
    func markdown() throws -> String {
        let connection = try Database().connect()
        for setting in ViewProgram.connectionSettings { _ = try connection.execute(setting) }
        _ = try connection.execute(Self.tables)
        let frontEnd = DuckFrontEnd(connection: connection)
        let inputs = try ["orders", "customers"].map {
            InputRelation(
                name: $0,
                table: $0,
                columns: try frontEnd.columns(of: "FROM \($0)"),
                delta: "change_of_\($0)"
            )
        }
        let program = try MaintenanceCompiler(frontEnd: frontEnd)
            .compile(view: "view", query: query, inputs: inputs, stateSchema: "")
        for statement in program.nodes.flatMap(\.create) { _ = try connection.execute(statement) }
        try apply(connection)
        var changed: [String: ChangeKind] = [change.table: .mixed]
        var sql: [String] = []
        var rules: [String] = []
        var delta: String?
        for node in program.nodes {
            let update = node.change(
                changedInputs: changed,
                needsDelta: program.needsDelta(of: node, hasReaders: hasReaders),
                stateRows: 3
            )
            guard update.strategy != .nothing else { continue }
            rules.append("`\(node.name)`: \(update.strategy.rawValue), \(update.rule); \(update.reason)")
            for statement in update.statements + update.apply {
                _ = try connection.execute(statement)
                sql.append(statement + ";")
            }
            changed[node.name] = .mixed
            delta = update.deltaTable
        }
        let result = try delta.map { delta in
            let rows = try connection.rows("SELECT * FROM \(delta) ORDER BY ALL").map { row in
                let values = row.dropLast().map { "\($0)" }.joined(separator: ", ")
                return "\((row.last?.int ?? 0) > 0 ? "+" : "−") (\(values))"
            }
            return "Change of the view: \(rows.isEmpty ? "none" : rows.joined(separator: ", "))"
        }
        let view = try connection.rows(program.result.visibleSelect + " ORDER BY ALL").map { row in
            "(\(row.map { "\($0)" }.joined(separator: ", ")))"
        }
        let weights = change.rows.map { "\($0.weight > 0 ? "+" : "−") \($0.values)" }.joined(separator: ", ")
        return """
            ## \(title)

            \(text)

            ```sql
            \(query)
            ```

            Change of `\(change.table)`: \(weights). \(rules.joined(separator: ". "))

            ```sql
            \(sql.joined(separator: "\n"))
            ```

            \(result ?? "The view: \(view.joined(separator: ", "))")

            """
    }

    private func apply(_ connection: Connection) throws {
        let values = change.rows.map { "SELECT \($0.values.dropFirst().dropLast()), \($0.weight)::BIGINT" }
        _ = try connection.execute(
            "CREATE TEMP TABLE change_of_\(change.table) AS SELECT *, 0::BIGINT AS __w FROM \(change.table) LIMIT 0;"
                + "INSERT INTO change_of_\(change.table) \(values.joined(separator: " UNION ALL "))"
        )
        for row in change.rows {
            _ = try connection.execute(
                row.weight > 0
                    ? "INSERT INTO \(change.table) VALUES \(row.values)"
                    : "DELETE FROM \(change.table) WHERE id = \(row.values.dropFirst().prefix { $0 != "," })"
            )
        }
    }
}
