import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport

/// A small pipeline over local files, which each test spoils in its own way.
struct BadSource {
    let fixture: PipelineFixture

    static let definition = """
        parameters: {divisor: "1"}
        sources:
          orders: {location: data/orders-*.csv}
          names: {location: data/names.csv}
        """
    static let sql = """
        CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE MATERIALIZED VIEW bronze.names AS SELECT * FROM read_files('${source.names}');
        CREATE STREAMING TABLE silver.orders (
            CONSTRAINT positive EXPECT (amount > 0) ON VIOLATION DROP ROW,
            CONSTRAINT known EXPECT (id IS NOT NULL) ON VIOLATION FAIL UPDATE
        ) AS SELECT id, amount::INTEGER * ${divisor} AS amount FROM STREAM(bronze.orders);
        CREATE MATERIALIZED VIEW gold.total AS
          SELECT name, count(*) AS n, sum(amount) AS total FROM silver.orders JOIN bronze.names USING (id) GROUP BY name;
        """

    init() throws {
        fixture = try PipelineFixture(Self.definition, sql: Self.sql)
        try fixture.drop("id,amount\n1,10\n2,-5\n3,7\n", "orders-1.csv")
        try fixture.drop("id,amount\n4,40\n5,50\n", "orders-2.csv")
        try fixture.drop("id,name\n1,ann\n3,bob\n4,ann\n", "names.csv")
    }

    /// A pipeline that has run well once in each style.
    static func made() async throws -> BadSource {
        let source = try BadSource()
        guard try await source.recovers() else { throw TestFailure("the pipeline fails before it is spoiled") }
        return source
    }

    /// Spoils something, runs both styles, and gives what they told.
    ///
    /// - Parameters:
    ///   - parameters: The pipeline's parameters.
    ///   - layer: The first layer that must stay as it was; those before it may have been refreshed already.
    ///   - spoil: What goes wrong.
    /// - Returns: The first error of each style.
    /// - Throws: ``TestFailure`` when a run succeeds or a table is not as before.
    func fail(
        parameters: [String: String] = [:],
        keepingFrom layer: String = "bronze",
        _ spoil: (PipelineFixture) throws -> Void
    ) async throws -> [Style: DuetError] {
        var found: [Style: DuetError] = [:]
        let layers = ["bronze", "silver", "gold"].drop { $0 != layer }
        let before = try Style.allCases.map { try fixture.content($0, of: Array(layers)) }
        try spoil(fixture)
        for style in Style.allCases {
            do {
                let outcome = try await fixture.run(style, parameters: parameters)
                guard let error = outcome.errors.first else { throw TestFailure("\(style) did not fail") }
                guard outcome.events.last?.kind == .runFailed else {
                    throw TestFailure("\(style) ended with \(String(describing: outcome.events.last?.kind))")
                }
                found[style] = error
            } catch let error as DuetError {
                found[style] = error
            } catch let errors as DuetErrors {
                found[style] = errors.errors.first
            }
        }
        let after = try Style.allCases.map { try fixture.content($0, of: Array(layers)) }
        guard after == before else {
            let changes = zip(before, after).flatMap { before, after in
                after.split(separator: "\n").difference(from: before.split(separator: "\n"))
            }
            throw TestFailure("the tables are not as before: \(changes), after \(found)")
        }
        return found
    }

    /// Runs both styles again and says whether they succeed and agree.
    func recovers() async throws -> Bool {
        for style in Style.allCases {
            let outcome = try await fixture.run(style)
            guard outcome.isSuccess else { return false }
        }
        return try fixture.differences().isEmpty
    }
}
