import DuetFactory
import DuetPipeline
import DuetTestSupport
import Testing

@Suite struct LintTests {
    @Test func `a sound pipeline has no findings`() throws {
        #expect(try FactoryFolder.findings(wait("A") + ",\n" + wait("B", after: "A")).isEmpty)
    }

    @Test func `a dependency on nothing is told at its name, with a suggestion`() throws {
        let folder = try FactoryFolder().pipeline("P", wait("Copy rows") + ",\n" + wait("B", after: "Copy row"))
        let finding = try #require(try folder.load().findings.first)
        #expect(finding.error.code == .danglingDependency)
        #expect(finding.error.location?.line == 6)
        #expect(finding.error.location?.column == 102)
        #expect(finding.error.hint == "did you mean 'Copy rows'?")
    }

    @Test func `a circle is told with its path`() throws {
        let folder = try FactoryFolder().pipeline("P", wait("A", after: "B") + ",\n" + wait("B", after: "A"))
        let finding = try #require(try folder.load().findings.first)
        #expect(finding.error.code == .cycle)
        #expect(finding.error.message.contains("'A' → 'B' → 'A'") || finding.error.message.contains("'B' → 'A' → 'B'"))
    }

    @Test func `a name used twice is an error even inside a container`() throws {
        let inner =
            #"{"name": "I", "type": "IfCondition", "typeProperties": {"expression": "@true", "#
            + #""ifTrueActivities": [\#(wait("a"))]}}"#
        #expect(try FactoryFolder.findings(wait("A") + ",\n" + inner).map { $0.hasSuffix(" DUPLICATE_NAME") } == [true])
    }

    @Test(arguments: [
        (#"@pipeline().parameters.missing"#, "UNKNOWN_PARAMETER", 1),
        (#"@variables('missing')"#, "UNKNOWN_VARIABLE", 1),
        (#"@activity('missing').output"#, "UNKNOWN_ACTIVITY", 1),
        (#"\"é\" @{concat('x', }"#, "EXPRESSION_SYNTAX", 0),
    ])
    func `an expression's fault is told at its place`(_ text: String, _ code: String, _ least: Int) throws {
        let set = #"{"name": "S", "type": "Fail", "typeProperties": {"errorCode": "1", "message": "\#(text)"}}"#
        let found = try FactoryFolder.findings(set)
        #expect(found.count == 1)
        let parts = try #require(found.first).split(separator: " ")
        #expect(parts.last.map(String.init) == code)
        let column = try #require(parts.first?.split(separator: ":").last.flatMap { Int($0) })
        // The message's text begins at column 81.
        #expect(column >= 81 + least - 1)
    }

    @Test func `an activity that need not have run before is a warning`() throws {
        let reader =
            #"{"name": "S", "type": "Fail", "typeProperties": {"errorCode": "1", "message": "@activity('A').output"}}"#
        let folder = try FactoryFolder().pipeline("P", wait("A") + ",\n" + reader)
        let factory = try folder.load()
        #expect(factory.findings.map(\.severity) == [.warning])
        #expect(factory.isClean("P"))
    }

    @Test func `limits are told`() throws {
        let loop =
            #"{"name": "L", "type": "ForEach", "typeProperties": {"items": "@createArray(1)", "batchCount": 99, "#
            + #""activities": [\#(wait("A"))]}}"#
        #expect(try FactoryFolder.findings(loop).map { $0.hasSuffix(" LIMIT") } == [true])
        let many = (0...FactoryLimits.activities).map { wait("W\($0)") }.joined(separator: ",\n")
        #expect(try FactoryFolder.findings(many) == ["1:1 LIMIT"])
        let long = String(repeating: "a", count: 9_000)
        let set =
            #"{"name": "S", "type": "Fail", "typeProperties": {"errorCode": "1", "message": "@concat('\#(long)')"}}"#
        #expect(try FactoryFolder.findings(set).map { $0.hasSuffix(" LIMIT") } == [true])
    }

    @Test func `a loop in a loop is refused by the service, a branch in a loop is not`() throws {
        func loop(_ name: String, _ inner: String) -> String {
            #"{"name": "\#(name)", "type": "ForEach", "typeProperties": {"items": "@createArray(1)", "activities": [\#(inner)]}}"#
        }
        let branch = #"{"name": "I", "type": "IfCondition", "typeProperties": {"expression": "@true"}}"#
        #expect(try FactoryFolder.findings(loop("L", branch)).isEmpty)
        #expect(
            try FactoryFolder.findings(loop("L", loop("M", wait("A")))).map { $0.hasSuffix("BAD_NESTING") } == [true]
        )
    }

    @Test func `a variable written by iterations at the same time is a warning, in sequence it is none`() throws {
        func loop(_ more: String) -> String {
            #"{"name": "L", "type": "ForEach", "typeProperties": {"items": "@createArray(1)"\#(more), "activities": ["#
                + #"{"name": "S", "type": "SetVariable", "typeProperties": {"variableName": "v", "value": "@item()"}}]}}"#
        }
        let variables = #""variables": {"v": {"type": "String"}}"#
        #expect(try FactoryFolder.findings(loop(""), variables).map { $0.hasSuffix("VARIABLE_RACE") } == [true])
        #expect(try FactoryFolder.findings(loop(#", "isSequential": true"#), variables).isEmpty)
    }

    @Test func `a variable set from itself is refused`() throws {
        let set =
            #"{"name": "S", "type": "SetVariable", "typeProperties": {"variableName": "v", "value": "@concat(variables('V'), 'x')"}}"#
        let variables = #""variables": {"v": {"type": "String"}}"#
        #expect(try FactoryFolder.findings(set, variables).map { $0.hasSuffix("WRONG_PROPERTY") } == [true])
    }

    @Test func `references to datasets, pipelines and linked services are followed`() throws {
        let call =
            #"{"name": "E", "type": "ExecutePipeline", "typeProperties": {"pipeline": {"referenceName": "Q", "type": "PipelineReference"}}}"#
        let metadata =
            #"{"name": "G", "type": "GetMetadata", "typeProperties": {"dataset": {"referenceName": "D", "type": "DatasetReference"}}}"#
        let script =
            #"{"name": "S", "type": "Script", "linkedServiceName": {"referenceName": "L", "type": "LinkedServiceReference"}, "typeProperties": {}}"#
        let found = try FactoryFolder.findings([call, metadata, script].joined(separator: ",\n"))
        #expect(
            found.map { $0.split(separator: " ").last ?? "" } == [
                "UNKNOWN_PIPELINE", "UNKNOWN_DATASET", "UNKNOWN_LINKED_SERVICE",
            ]
        )
    }

    @Test func `a pipeline that calls itself whatever happens is refused`() throws {
        let call =
            #"{"name": "E", "type": "ExecutePipeline", "typeProperties": {"pipeline": {"referenceName": "p", "type": "PipelineReference"}}}"#
        #expect(try FactoryFolder.findings(call).map { $0.hasSuffix("ENDLESS_RECURSION") } == [true])
    }

    @Test func `an unknown type is kept and told, one of the service's own is a warning`() throws {
        let folder = try FactoryFolder().pipeline(
            "P",
            #"{"name": "A", "type": "Wayt"}, {"name": "B", "type": "ExecuteWranglingDataflow", "typeProperties": {"x": 1}}"#
        )
        let factory = try folder.load()
        #expect(factory.findings.map(\.severity) == [.error, .warning])
        #expect(factory.findings.first?.error.hint == "did you mean 'Wait'?")
        #expect(factory.pipelines.first?.activities.map(\.type) == ["Wayt", "ExecuteWranglingDataflow"])
    }
}
