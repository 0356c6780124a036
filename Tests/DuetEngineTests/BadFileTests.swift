import DuetEngine
import DuetPipeline
import DuetTestSupport
import Testing

/// Source files that are not what they should be: each is named, and both warehouses stay as they were.
@Suite struct BadFileTests {
    /// What is put into a file of the source, and what the message must say.
    private struct Case {
        var name: String
        var file = "orders-2.csv"
        var bytes: [UInt8]
        var words: [String]
        var codes: Set<DuetError.Code> = [.badFormat]
        var layer = "bronze"

        init(_ name: String, _ text: String, says words: String...) {
            self.init(name, Array(text.utf8), says: words)
        }

        init(_ name: String, _ bytes: [UInt8], says words: [String]) {
            self.name = name
            self.bytes = bytes
            self.words = words
        }

        func of(_ file: String) -> Case {
            var copy = self
            copy.file = file
            return copy
        }

        func failing(_ codes: DuetError.Code..., in layer: String) -> Case {
            var copy = self
            copy.codes = Set(codes)
            copy.layer = layer
            return copy
        }
    }

    private static let cases = [
        Case("an HTML page", "<!DOCTYPE html>\n<html><body>not here</body></html>\n", says: "orders-2.csv", "HTML"),
        Case("a binary file", [0x7F, 0x45, 0x4C, 0x46, 0, 0, 0, 1], says: ["orders-2.csv", "binary"]),
        Case("an empty file", "", says: "orders-2.csv", "empty"),
        Case("an empty file that is read whole", "", says: "names.csv", "empty").of("names.csv"),
        Case("a Parquet file", "PAR1 and so on PAR1", says: "orders-2.csv", "parquet"),
        Case("other columns", "number,value\n4,40\n", says: "orders"),
        Case("a column less", "id\n4\n", says: "orders"),
        Case("a row with a field too many", "id,amount\n4,40\n5,50,60\n6,70\n", says: "orders-2.csv"),
        Case("a quote without end", "id,amount\n4,\"40\n5,50\n", says: "orders-2.csv"),
        Case("bytes that are no UTF-8", Array("id,name\n1,".utf8) + [0xC3, 0x28, 0x0A], says: ["names.csv"]).of(
            "names.csv"
        ),
        Case("a broken gzip", [0x1F, 0x8B, 8, 0, 1, 2, 3, 4, 5, 6], says: ["orders"]),
    ]

    @Test func `a file that is not what its format says leaves everything as it was`() async throws {
        let source = try await BadSource.made()
        var last = "orders-2.csv"
        for item in Self.cases {
            if item.file != last { #expect(try await source.recovers()) }
            last = item.file
            let good = try source.fixture.folder.text("data/\(item.file)")
            let errors = try await source.fail(keepingFrom: item.layer) {
                try $0.folder.write(item.bytes, to: "data/\(item.file)")
            }
            for (style, error) in errors {
                let place = "\(item.name), \(style): \(error)"
                #expect(item.codes.contains(error.code), "\(place)")
                for word in item.words { #expect(error.description.contains(word), "\(place)") }
                #expect(error.location?.line ?? 0 > 0, "\(place)")
            }
            try source.fixture.drop(good, item.file)
        }
        #expect(try await source.recovers())
    }

    @Test func `a file that has gone is named with its source`() async throws {
        let source = try await BadSource.made()
        let errors = try await source.fail { try $0.folder.remove("data/names.csv") }
        for (_, error) in errors {
            #expect(error.code == .missingFile)
            #expect(error.message.contains("'names'") && error.message.contains("data/names.csv"))
            #expect(error.location?.line == 5)
        }
    }

    @Test func `all files of a pattern gone are an error and not an empty table`() async throws {
        let source = try await BadSource.made()
        let errors = try await source.fail {
            try $0.folder.remove("data/orders-1.csv")
            try $0.folder.remove("data/orders-2.csv")
        }
        for (_, error) in errors { #expect(error.code == .missingFile) }
    }

    /// A format, a good file and a bad one.
    static let others: [(format: String, good: String, bad: String)] = [
        ("json", #"[{"id": 1}, {"id": 2}]"#, #"[{"id": 1}, {"id": 2"#),
        ("json", #"[{"id": 1}]"#, "id,name\n1,ann\n"),
        ("jsonl", "{\"id\": 1}\n{\"id\": 2}\n", "{\"id\": 1}\n{\"id\": \n"),
        ("jsonl", "{\"id\": 1}\n", "<html><body>no</body></html>"),
    ]

    @Test(arguments: others)
    func `broken JSON is refused`(_ format: String, _ good: String, _ bad: String) async throws {
        let fixture = try PipelineFixture(
            "sources:\n  items: {location: data/items.\(format)}",
            sql: "CREATE MATERIALIZED VIEW gold.items AS SELECT * FROM read_files('${source.items}');"
        )
        try fixture.drop(good, "items.\(format)")
        for style in Style.allCases {
            #expect(try await fixture.run(style).isSuccess)
        }
        let before = try Style.allCases.map { try fixture.content($0) }
        try fixture.drop(bad, "items.\(format)")
        for style in Style.allCases {
            let error = try #require(try await fixture.run(style).errors.first)
            #expect(error.code == .badFormat)
            #expect(error.description.contains("items"))
        }
        #expect(try Style.allCases.map { try fixture.content($0) } == before)
    }

    @Test(arguments: ["id,name\n1,ann\n", "PAR1 but no more", ""])
    func `a file that is not Parquet is refused`(_ text: String) async throws {
        let fixture = try PipelineFixture(
            "sources:\n  items: {location: data/items.parquet}",
            sql: "CREATE MATERIALIZED VIEW gold.items AS SELECT * FROM read_files('${source.items}');"
        )
        try fixture.drop(text, "items.parquet")
        for style in Style.allCases {
            let error = try #require(try await fixture.run(style).errors.first)
            #expect(error.code == .badFormat)
            #expect(error.description.contains("items"))
        }
    }

    @Test func `a list of files that is not one is refused with the line`() async throws {
        let fixture = try PipelineFixture(
            "sources:\n  items: {manifest: data/SHA256SUMS, format: csv}",
            sql: "CREATE MATERIALIZED VIEW gold.items AS SELECT * FROM read_files('${source.items}');"
        )
        for text in ["this is no list\n", "abc  items.csv\n", "\(String(repeating: "a", count: 64))items.csv\n"] {
            try fixture.drop(text, "SHA256SUMS")
            for style in Style.allCases {
                let error = try #require(try await fixture.run(style).errors.first)
                #expect(error.code == .badFormat, "\(error)")
                #expect(error.description.contains("SHA256SUMS"))
            }
        }
        try fixture.drop("\(String(repeating: "a", count: 64))  items.csv\n", "SHA256SUMS")
        for style in Style.allCases {
            #expect(try await fixture.run(style).errors.first?.code == .missingFile)
        }
    }
}
