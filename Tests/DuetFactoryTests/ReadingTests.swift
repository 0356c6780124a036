import DuetFactory
import DuetPipeline
import DuetTestSupport
import Testing

@Suite struct ReadingTests {
    @Test func `names of properties, types and conditions may be written in any case`() throws {
        let folder = try FactoryFolder()
        try folder.folder.write(
            #"{"Name": "P", "Properties": {"ACTIVITIES": [{"name": "A", "type": "wait", "TypeProperties": {"WaitTimeInSeconds": 1}},"#
                + #"{"name": "B", "type": "WAIT", "typeProperties": {"waitTimeInSeconds": 1}, "dependsOn": "#
                + #"[{"activity": "a", "dependencyConditions": ["SUCCEEDED", "skipped"]}]}]}}"#,
            to: "Pipeline/P.json"
        )
        let factory = try folder.load()
        #expect(factory.findings.isEmpty)
        let second = try #require(factory.pipelines.first?.activities.last)
        #expect(second.kind == .wait)
        #expect(second.dependsOn.first?.conditions == [.succeeded, .skipped])
    }

    @Test func `every value knows its line and column`() throws {
        let file = SourceFile(path: "a.json", text: "{\n  \"ä\": [1, true,\n    \"x\"]\n}")
        var tolerated: [JSONFault] = []
        let node = try JSONNode.read(file, tolerated: &tolerated)
        let elements = try #require(node["ä"]).elements
        #expect(elements.map { "\(file.location(at: $0.offset))" } == ["a.json:2:9", "a.json:2:12", "a.json:3:5"])
    }

    @Test func `what Newtonsoft's reader takes beyond JSON is taken and told`() throws {
        let file = SourceFile(path: "a.json", text: "{ // note\n \"a\": [1, 2,], /* b */ 'c': 'd',\n\"e\": \"f\ng\" }")
        var tolerated: [JSONFault] = []
        let node = try JSONNode.read(file, tolerated: &tolerated)
        #expect(node["e"]?.string == "f\ng")
        #expect(node["c"]?.string == "d")
        #expect(tolerated.count == 6)
    }

    @Test(arguments: ["{", "{\"a\": }", "[1 2]", "{\"a\" 1}", "\"\\q\"", "{\"a\": 1} x", "nul", "\"abc", "/* a", "-"])
    func `text that is no JSON is refused with its place`(_ text: String) {
        var tolerated: [JSONFault] = []
        #expect(throws: JSONFault.self) { try JSONNode.read(SourceFile(path: "a", text: text), tolerated: &tolerated) }
    }

    @Test func `nesting without end is refused, not followed`() {
        var tolerated: [JSONFault] = []
        let text = String(repeating: "[", count: 100_000)
        #expect(throws: JSONFault.self) { try JSONNode.read(SourceFile(path: "a", text: text), tolerated: &tolerated) }
    }

    @Test func `a broken file is told and does not hide the others`() throws {
        let folder = try FactoryFolder().pipeline("P", wait("A"))
        try folder.folder.write("{ \"name\": \"Q\",\n  \"properties\" }", to: "pipeline/Q.json")
        let factory = try folder.load()
        #expect(factory.pipelines.map(\.name) == ["P"])
        #expect(factory.findings.first?.error.code == .jsonSyntax)
        #expect(factory.findings.first?.error.location?.line == 2)
        #expect(factory.unparsedCount == 1)
    }

    @Test func `two pipelines of one name are an error`() throws {
        let folder = try FactoryFolder().pipeline("P", wait("A"))
        try folder.folder.write(#"{"name": "p", "properties": {"activities": []}}"#, to: "pipeline/Z.json")
        #expect(try folder.load().findings.map(\.error.code) == [.duplicateName])
    }

    @Test func `an ARM template gives the same pipelines, nested ones too`() throws {
        let folder = try TemporaryFolder()
        let pipeline =
            #"{"activities": [\#(wait("A")), {"name": "S", "type": "Fail", "typeProperties": {"message": "[[x]", "errorCode": "[parameters('code')]"}}]}"#
        try folder.write(
            """
            {"$schema": "deploymentTemplate.json#", "parameters": {"code": {"defaultValue": "42"}}, "resources": [
              {"name": "[concat(parameters('factoryName'), '/One')]", "type": "Microsoft.DataFactory/factories/pipelines",
               "properties": \(pipeline)},
              {"name": "f", "type": "Microsoft.DataFactory/factories", "resources": [
                {"name": "Two", "type": "pipelines", "properties": \(pipeline)}]},
              {"type": "Microsoft.Resources/deployments", "name": "d", "properties": {"template": {"resources": [
                {"name": "[format('{0}/{1}', parameters('f'), 'Three')]", "type": "Microsoft.DataFactory/factories/pipelines",
                 "properties": \(pipeline)}]}}}
            ]}
            """,
            to: "arm.json"
        )
        let factory = try Factory.load(folder.path)
        #expect(factory.pipelines.map(\.name) == ["One", "Three", "Two"])
        let fail = try #require(factory.pipelines.first?.activities.last)
        #expect(fail.typeProperties["message"]?.string == "[x]")
        #expect(fail.typeProperties["errorCode"]?.string == "42")
    }

    @Test(arguments: [
        ("0.12:00:00", 43_200.0), ("7.00:00:00", 604_800), ("00:10:00", 600), ("1:30", 5_400), ("00:00:01.5", 1.5),
        ("2", 172_800),
    ])
    func `time spans are read as the service writes them`(_ text: String, _ seconds: Double) {
        #expect(TimeSpan.seconds(text) == seconds)
    }

    @Test(arguments: ["", "x", "1.x:00:00", "-1:00:00", "1:2:3:4", "12:00:00:00"])
    func `other text is no time span`(_ text: String) { #expect(TimeSpan.seconds(text) == nil) }

    @Test func `what duet does not know is kept`() throws {
        let folder = try FactoryFolder().pipeline(
            "P",
            #"{"name": "A", "type": "Wait", "futureThing": {"deep": [1, 2.5, null]}, "typeProperties": {"waitTimeInSeconds": 1}}"#
        )
        let factory = try folder.load()
        let written = try #require(factory.pipelines.first?.resource.node.jsonValue)
        #expect(written["properties"]?["activities"]?.array?.first?["futureThing"]?["deep"] == [1, 2.5, nil])
    }

    @Test func `counts say what is read, clean and runnable`() throws {
        let folder = try FactoryFolder().pipeline("Good", wait("A")).pipeline("Bad", wait("A", after: "x"))
        try folder.pipeline(
            "Caller",
            #"{"name": "E", "type": "ExecutePipeline", "typeProperties": {"pipeline": {"referenceName": "Bad", "type": "PipelineReference"}}}"#
        )
        let summary = FactorySummary([try folder.load()])
        #expect(summary.files == 3)
        #expect(summary.parsed == 3)
        #expect(summary.clean == 2)
        #expect(summary.runnable == 1)
    }

    @Test func `names that a template puts together are found by what refers to them`() throws {
        let folder = try TemporaryFolder()
        let call =
            #"{"name": "E", "type": "ExecutePipeline", "typeProperties": {"pipeline": {"referenceName": "[concat('Load_', parameters('ir'))]", "type": "PipelineReference"}}}"#
        func resource(_ name: String, _ activities: String) -> String {
            #"{"name": "[concat(parameters('factory'), '/', '\#(name)_', parameters('ir'))]", "type": "Microsoft.DataFactory/factories/pipelines", "properties": {"activities": [\#(activities)]}}"#
        }
        try folder.write(#"{"resources": [\#(resource("Load", wait("A"))), \#(resource("Call", call))]}"#, to: "a.json")
        let factory = try Factory.load(folder.path)
        #expect(factory.pipelines.map(\.name) == ["Call_{ir}", "Load_{ir}"])
        #expect(factory.findings.isEmpty)
        #expect(FactorySummary([factory]).runnable == 2)
    }

    @Test func `a template that is no JSON is told and counted`() throws {
        let folder = try TemporaryFolder()
        try folder.write(#"{"resources": [{"type": "Microsoft.DataFactory/factories/pipelines" "#, to: "a.json")
        let summary = FactorySummary(try Factory.load(all: folder.path))
        #expect(summary.files == 1)
        #expect(summary.parsed == 0)
        #expect(summary.findings == ["JSON_SYNTAX": 1])
    }

    @Test func `a nested template sees what is handed to it, and format fills in`() throws {
        let folder = try TemporaryFolder()
        let inner =
            #"{"parameters": {"app": {"type": "object"}}, "variables": {"kind": "msexports"}, "resources": [{"type": "Microsoft.DataFactory/factories/pipelines", "name": "[format('{0}/{1}_ETL', parameters('app').factory, variables('kind'))]", "properties": {"activities": [{"name": "F", "type": "Fail", "typeProperties": {"message": "[format('@{{pipeline().RunId}} in {0}', parameters('app').place)]", "errorCode": "1"}}]}}]}"#
        let outer =
            #"{"parameters": {"place": {"defaultValue": "hub"}}, "resources": [{"type": "Microsoft.Resources/deployments", "name": "x", "properties": {"expressionEvaluationOptions": {"scope": "inner"}, "parameters": {"app": {"value": {"factory": "f", "place": "[toUpper(parameters('place'))]"}}}, "template": \#(inner)}}]}"#
        try folder.write(outer, to: "a.json")
        let factory = try Factory.load(folder.path)
        #expect(factory.pipelines.map(\.name) == ["msexports_ETL"])
        let message = factory.pipelines.first?.activities.first?.typeProperties["message"]?.string
        #expect(message == "@{pipeline().RunId} in HUB")
    }

    @Test func `a data flow's faults are told with line and column, and keep its pipeline from running`() throws {
        let folder = try FactoryFolder().pipeline(
            "P",
            #"{"name": "D", "type": "ExecuteDataFlow", "typeProperties": {"dataFlow": {"referenceName": "Flow", "type": "DataFlowReference"}}}"#
        )
        try folder.folder.write(
            """
            {"name": "Flow", "properties": {"type": "MappingDataFlow", "typeProperties": {"scriptLines": [
            "source() ~> A",
            "A derive(x = upper(name) ~> B"
            ]}}}
            """,
            to: "dataflow/Flow.json"
        )
        let factory = try folder.load()
        let error = try #require(factory.findings.first?.error)
        #expect(error.code.name == "DATA_FLOW_SYNTAX")
        #expect(error.location?.line == 3)
        #expect(error.location?.column == 27)
        #expect(FactorySummary([factory]).runnable == 0)
    }

    @Test func `folder, annotations, run dimensions, concurrency and the pipeline's policy are kept as written`() throws
    {
        let folder = try FactoryFolder().pipeline(
            "P",
            wait("A"),
            #""folder": {"name": "daily/load"}, "annotations": ["nightly", {"name": "tag"}], "runDimensions": {"team": "x"}, "concurrency": 2, "policy": {"elapsedTimeMetric": {"duration": "0.00:10:00"}}"#
        )
        let factory = try folder.load()
        let pipeline = try #require(factory.pipelines.first)
        #expect(factory.findings.isEmpty)
        #expect(pipeline.concurrency == 2)
        let properties = try #require(pipeline.resource.node.jsonValue["properties"])
        #expect(properties["folder"]?["name"] == "daily/load")
        #expect(properties["annotations"]?.array?.count == 2)
        #expect(properties["runDimensions"]?["team"] == "x")
        #expect(properties["policy"]?["elapsedTimeMetric"]?["duration"] == "0.00:10:00")
    }

    @Test func `a pipeline in a folder below pipeline is one of the factory`() throws {
        let folder = try FactoryFolder().pipeline("P", wait("A"))
        try folder.folder.write(#"{"name": "Q", "properties": {"activities": []}}"#, to: "pipeline/static/Q.json")
        #expect(try folder.load().pipelines.map(\.name) == ["P", "Q"])
    }
}
