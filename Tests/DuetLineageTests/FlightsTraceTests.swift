import DuckKit
import DuetEngine
import DuetLineage
import DuetPipeline
import DuetTestSupport
import Testing

/// Traces of the flights pipeline's gold rows, held against the pipeline itself.
@Suite(.serialized) struct FlightsTraceTests {
    /// How many rows of all gold tables are made again; there are fewer in all than the first number.
    private static let sample = [Style.declarative: 700, .procedural: 371]

    @Test(arguments: Style.allCases)
    func `a gold row is made again from nothing but the rows its trace finds, and they lead to it`(
        style: Style
    ) async throws {
        let fixture = try await FlightsFixture.made()
        let seed = TestSeed.announced(for: "traces of flights, \(style)")
        try await offPool {
            let (connection, graph) = try fixture.look(style)
            var random = SeededGenerator(seed: seed)
            let tables = fixture.pipeline.publishedDatasets.filter { $0.layer == "gold" }.map(\.name)
            let fate = try RowFate(
                DatasetName(schema: "silver", table: "flights"),
                where: nil,
                limit: nil,
                pipeline: fixture.pipeline,
                graph: graph,
                style: style,
                connection: connection
            )
            var left = Self.sample[style] ?? 0
            for (index, table) in tables.sorted().enumerated() {
                // Each of these rows has all flights of its airport as its window.
                let isWide = table.table == "worst_routes"
                let trace = try RowTrace(
                    table,
                    where: isWide ? "position % 3 = 1 AND dest < 'M'" : nil,
                    limit: nil,
                    pipeline: fixture.pipeline,
                    graph: graph,
                    style: style,
                    connection: connection
                )
                #expect(trace.wholes.isEmpty)
                let again = try Recomputation(trace)
                let share = style == .declarative ? trace.count : left / (tables.count - index)
                let rows = Array(1...max(1, trace.count)).shuffled(using: &random).prefix(max(1, share))
                left -= rows.count
                for row in rows {
                    #expect(try again.agrees(row: row) == true, "\(table), row \(row), seed \(seed)")
                }
                // Every pair found going back is found going forward, and the other way round.
                let back = try #require(trace.steps.first { $0.dataset.description == "silver.flights" })
                let own = try #require(trace.steps.first)
                let pairs = """
                    SELECT b.id AS source, t.id AS target FROM \(back.table) AS b
                    JOIN \(own.table) AS t ON t.row = b.row WHERE NOT b.context
                    """
                let forward = """
                    SELECT row AS source, id AS target FROM \(try #require(fate.tables[table]))
                    WHERE id IN (SELECT id FROM \(own.table))
                    """
                #expect(try connection.scalar("SELECT count(*) FROM (\(pairs) EXCEPT \(forward))").int == 0, "\(table)")
                #expect(try connection.scalar("SELECT count(*) FROM (\(forward) EXCEPT \(pairs))").int == 0, "\(table)")
            }
        }
    }
}
