import DuetEngine
import DuetPipeline
import DuetTestSupport
import Testing

/// Change capture over generated events: whatever the order and the batches in which they come, the tables are the same.
@Suite struct CaptureConvergenceTests {
    private struct Random: RandomNumberGenerator {
        var state: UInt64

        // SplitMix64: a case is told by its seed alone.
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    private static let variants = [
        "APPLY AS DELETE WHEN op = 'D' SEQUENCE BY seq COLUMNS * EXCEPT (op)",
        "IGNORE NULL UPDATES APPLY AS DELETE WHEN op = 'D' APPLY AS TRUNCATE WHEN op = 'T' SEQUENCE BY seq",
        "APPLY AS DELETE WHEN op = 'D' SEQUENCE BY seq COLUMNS * EXCEPT (op, seq) STORED AS SCD TYPE 2",
        "IGNORE NULL UPDATES APPLY AS DELETE WHEN op = 'D' SEQUENCE BY STRUCT(seq, a) COLUMNS (k, a, b) STORED AS SCD "
            + "TYPE 2 TRACK HISTORY ON (a)",
    ]

    private static let sql =
        "CREATE STREAMING TABLE bronze.e AS SELECT * FROM STREAM read_files('${source.events}');\n"
        + variants.indices.map {
            "CREATE STREAMING TABLE silver.t\($0);\n"
                + "AUTO CDC INTO silver.t\($0) FROM STREAM(bronze.e) KEYS (k) \(variants[$0]);"
        }.joined(separator: "\n")

    private static func fixture() throws -> PipelineFixture {
        try PipelineFixture(
            "sources: {events: {location: data/*.csv, options: {nullValue: ''}}}",
            sql: sql
        )
    }

    private static func tables(_ fixture: PipelineFixture, _ style: Style = .declarative) throws -> [[[String]]] {
        try variants.indices.map { try fixture.rows("SELECT * FROM silver.t\($0) ORDER BY ALL", style) }
    }

    /// An event as a line of csv; few keys, places and values, so that ties, late ones and repetitions are common.
    private static func event(_ random: inout Random) -> String {
        let op = ["I", "U", "U", "U", "D", "T"].randomElement(using: &random) ?? "U"
        // Truncations are rare, or nothing would be left to look at.
        let kept = op == "T" && Int.random(in: 0..<8, using: &random) > 0 ? "U" : op
        let value = { (random: inout Random) in ["", "1", "2", "3"].randomElement(using: &random) ?? "" }
        let key = Int.random(in: 1...4, using: &random)
        let place = Int.random(in: 1...12, using: &random)
        return "\(key),\(place),\(kept),\(value(&random)),\(value(&random))"
    }

    @Test(arguments: [11, 22, 33, 44] as [UInt64])
    func `any order and batching of the same events gives the same tables`(seed: UInt64) async throws {
        var random = Random(state: seed)
        let events = (0..<40).map { _ in Self.event(&random) }
        var expected: [[[String]]]?
        for run in 0..<2 {
            let fixture = try Self.fixture()
            // A complete first line in every file keeps the types the same; it is an event like others.
            var lines = events.shuffled(using: &random)
            // What was delivered once may be delivered again.
            if run > 0 { lines += lines.prefix(5) }
            var part = 0
            while !lines.isEmpty {
                let size = min(lines.count, Int.random(in: 8...30, using: &random))
                try fixture.drop(
                    "k,seq,op,a,b\n9,1,I,1,1\n\(lines.prefix(size).joined(separator: "\n"))\n",
                    "part-\(part).csv"
                )
                lines.removeFirst(size)
                part += 1
                let outcome = try await fixture.run(.declarative)
                #expect(outcome.isSuccess, "seed \(seed), run \(run): \(outcome.errors)")
            }
            let tables = try Self.tables(fixture)
            #expect(tables.allSatisfy { !$0.isEmpty })
            if run == 0 {
                expected = tables
                #expect(try await fixture.run(.procedural).isSuccess)
                #expect(try Self.tables(fixture, .procedural) == tables, "seed \(seed): procedural")
            }
            #expect(tables == expected, "seed \(seed), run \(run)")
        }
    }
}
