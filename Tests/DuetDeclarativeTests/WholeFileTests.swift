import DuckKit
import DuetDeclarative
import DuetEngine
import DuetPipeline
import DuetTestSupport
import Testing

/// Files of which DuckDB would read a part and say nothing.
@Suite struct WholeFileTests {
    private static let sql = "CREATE STREAMING TABLE b.rows AS SELECT * FROM STREAM read_files('${source.rows}'"

    private func fixture(_ options: String = "", format: String = "csv") throws -> PipelineFixture {
        try PipelineFixture("sources: {rows: {location: 'data/*', format: \(format)}}", sql: "\(Self.sql)\(options));")
    }

    /// Writes what a query finds as a file, compressed as its name says.
    private func write(_ query: String, _ name: String, to fixture: PipelineFixture) async throws {
        let path = "\(fixture.folder.path)/data/\(name)"
        try fixture.drop("", name)
        try await offPool { _ = try Database().connect().execute("COPY (\(query)) TO '\(path)'") }
    }

    private func refused(_ fixture: PipelineFixture) async throws -> [DuetError] {
        var errors: [DuetError] = []
        for style in [Style.declarative, .procedural] {
            let outcome = try await fixture.run(style)
            errors.append(try #require(outcome.errors.first, "\(style)"))
        }
        return errors
    }

    @Test(arguments: ["gz", "zst"])
    func `a compressed file that ends too early or is damaged brings no rows`(_ kind: String) async throws {
        let fixture = try fixture()
        try fixture.drop("id,text\n0,first\n", "a.csv")
        try await fixture.run(.declarative)
        let query = "SELECT range AS id, md5(range::VARCHAR) AS text FROM range(50000)"
        try await write(query, "b.csv.\(kind)", to: fixture)
        let whole = try fixture.folder.bytes("data/b.csv.\(kind)")
        var broken = [Array(whole.prefix(whole.count / 2)), Array(whole.dropLast(3)), Array(whole.prefix(7))]
        if kind == "gz" { broken.append(whole.dropLast(8) + [1, 2, 3, 4] + whole.suffix(4)) }
        for bytes in broken {
            try fixture.folder.write(bytes, to: "data/b.csv.\(kind)")
            for error in try await refused(fixture) {
                #expect(error.code == .badFormat, "\(bytes.count) of \(whole.count) bytes: \(error)")
                #expect(error.message.contains("b.csv.\(kind)' is damaged"), "\(error)")
            }
            #expect(try fixture.rows("SELECT count(*) FROM b.rows") == [["1"]])
        }
        try fixture.folder.write(whole, to: "data/b.csv.\(kind)")
        #expect(try await fixture.run(.declarative).isSuccess)
        #expect(try fixture.rows("SELECT count(*) FROM b.rows") == [["50001"]])
    }

    @Test(arguments: ["csv", "parquet"], [true, false])
    func `a column that only a later file has is not left out in silence`(
        _ format: String,
        isFirst: Bool
    ) async throws {
        let fixture = try fixture(format: format)
        try await write("SELECT 1 AS id", "a.\(format)", to: fixture)
        if !isFirst { try await fixture.run(.declarative) }
        try await write("SELECT 2 AS id", "b.\(format)", to: fixture)
        try await write("SELECT 3 AS id, 'lost' AS note", "c.\(format)", to: fixture)
        for error in try await refused(fixture) {
            #expect(error.code == .badFormat)
            #expect(error.message.contains("c.\(format)' has 'note', which"), "\(error)")
            #expect(error.location?.line == 1)
        }
        try fixture.rewrite(sql: "\(Self.sql), schemaEvolutionMode => 'addNewColumns');")
        for style in [Style.declarative, .procedural] { #expect(try await fixture.run(style).isSuccess) }
        #expect(try fixture.rows("SELECT id, note FROM b.rows ORDER BY id").last == ["3", "lost"])
        #expect(try fixture.differences().isEmpty)
    }

    @Test func `an error in a file names the file, the line and options that there are`() async throws {
        let fixture = try fixture()
        try fixture.drop("id,text\n0,first\n", "a.csv")
        try await fixture.run(.declarative)
        // More lines than DuckDB looks at before it decides what the columns are.
        let long = "id,text\n" + String(repeating: "7,seven\n", count: 30_000)
        let broken: [(text: [UInt8], says: [String])] = [
            (Array("id,text\n1,".utf8) + [0xFF, 0xFE, 0x0A], ["b.csv', line", "not written in UTF-8", "encoding"]),
            (Array("id,text\n4,a\n5,b,c\n6,d\n".utf8), ["b.csv': its lines", "DROPMALFORMED"]),
            (Array((long + "5,b,c\n").utf8), ["b.csv', line 30002", "the line is: 5,b,c", "DROPMALFORMED"]),
            (Array((long + "x,b\n").utf8), ["b.csv', line 30002", "the line is: x,b", "schemaHints"]),
            (Array("id\n1\n".utf8), ["b.csv"]),
        ]
        for (bytes, words) in broken {
            try fixture.folder.write(bytes, to: "data/b.csv")
            for error in try await refused(fixture) {
                for word in words { #expect(error.description.contains(word), "\(error)") }
                #expect(!error.description.contains("ossible"), "\(error)")
                #expect(!error.description.contains("union_by_name"), "\(error)")
            }
        }
    }
}
