import DuckKit
import DuetEngine
import DuetFactory
import DuetFetch
import DuetPipeline
import DuetProcedural
import DuetTestSupport

extension FactoryFixture {
    /// A fixture whose activities work: folder `files/`, schema `sales` with procedures/, commands/.
    static func working(
        http: String = "http://127.0.0.1:9",
        fetcher: Fetcher = Fetcher()
    ) throws -> (fixture: FactoryFixture, warehouse: Warehouse) {
        var fixture = try FactoryFixture()
        let path = fixture.folder.path
        let warehouse = try Warehouse(path: "\(path)/home/w.duckdb", settings: EngineSettings(threads: 2))
        let environment = FactoryEnvironment(
            warehouse: warehouse,
            standIns: StandIns(places: [
                "Files": .folder("\(path)/files"), "Sql": .schema("sales", procedures: "\(path)/procedures"),
                "Api": .http(http), "Bricks": .commands("\(path)/commands"),
            ]),
            fetcher: fetcher,
            workFolder: "\(path)/work"
        )
        fixture.handlers = environment.handlers
        for (name, type) in [
            ("Files", "AzureBlobStorage"), ("Sql", "AzureSqlDatabase"), ("Api", "RestService"),
            ("Bricks", "AzureDatabricks"),
        ] {
            try fixture.resource(
                "linkedService",
                name,
                #"{"type": "\#(type)", "typeProperties": {"connectionString": "Server=x;Password=never-shown"}}"#
            )
        }
        try fixture.dataset(
            "Csv",
            "DelimitedText",
            #""location": {"container": "in", "fileName": "@dataset().file"}, "columnDelimiter": ",", "firstRowAsHeader": true, "quoteChar": "\"""#,
            parameters: ["file"]
        )
        try fixture.dataset(
            "Table",
            "AzureSqlTable",
            #""schema": "dbo", "table": "@dataset().name""#,
            service: "Sql",
            parameters: ["name"]
        )
        return (fixture, warehouse)
    }

    func dataset(
        _ name: String,
        _ type: String,
        _ properties: String,
        service: String = "Files",
        parameters: [String] = []
    ) throws {
        let declared = parameters.map { #""\#($0)": {"type": "String"}"# }.joined(separator: ", ")
        try resource(
            "dataset",
            name,
            #"{"type": "\#(type)", "linkedServiceName": {"referenceName": "\#(service)", "type": "LinkedServiceReference"}, "parameters": {\#(declared)}, "typeProperties": {\#(properties)}}"#
        )
    }
}

func reference(_ name: String, _ parameters: String = "{}") -> String {
    #"{"referenceName": "\#(name)", "type": "DatasetReference", "parameters": \#(parameters)}"#
}

func copy(_ name: String, _ properties: String, from: String, to: String, _ dependencies: String...) -> String {
    let dependsOn = dependencies.isEmpty ? "" : #", "dependsOn": [\#(dependencies.joined(separator: ", "))]"#
    return
        #"{"name": "\#(name)", "type": "Copy", "typeProperties": {\#(properties)}, "inputs": [\#(from)], "outputs": [\#(to)]\#(dependsOn)}"#
}

let onSql = #", "linkedServiceName": {"referenceName": "Sql", "type": "LinkedServiceReference"}"#
