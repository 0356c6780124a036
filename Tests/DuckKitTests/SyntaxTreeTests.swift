import DuckKit
import Testing

@Suite struct SyntaxTreeTests {
    private let connection: Connection

    init() throws {
        connection = try Database().connect()
    }

    @Test func `a tree needs no tables and names those it reads`() throws {
        let tree = try connection.syntaxTree(of: "SELECT a.x, sum(b.y) FROM s.a JOIN b USING (k) GROUP BY 1")
        #expect(tree.hasPrefix("{\"error\":false,\"statements\":["))
        #expect(tree.contains("\"type\":\"BASE_TABLE\""))
        #expect(tree.contains("\"schema_name\":\"s\""))
    }

    @Test func `a tree becomes SQL again, with the same result`() throws {
        try connection.execute("CREATE TABLE t AS SELECT i, i % 3 AS k FROM range(10) r(i)")
        let sql =
            "WITH c AS (SELECT k, sum(i) AS s FROM t GROUP BY k) SELECT k, 'it''s ' || s FROM c WHERE s > 12 ORDER BY k"
        let again = try connection.sql(fromSyntaxTree: connection.syntaxTree(of: sql))
        #expect(again != sql)
        #expect(try connection.rows(again) == connection.rows(sql))
        #expect(try connection.rows(again).count == 2)
    }

    @Test func `a changed tree becomes other SQL`() throws {
        let tree = try connection.syntaxTree(of: "SELECT x FROM orders")
        let sql = try connection.sql(fromSyntaxTree: tree.replacing("\"orders\"", with: "\"orders delta\""))
        #expect(sql == "SELECT x FROM \"orders delta\"")
    }

    @Test func `a syntax error has a place`() {
        let error = #expect(throws: DuckDBError.self) { try connection.syntaxTree(of: "SELECT a b c FROM t") }
        #expect(error?.operation == .prepare)
        #expect(error?.kind == .parser)
        #expect(error?.message == "syntax error at or near \"c\"")
        #expect(error?.subtype == "SYNTAX_ERROR")
        #expect(error?.sql == "SELECT a b c FROM t")
        #expect(error?.position == 11)
    }

    @Test(arguments: ["INSERT INTO t VALUES (1)", "CREATE TABLE t AS SELECT 1", "DROP TABLE t"])
    func `only SELECT has a tree`(_ sql: String) {
        let error = #expect(throws: DuckDBError.self) { try connection.syntaxTree(of: sql) }
        #expect(error?.kind == .notImplemented)
        #expect(error?.message.contains("Only SELECT") == true)
    }

    @Test(arguments: ["", "{", "{}", "[1]", "{\"error\":false,\"statements\":[]}"])
    func `what is not a tree is refused`(_ json: String) {
        #expect(throws: DuckDBError.self) { try connection.sql(fromSyntaxTree: json) }
    }
}
