import DuckKit
import DuetMaintenance
import DuetTPC
import Testing

/// Rows of joins that are kept, since changes of groups have to find them again.
@Suite struct KeptJoinTests {
    private static let lines = TestTable(
        name: "lines",
        columns: [ViewColumn(name: "part", type: "INTEGER"), ViewColumn(name: "price", type: "INTEGER")]
    )
    private static func parts(isUnique: Bool) -> TestTable {
        TestTable(
            name: "parts",
            columns: [ViewColumn(name: "id", type: "INTEGER"), ViewColumn(name: "brand", type: "VARCHAR")],
            uniqueKey: isUnique ? "id" : nil
        )
    }

    private static let query = """
        SELECT sum(price) AS total FROM lines JOIN parts ON id = part
        WHERE brand = 'x' AND price < (SELECT avg(price) FROM lines AS l WHERE l.part = id)
        """

    private func harness(_ query: String, isUnique: Bool = true) throws -> Harness {
        let connection = try Database().connect()
        for sql in [
            "CREATE TABLE lines(part INTEGER, price INTEGER)", "CREATE TABLE parts(id INTEGER, brand VARCHAR)",
            "INSERT INTO parts VALUES (1, 'x'), (2, 'y'), (3, 'x'), (4, NULL)",
            "INSERT INTO lines VALUES (1, 5), (1, 7), (2, 1), (2, 9), (3, 4), (NULL, 2), (1, NULL)",
        ] { _ = try connection.execute(sql) }
        return try Harness(connection: connection, tables: [Self.lines, Self.parts(isUnique: isUnique)], query: query)
    }

    @Test(arguments: [
        query,
        "SELECT price, id FROM lines JOIN parts ON id = part AND brand = 'x' "
            + "JOIN (SELECT part AS k, max(price) AS most FROM lines GROUP BY part) ON k = part WHERE price = most",
        "SELECT id, count(*) FROM lines JOIN parts ON id = part WHERE brand LIKE 'x%' "
            + "AND price >= (SELECT avg(price) FROM lines AS l WHERE l.part = parts.id) GROUP BY id",
    ])
    func `few rows of a large table are kept for the groups over it`(query: String) throws {
        let harness = try harness(query)
        #expect(harness.program.nodes.contains { $0.rule == "inner join, kept for the groups joined with it" })
        try harness.update(["lines": [("1, 2", 1), ("3, 4", 1), ("2, 3", 1)]])
        #expect(!harness.log.contains { $0.contains("\"lines\" AS \"lines\"(") }, "only its change is read")
        try harness.update(["lines": [("1, 7", -1), ("3, 4", -2)], "parts": [("2, 'y'", -1), ("2, 'x'", 1)]])
        try harness.update([
            "parts": [("1, 'x'", -1), ("1, NULL", 1), ("5, 'x'", 1)], "lines": [("5, 1", 2), ("5, 3", 1)],
        ])
        try harness.update(["parts": [("2, 'x'", -1), ("3, 'x'", -1)]])
        try harness.update(["lines": [("1, 5", -1), ("1, NULL", -1)], "parts": [("1, NULL", -1), ("1, 'x'", 1)]])
    }

    @Test func `nothing is kept where a join may leave many rows, or repeat them`() throws {
        let open = Self.query.replacing("brand = 'x' AND ", with: "")
        #expect(try harness(open).program.nodes.count == 2, "no condition chooses few rows")
        #expect(try harness(Self.query, isUnique: false).program.nodes.count == 2, "the key is not known to be unique")
    }
}
