/// What pipeline.yml says, before the SQL files are read.
struct PipelineFile {
    var name = ""
    var summary: String?
    var schema = "main"
    var parameters: [String: String] = [:]
    var sources: [Source] = []
    var models = ModelDeclaration.standard
    var scenario: Scenario?

    /// Reads pipeline.yml; `overrides` replace values of declared parameters.
    init(_ file: SourceFile, overrides: [String: String]) throws(DuetError) {
        var nameValue: YAMLValue?
        let root = try YAMLValue.root(of: file)
        let members = try root.mapping(
            "pipeline.yml",
            known: ["name", "description", "schema", "parameters", "sources", "models", "scenario"]
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
            case "scenario": scenario = try readScenario(value)
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

    private func readScenario(_ value: YAMLValue) throws(DuetError) -> Scenario {
        var steps: [ScenarioStep] = []
        for item in try value.sequence("scenario") {
            var step = ScenarioStep(name: "", writes: [], location: item.location)
            for (key, member) in try item.mapping("a scenario step", known: ["step", "write"]) {
                if key == "step" {
                    step.name = try member.string("the step's name")
                } else {
                    for write in try member.sequence("write") { step.writes.append(try scenarioWrite(write)) }
                }
            }
            guard !step.name.isEmpty else {
                throw item.error(.missingKey, "a scenario step has no name", hint: "add: step: initial load")
            }
            if steps.contains(where: { $0.name == step.name }) {
                throw item.error(.duplicateName, "two scenario steps are named '\(step.name)'")
            }
            steps.append(step)
        }
        return Scenario(steps: steps)
    }

    private func scenarioWrite(_ value: YAMLValue) throws(DuetError) -> ScenarioWrite {
        var write = ScenarioWrite(file: "", query: "", part: nil, location: value.location)
        for (key, member) in try value.mapping("a file to write", known: ["file", "query", "part"]) {
            switch key {
            case "file": write.file = try text(member, "file")
            case "query": write.query = try text(member, "query")
            default: write.part = try text(member, "part")
            }
        }
        guard !write.file.isEmpty, !write.query.isEmpty else {
            throw value.error(.missingKey, "a file to write needs 'file' and 'query'")
        }
        guard write.part == nil || write.file.contains("{part}") else {
            throw value.error(
                .wrongValue,
                "the rows are spread by 'part', but the file's name '\(write.file)' has no {part}",
                hint: "write for example: file: flights/{part}.csv"
            )
        }
        return write
    }
}
