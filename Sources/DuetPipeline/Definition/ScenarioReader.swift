internal import Foundation

/// Reads scenarios from YAML: from pipeline.yml, or from a file of their own.
struct ScenarioReader {
    let parameters: Parameters

    private func text(_ value: YAMLValue, _ what: String) throws(DuetError) -> String {
        let location = value.location
        return try parameters.fill(try value.string(what)) { _ in location }
    }

    /// A list of steps, or a mapping with `seed` and `steps`.
    func scenario(_ value: YAMLValue, name: String? = nil) throws(DuetError) -> Scenario {
        guard value.isMapping else {
            return Scenario(name: name, steps: try steps(value))
        }
        var scenario = Scenario(name: name, steps: [])
        for (key, member) in try value.mapping("a scenario", known: ["seed", "steps"]) {
            if key == "steps" {
                scenario.steps = try steps(member)
            } else {
                let seed = try member.string("seed")
                guard let number = Int(seed), number >= 0 else {
                    throw member.error(.wrongValue, "the seed must be a whole number from 0; found '\(seed)'")
                }
                scenario.seed = number
            }
        }
        return scenario
    }

    func scenarios(_ value: YAMLValue) throws(DuetError) -> [Scenario] {
        var scenarios: [Scenario] = []
        for (name, member) in try value.mapping("scenarios") { scenarios.append(try scenario(member, name: name)) }
        return scenarios
    }

    private func steps(_ value: YAMLValue) throws(DuetError) -> [ScenarioStep] {
        var steps: [ScenarioStep] = []
        for item in try value.sequence("scenario") {
            let step = try step(item)
            if steps.contains(where: { $0.name == step.name }) {
                throw item.error(.duplicateName, "two scenario steps are named '\(step.name)'")
            }
            steps.append(step)
        }
        return steps
    }

    private func step(_ value: YAMLValue) throws(DuetError) -> ScenarioStep {
        var step = ScenarioStep(name: "", location: value.location)
        let kinds = ScenarioActionKind.allCases.map(\.rawValue)
        for (key, member) in try value.mapping("a scenario step", known: ["step", "write", "lasting"] + kinds) {
            switch key {
            case "step": step.name = try member.string("the step's name")
            case "lasting":
                let word = try member.string("lasting").lowercased()
                guard ["true", "false", "yes", "no"].contains(word) else {
                    throw member.error(.wrongValue, "'lasting' must be true or false; found '\(word)'")
                }
                step.isLasting = word == "true" || word == "yes"
            case "write":
                for write in try member.sequence("write") { step.writes.append(try scenarioWrite(write)) }
            default:
                guard let kind = ScenarioActionKind(rawValue: key) else { continue }
                if member.isSequence {
                    for item in try member.sequence(key) { step.actions.append(try action(kind, item)) }
                } else {
                    step.actions.append(try action(kind, member))
                }
            }
        }
        guard !step.name.isEmpty else {
            throw value.error(.missingKey, "a scenario step has no name", hint: "add: step: initial load")
        }
        return step
    }

    private func action(_ kind: ScenarioActionKind, _ value: YAMLValue) throws(DuetError) -> ScenarioAction {
        var action = ScenarioAction(kind, location: value.location)
        if let given = value.scalarText {
            // `append: flights` is short for `append: {source: flights}`, and `kill:` for one with nothing given.
            if given.isEmpty { return action }
            guard let first = kind.options.first, first.form == .text else {
                throw value.error(.wrongValue, "'\(kind.rawValue)' takes a mapping, as in: \(kind.example)")
            }
            action.options[first.name] = try text(value, first.name)
            return action
        }
        let known = kind.options.map(\.name) + (kind.hasSet ? ["set"] : [])
        for (key, member) in try value.mapping("'\(kind.rawValue)'", known: known) {
            if key == "set" {
                for (column, expression) in try member.mapping("set") {
                    action.set[column] = try text(expression, "the value of '\(column)'")
                }
            } else {
                action.options[key] = try option(kind, key, member)
            }
        }
        return action
    }

    private func option(_ kind: ScenarioActionKind, _ name: String, _ value: YAMLValue) throws(DuetError) -> String {
        let given = try text(value, name)
        switch kind.options.first(where: { $0.name == name })?.form {
        case .number:
            guard let number = Double(given), number > 0, number.isFinite else {
                throw value.error(.wrongValue, "'\(name)' must be a number above 0; found '\(given)'")
            }
            if name == "percent", number > 100, kind != .append, kind != .late, kind != .badRows {
                throw value.error(.wrongValue, "'percent' must be at most 100; found '\(given)'")
            }
        case .oneOf(let words):
            // YAML's readers differ on whether `yes` is a word or a truth.
            let word = given == "true" ? "yes" : given == "false" ? "no" : given
            guard words.contains(word) else {
                throw value.error(
                    .wrongValue,
                    "'\(name)' must be one of \(words.joined(separator: ", ")); found '\(given)'",
                    hint: Suggestion.nearest(to: given, among: words).map { "did you mean '\($0)'?" }
                )
            }
            return word
        case .text, nil: break
        }
        return given
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

extension Scenario {
    /// Reads a scenario from a file of its own: a list of steps, or a mapping with `seed` and `steps`.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - parameters: The pipeline's parameter values, for `${name}`.
    /// - Returns: The scenario, named after the file.
    /// - Throws: ``DuetError`` when the file is missing or wrong.
    public static func load(_ path: String, parameters: [String: String]) throws(DuetError) -> Scenario {
        guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8)
        else {
            throw DuetError(
                .missingFile,
                "there is no scenario file '\(path)'",
                hint: "'duet scenario new PIPELINE' prints one to start from"
            )
        }
        let root = try YAMLValue.root(of: SourceFile(path: path, text: text))
        let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        return try ScenarioReader(parameters: Parameters(values: parameters)).scenario(root, name: name)
    }
}
