/// What pipeline.yml says, before the SQL files are read.
struct PipelineFile {
    var name = ""
    var summary: String?
    var schema = "main"
    var parameters: [String: String] = [:]
    var sources: [Source] = []
    var models = ModelDeclaration.standard
    var scenario: Scenario?
    var namedScenarios: [Scenario] = []
    var events = EventSettings()
    var messages: [(dataset: String, message: String, location: SourceLocation)] = []

    /// Reads pipeline.yml; `overrides` replace values of declared parameters.
    init(_ file: SourceFile, overrides: [String: String]) throws(DuetError) {
        var nameValue: YAMLValue?
        let root = try YAMLValue.root(of: file)
        let members = try root.mapping(
            "pipeline.yml",
            known: [
                "name", "description", "schema", "parameters", "sources", "models", "scenario", "scenarios", "events",
                "log",
            ]
        )
        // Parameters first: every other value may use them, wherever they stand.
        for (key, value) in members where key == "parameters" {
            for (name, parameter) in try value.mapping("parameters") {
                parameters[name] = try parameter.string("parameter '\(name)'")
            }
        }
        for (name, value) in overrides.sorted(by: { $0.key < $1.key }) {
            guard parameters[name] != nil else {
                throw DuetError(
                    .unknownParameter,
                    "the pipeline has no parameter '\(name)'",
                    hint: Suggestion.hint(for: name, among: parameters.keys, noun: "parameters"),
                    at: SourceLocation(file: file.path)
                )
            }
            parameters[name] = value
        }
        for (key, value) in members {
            switch key {
            case "name":
                name = try value.string("name")
                nameValue = value
            case "description": summary = try value.string("description")
            case "schema": schema = try value.string("schema")
            case "sources": try readSources(value)
            case "models": models = try ModelReader(parameters: Parameters(values: parameters)).models(value)
            case "scenario": scenario = try scenarioReader.scenario(value)
            case "events": events = try EventSettings(value, Parameters(values: parameters))
            case "log":
                for (dataset, message) in try value.mapping("log") {
                    messages.append((dataset, try message.string("the message of '\(dataset)'"), message.location))
                }
            case "scenarios": namedScenarios = try scenarioReader.scenarios(value)
            default: break
            }
        }
        guard !name.isEmpty else {
            throw DuetError(
                .missingKey,
                "pipeline.yml has no 'name'",
                hint: "add a line like: name: flights",
                at: SourceLocation(file: file.path, line: 1, column: 1)
            )
        }
        guard name.allSatisfy({ $0.isLetter || $0.isNumber || "-_".contains($0) }) else {
            throw (nameValue ?? root).error(
                .wrongValue,
                "the name '\(name)' has characters other than letters, digits, '-' and '_'",
                hint: "the name becomes a folder's name"
            )
        }
    }

    private var scenarioReader: ScenarioReader { ScenarioReader(parameters: Parameters(values: parameters)) }

    private func text(_ value: YAMLValue, _ what: String) throws(DuetError) -> String {
        let location = value.location
        return try Parameters(values: parameters).fill(try value.string(what)) { _ in location }
    }

    private mutating func readSources(_ value: YAMLValue) throws(DuetError) {
        for (name, declaration) in try value.mapping("sources") {
            let values = Parameters(values: parameters)
            sources.append(try SourceDeclaration(name: name, parameters: values).read(declaration))
        }
    }
}
