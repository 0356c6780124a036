import DuetEngine
import DuetEvents
import DuetReport
import DuetTestSupport
import Testing

/// The styles' one promise, over inputs nobody has thought of: after every change of the sources both have the same
/// tables.
@Suite struct PropertyTests {
    private static let definition = """
        sources:
          orders: {location: data/orders-*.csv, options: {inferColumnTypes: "false"}}
          customers: {location: data/customers.csv, options: {inferColumnTypes: "false"}}
        """
    private static let sql = """
        CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE MATERIALIZED VIEW bronze.customers AS SELECT * FROM read_files('${source.customers}');
        CREATE STREAMING TABLE silver.orders (
            CONSTRAINT has_id EXPECT (id IS NOT NULL) ON VIOLATION DROP ROW,
            CONSTRAINT small EXPECT (abs(amount) < 450) ON VIOLATION DROP ROW,
            CONSTRAINT positive EXPECT (amount > 0)
        ) AS SELECT id::INTEGER AS id, customer::INTEGER AS customer, amount::DECIMAL(9, 2) AS amount,
            day::DATE AS day, note
          FROM STREAM(bronze.orders);
        CREATE STREAMING TABLE silver.notes AS
          SELECT id, upper(note) AS note FROM STREAM(silver.orders) WHERE note IS NOT NULL AND note <> '';
        CREATE STREAMING TABLE silver.by_value AS
          SELECT o.id, o.amount, s.name FROM STREAM(silver.orders) AS o
            JOIN (VALUES (1, 'one'), (2, 'two'), (2, 'zwei')) AS s (number, name) ON o.customer = s.number;
        CREATE VIEW silver.named AS
          SELECT o.*, c.name FROM silver.orders AS o
            LEFT JOIN bronze.customers AS c ON c.number::INTEGER = o.customer;
        CREATE MATERIALIZED VIEW gold.orders AS SELECT * FROM silver.named;
        CREATE MATERIALIZED VIEW gold.by_customer AS
          SELECT customer, count(*) AS n, sum(amount) AS total, min(day) AS first, max(note) AS last, avg(amount) AS mean
          FROM silver.orders GROUP BY customer;
        CREATE MATERIALIZED VIEW gold.unknown AS
          SELECT o.id, o.customer FROM silver.orders AS o
          WHERE NOT EXISTS (SELECT 1 FROM bronze.customers AS c WHERE c.number::INTEGER = o.customer);
        CREATE MATERIALIZED VIEW gold.ranked AS
          SELECT customer, id, amount, rank() OVER (PARTITION BY customer ORDER BY amount DESC) AS place
          FROM silver.orders QUALIFY place <= 2;
        CREATE MATERIALIZED VIEW gold.days AS SELECT DISTINCT day FROM silver.orders WHERE amount > 0;
        CREATE MATERIALIZED VIEW gold.both AS
          SELECT id, note FROM silver.notes UNION ALL SELECT id, name FROM silver.by_value;
        CREATE MATERIALIZED VIEW gold.of_gold AS
          SELECT n, count(*) AS customers, sum(total) AS total FROM gold.by_customer GROUP BY n HAVING count(*) > 0;
        """

    @Test func `after any change of the sources both styles have the same tables`() async throws {
        let seed = TestSeed.announced(for: "property test")
        for number in 0..<15 { try await play(seed: seed &+ UInt64(number), rounds: 6) }
    }

    private func play(seed: UInt64, rounds: Int) async throws {
        let fixture = try PipelineFixture(Self.definition, sql: Self.sql)
        var data = GeneratedData(random: SeededGenerator(seed: seed))
        try fixture.drop(data.customers(), "customers.csv")
        for round in 1...rounds {
            let changes = try data.change(fixture)
            let place = "seed \(seed), round \(round): \(changes.joined(separator: " "))"
            for style in [Style.declarative, .procedural] {
                let outcome = try await fixture.run(style)
                #expect(outcome.errors.isEmpty, "\(place), \(style)")
                let faults = EventLogValidator.faults(in: outcome.events)
                #expect(faults.isEmpty, "\(place), \(style)")
            }
            let differences = try fixture.differences()
            #expect(differences.isEmpty, "\(place): \(differences.map { "\($0.name) \($0.note ?? "") \($0.samples)" })")
            // What follows from a difference is not worth a second message.
            guard differences.isEmpty else { return }
        }
    }
}
