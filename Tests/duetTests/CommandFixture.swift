import DuetEngine
import DuetPipeline
import DuetTestSupport
import Foundation

/// A pipeline's folder named `pipeline`, and the built command to run on it from the folder around it.
struct CommandFixture {
    let folder: TemporaryFolder
    let command: BuiltCommand

    static let definition = """
        name: fixture
        parameters: {base: data, last: "9"}
        sources:
          orders: {location: "${base}/orders-*.csv"}
          names: {location: "${base}/names.csv"}
        """
    /// The same with a scenario, whose files come from a server, which knows no patterns.
    static let scenario = """
        name: fixture
        parameters: {base: data}
        sources:
          orders: {manifest: "${base}/orders/SHA256SUMS", format: csv}
          names: {location: "${base}/names.csv"}
        scenario:
          - step: initial load
            write:
              - {file: orders/one.csv, query: "SELECT range AS id, range * 3 AS amount FROM range(20)"}
              - {file: names.csv, query: "SELECT range AS id, 'n' || range AS name FROM range(5)"}
          - step: nothing changed
          - step: one more file
            write:
              - {file: orders/two.csv, query: "SELECT range + 20 AS id, range AS amount FROM range(7)"}
        """
    static let sql = """
        CREATE STREAMING TABLE bronze.orders COMMENT 'as they come'
          AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE MATERIALIZED VIEW bronze.names AS SELECT * FROM read_files('${source.names}');
        CREATE STREAMING TABLE silver.orders (CONSTRAINT some EXPECT (amount > 0) ON VIOLATION DROP ROW)
          AS SELECT id, amount FROM STREAM(bronze.orders);
        CREATE MATERIALIZED VIEW gold.named AS
          SELECT name, amount FROM silver.orders JOIN bronze.names USING (id);
        CREATE MATERIALIZED VIEW gold.total AS SELECT count(*) AS n, sum(amount) AS total FROM silver.orders;
        """

    /// Writes the pipeline, and the files of its first step unless told not to.
    init(definition: String = definition, sql: String = sql, withData: Bool = true) throws {
        folder = try TemporaryFolder()
        command = try BuiltCommand()
        try folder.write(definition, to: "pipeline/pipeline.yml")
        try folder.write(sql, to: "pipeline/transformations/all.sql")
        guard withData else { return }
        try drop("id,amount\n1,10\n2,-5\n3,7\n", "orders-1.csv")
        try drop("id,name\n1,ann\n3,bob\n", "names.csv")
    }

    func drop(_ text: String, _ name: String) throws { try folder.write(text, to: "pipeline/data/\(name)") }

    func pipeline() throws -> Pipeline { try Pipeline.load(folder: "\(folder.path)/pipeline") }

    func home(_ root: String = ".duet") -> PipelineHome {
        PipelineHome(pipeline: "fixture", root: "\(folder.path)/\(root)")
    }

    func content(_ style: Style) throws -> String { try PipelineFixture.content(of: home().warehouse(style)) }

    /// Runs `duet` with arguments in the folder around the pipeline's.
    @discardableResult
    func duet(_ arguments: String..., under wrapper: [String] = []) async throws -> BuiltCommand.Result {
        try await command.run(arguments, in: folder, under: wrapper)
    }

    /// The argument that chooses a style.
    static func style(_ style: Style) -> String { "--style=\(style.rawValue)" }
}
