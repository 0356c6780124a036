import DuetPipeline
import DuetStudio
import DuetTestSupport
import Foundation

/// A studio over a small pipeline with a scenario, and requests to it.
final class StudioFixture: Sendable {
    let folder: TemporaryFolder
    let studio: Studio
    let address: URL
    let token: String

    private static let definition = """
        name: shop
        parameters:
          base: data
        sources:
          orders:
            location: ${base}/orders.csv
          people:
            location: ${base}/people.csv
        scenario:
          - step: first
            write:
              - file: orders.csv
                query: SELECT i AS id, i % 3 AS person, i * 10 AS amount FROM range(1, 31) AS t(i)
              - file: people.csv
                query: SELECT i AS person, 'p' || i AS name FROM range(3) AS t(i)
          - step: nothing
          - step: more
            write:
              - file: people.csv
                query: SELECT i AS person, 'q' || i AS name FROM range(3) AS t(i)
        """
    private static let sql = """
        CREATE OR REFRESH MATERIALIZED VIEW bronze.orders AS SELECT * FROM read_files('${source.orders}');
        CREATE OR REFRESH MATERIALIZED VIEW bronze.people AS SELECT * FROM read_files('${source.people}');
        CREATE OR REFRESH MATERIALIZED VIEW silver.orders (
          CONSTRAINT enough EXPECT (amount > 50) ON VIOLATION DROP ROW
        ) COMMENT 'Orders that count' AS SELECT * FROM bronze.orders;
        CREATE OR REFRESH MATERIALIZED VIEW gold.totals AS
        SELECT name, sum(amount)::BIGINT AS amount FROM silver.orders JOIN bronze.people USING (person) GROUP BY name;
        """

    init(port: UInt16 = 0, command: String? = nil) async throws {
        folder = try TemporaryFolder()
        try folder.write(Self.definition, to: "shop/pipeline.yml")
        try folder.write(Self.sql, to: "shop/transformations/all.sql")
        var options = Studio.Options(folder: "\(folder.path)/shop", workFolder: "\(folder.path)/work")
        options.libraryFolder = Repository.path(".deps/studio")
        options.lessonFolder = Repository.path("docs/lessons")
        options.port = port
        options.command = command
        studio = try Studio(options)
        address = try await studio.start()
        token = address.query?.replacingOccurrences(of: "token=", with: "") ?? ""
    }

    /// Sends a request; the token goes with it unless told otherwise.
    func ask(
        _ path: String,
        method: String = "GET",
        body: String? = nil,
        headers: [String: String] = [:],
        withToken: Bool = true
    ) async throws -> RawHTTP.Answer {
        var fields = headers
        if withToken { fields["Authorization"] = "Bearer \(token)" }
        return try await RawHTTP.send(
            method: method,
            port: UInt16(address.port ?? 0),
            path: path,
            headers: fields,
            body: body
        )
    }

    /// Tells the studio to do something, as the page does.
    func tell(_ path: String, _ body: JSONValue = [:]) async throws -> RawHTTP.Answer {
        try await ask(path, method: "POST", body: body.text(), headers: ["X-Duet": "1"])
    }
}
