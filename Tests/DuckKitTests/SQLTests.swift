import DuckKit
import Testing

@Suite struct SQLTests {
    private static let names = ["a", "a b", "a\"b", "\"", "'", "select", "a;b", "ü🦆", "\"\u{301}x", "a\\", "$$", "--"]

    @Test(arguments: names)
    func `a quoted name is that name`(_ name: String) throws {
        let connection = try Database().connect()
        #expect(try connection.describe("SELECT 1 AS \(SQL.identifier(name))").map { $0.name } == [name])
        try connection.execute("CREATE SCHEMA \(SQL.identifier("s \(name)"))")
        let table = SQL.qualified("s \(name)", name)
        try connection.execute("CREATE TABLE \(table) AS SELECT 1 AS i")
        #expect(
            try connection.scalar("FROM \(SQL.qualified(catalog: "memory", schema: "s \(name)", name: name))").int == 1
        )
    }

    @Test(arguments: names + ["", "it''s", "line\nbreak", "'; DROP TABLE t; --", "'\u{301}"])
    func `a literal is that text`(_ text: String) throws {
        #expect(try Database().connect().scalar("SELECT \(SQL.literal(text))") == .varchar(text))
    }

    @Test func `names are quoted and doubled`() {
        #expect(SQL.identifier("a\"b") == "\"a\"\"b\"")
        #expect(SQL.qualified("s", "t") == "\"s\".\"t\"")
        #expect(SQL.qualified(nil, "t") == "\"t\"")
        #expect(SQL.qualified(catalog: nil, schema: "s", name: "t") == "\"s\".\"t\"")
        #expect(SQL.literal("it's") == "'it''s'")
    }
}
