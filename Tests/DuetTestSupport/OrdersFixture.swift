import DuckKit
import DuetEngine

extension PipelineFixture {
    /// The statements of bronze over the files of ``orders(sql:)``.
    public static let ordersBronze = """
        CREATE OR REFRESH STREAMING TABLE bronze.orders
        AS SELECT * FROM STREAM read_files('${source.orders}', inferColumnTypes => false, nullValue => 'NA');
        CREATE OR REFRESH MATERIALIZED VIEW bronze.people
        AS SELECT * FROM read_files('${source.people}', inferColumnTypes => false);

        """

    /// A pipeline over orders in two files, which a manifest lists with their sums, and one file of people.
    ///
    /// - Parameter sql: The statements.
    /// - Returns: The pipeline, with its files.
    /// - Throws: An error when the folder cannot be written.
    public static func orders(sql: String) throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            """
            sources:
              orders:
                manifest: data/orders/SHA256SUMS
                format: csv
              people:
                location: data/people.csv
            """,
            sql: sql
        )
        try fixture.drop("id,person,amount\n1,a,10\n2,b,NA\n", "orders/1.csv")
        try fixture.drop("id,person,amount\n3,a,-5\n4,b,7\n", "orders/2.csv")
        try fixture.drop("person,name\na,Ann\nb,Bob\n", "people.csv")
        let sums = try ["1.csv", "2.csv"].map { name in
            let sum = try Warehouse.scratch().rows(
                "SELECT sha256(content) FROM read_blob(?)",
                [.varchar("\(fixture.folder.path)/data/orders/\(name)")]
            )
            return "\(sum[0][0].description)  \(name)\n"
        }
        try fixture.drop(sums.joined(), "orders/SHA256SUMS")
        return fixture
    }
}
