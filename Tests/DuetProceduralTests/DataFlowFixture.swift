import DuckKit
import DuetEngine
import DuetExpression
import DuetFetch
import DuetProcedural
import DuetTestSupport

/// A data flow between tables of the schema `sales`: source `S` reads `people`, source `T` reads `towns`, and the sink
/// `Out` writes `result`.
struct DataFlowFixture {
    let fixture: FactoryFixture
    let warehouse: Warehouse

    /// With an address for the linked service `Api`, and what makes the requests.
    init(http: String = "http://127.0.0.1:9", fetcher: Fetcher = Fetcher()) throws {
        (fixture, warehouse) = try FactoryFixture.working(http: http, fetcher: fetcher)
        let connection = try warehouse.connect()
        try connection.execute(
            """
            CREATE SCHEMA IF NOT EXISTS sales;
            CREATE TABLE sales.people (id INTEGER, name VARCHAR, town VARCHAR, age INTEGER);
            INSERT INTO sales.people VALUES (1, 'Ann', 'Bern', 30), (2, 'Bob', 'Ulm', 40), (3, 'Cid', NULL, NULL),
              (4, 'Dora', 'Bern', 25);
            CREATE TABLE sales.towns (town VARCHAR, land VARCHAR);
            INSERT INTO sales.towns VALUES ('Bern', 'CH'), ('Ulm', 'DE'), ('Wien', 'AT');
            """
        )
    }

    /// Runs a script, and gives the lines of what the sink wrote, values separated by a bar.
    func lines(
        _ script: String,
        order: String = "ALL",
        parameters: String = "{}",
        transformations: String = "",
        sources: [String: String] = ["S": "people", "T": "towns"]
    ) async throws -> [String] {
        let run = try await run(script, parameters: parameters, transformations: transformations, sources: sources)
        if let failure = run.failure { throw failure }
        let query = "SELECT * FROM sales.result ORDER BY \(order)"
        return try warehouse.connect().rows(query).map { row in row.map(\.description).joined(separator: "|") }
    }

    /// Adds a flowlet.
    func flowlet(_ name: String, _ script: String, transformations: String = "") throws {
        let text = ExpressionValue.string(script).json
        try fixture.resource(
            "dataflow",
            name,
            #"{"type": "Flowlet", "typeProperties": {"sources": [], "sinks": [], "transformations": [\#(transformations)], "script": \#(text)}}"#
        )
    }

    func run(
        _ script: String,
        parameters: String = "{}",
        transformations: String = "",
        sources: [String: String] = ["S": "people", "T": "towns"]
    ) async throws -> PipelineRun {
        let text = ExpressionValue.string(script).json
        func end(_ name: String) -> String { #"{"name": "\#(name)", "dataset": \#(reference("Table"))}"# }
        let ends = sources.keys.sorted().filter { script.contains("~> \($0)\n") || script.contains("~> \($0) ") }
        try fixture.resource(
            "dataflow",
            "Flow",
            #"{"type": "MappingDataFlow", "typeProperties": {"sources": [\#(ends.map(end).joined(separator: ", "))], "sinks": [\#(end("Out"))], "transformations": [\#(transformations)], "script": \#(text)}}"#
        )
        let given = ends.map { #""\#($0)": {"name": "\#(sources[$0] ?? "")"}"# } + [#""Out": {"name": "result"}"#]
        try fixture.pipeline(
            "P",
            [
                activity(
                    "ExecuteDataFlow",
                    "Flow",
                    #""dataFlow": {"referenceName": "Flow", "type": "DataFlowReference", "parameters": \#(parameters), "datasetParameters": {\#(given.joined(separator: ", "))}}"#
                )
            ]
        )
        return try await fixture.run()
    }
}
