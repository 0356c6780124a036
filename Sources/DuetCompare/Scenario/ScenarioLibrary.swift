public import DuetPipeline
internal import DuetReport
internal import Foundation

/// The scenarios that can be played on a pipeline: its own, those it names, those of files, and duet's own.
public enum ScenarioLibrary {
    /// The name of the scenario that plays every kind of step.
    public static let everything = "everything"

    /// Finds a scenario.
    ///
    /// - Parameters:
    ///   - name: A name under `scenarios:`, `everything`, or a file's path; nil for the pipeline's own.
    ///   - pipeline: The pipeline.
    /// - Returns: The scenario.
    /// - Throws: ``DuetError`` when there is none of that name, or the file is wrong.
    public static func scenario(_ name: String? = nil, of pipeline: Pipeline) throws -> Scenario {
        guard let name else {
            if let scenario = pipeline.scenario { return scenario }
            throw DuetError(
                .missingKey,
                "the pipeline '\(pipeline.name)' has no scenario",
                hint: "add 'scenario:' to pipeline.yml; pipelines/flights/pipeline.yml shows how"
            )
        }
        if let named = pipeline.namedScenarios.first(where: { $0.name == name }) { return named }
        if name == everything { return allKinds(of: pipeline) }
        if name.hasSuffix(".yml") || name.hasSuffix(".yaml") || name.contains("/") {
            return try Scenario.load(name, parameters: pipeline.parameters)
        }
        let known = pipeline.namedScenarios.compactMap(\.name) + [everything]
        throw DuetError(
            .wrongValue,
            "the pipeline '\(pipeline.name)' has no scenario '\(name)'",
            hint: Suggestion.hint(for: name, among: known, noun: "scenarios")
        )
    }

    /// One step of each kind, on the source with the most bytes, after the pipeline's own first step.
    ///
    /// Without a scenario of its own the pipeline begins with the files that lie where `base` says.
    static func allKinds(of pipeline: Pipeline) -> Scenario {
        let location = SourceLocation(file: "scenario everything")
        let step = { (name: String, actions: [(ScenarioActionKind, [String: String])], isLasting: Bool?) in
            ScenarioStep(
                name: name,
                actions: actions.map { ScenarioAction($0.0, $0.1, location: location) },
                isLasting: isLasting,
                location: location
            )
        }
        let base = pipeline.parameters["base"] ?? ""
        let folders = pipeline.sources.compactMap { SourceFolder($0, base: base, root: base) }
        let hasFolder = folders.contains { $0.folder != nil }
        let middle = max(1, (pipeline.sources.count + pipeline.datasets.count) / 2)
        var steps = [pipeline.scenario?.steps.first ?? step("initial load", [], nil)]
        steps += [
            step("nothing changed", [], nil),
            step("append 1 %", [(.append, ["percent": "1"])], nil),
            step("correct 1 % of old rows", [(.correct, ["percent": "1"])], nil),
            step("delete 1 % of old rows", [(.delete, ["percent": "1"])], nil),
            step("late rows", [(.late, ["percent": "0.1"])], nil),
            step("the same file again", [(.repeatFile, ["name": "same"])], nil),
        ]
        if hasFolder {
            steps += [
                step("the same rows in another file", [(.repeatFile, ["name": "new"])], nil),
                step("a file taken away", [(.deleteFile, [:])], nil),
            ]
        }
        steps += [
            step("a new column", [(.newColumn, ["percent": "0.1"])], false),
            step("a renamed column", [(.renameColumn, [:])], nil),
            step("a retyped column", [(.retypeColumn, [:])], nil),
            step("bad rows", [(.badRows, ["rows": "50"])], nil),
            step("an empty file", [(.emptyFile, ["header": "yes"])], nil),
            step("a short outage", [(.append, ["percent": "0.1"]), (.outage, ["tries": "2"])], nil),
            step("a long outage", [(.append, ["percent": "0.1"]), (.outage, ["tries": "1000"])], nil),
            step("a slow source", [(.append, ["percent": "0.1"]), (.slow, [:])], nil),
            step("kill -9 in mid-run", [(.append, ["percent": "1"]), (.kill, ["after": "\(middle)"])], nil),
            step("a changed query", [(.changeQuery, [:])], nil),
            step("an added dataset", [(.addDataset, [:])], nil),
            step("a changed expectation", [(.changeExpectation, [:])], nil),
            step("append 1 % after all that", [(.append, ["percent": "1"])], nil),
        ]
        if pipeline.models.contains(where: { $0.url != nil }) {
            let actions: [(ScenarioActionKind, [String: String])] = [(.append, ["rows": "5"]), (.modelDown, [:])]
            steps.insert(step("a model that does not answer", actions, nil), at: steps.count - 1)
            if pipeline.models.contains(where: { $0.url != nil && !$0.prompts.isEmpty }) {
                steps.insert(step("a changed prompt", [(.changePrompt, [:])], nil), at: steps.count - 1)
            }
        }
        let hasRules = pipeline.datasets.contains { $0.expectations.contains { $0.action != .fail } }
        steps.removeAll { step in !hasRules && step.actions.contains { $0.kind == .changeExpectation } }
        return Scenario(name: everything, steps: steps)
    }

    /// The scenarios of a pipeline, in a table.
    public static func list(_ pipeline: Pipeline) -> String {
        var rows: [[String]] = []
        if let own = pipeline.scenario { rows.append(["(its own)", "\(own.steps.count)", kinds(own)]) }
        for scenario in pipeline.namedScenarios + [allKinds(of: pipeline)] {
            rows.append([scenario.name ?? "", "\(scenario.steps.count)", kinds(scenario)])
        }
        return TextTable.text(header: ["scenario", "steps", "kinds"], rows: rows, rightAligned: [1])
    }

    private static func kinds(_ scenario: Scenario) -> String {
        var seen: Set<String> = []
        return scenario.steps.flatMap { $0.kinds.split(separator: ", ").map(String.init) }
            .filter { seen.insert($0).inserted }.joined(separator: ", ")
    }

    /// The steps of a scenario, in a table.
    public static func steps(_ scenario: Scenario) -> String {
        TextTable.text(
            header: ["", "step", "does"],
            rows: scenario.steps.enumerated().map { index, step in
                let writes = step.writes.map { "write \($0.file)" }
                let actions = step.actions.map { action in
                    let options = action.options.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                    return ([action.kind.rawValue] + options).joined(separator: " ")
                }
                let does = (writes + actions).joined(separator: ", ")
                return [
                    "\(index + 1)", step.name, (does.isEmpty ? "-" : does) + (step.passes ? "; then taken back" : ""),
                ]
            },
            rightAligned: [0]
        )
    }

    /// All kinds of steps, or one of them, described.
    ///
    /// - Parameter name: A kind's name; nil for a list of all.
    /// - Returns: The text.
    /// - Throws: ``DuetError`` when there is no such kind.
    public static func describe(_ name: String?) throws -> String {
        guard let name else {
            return TextTable.text(
                header: ["kind", "what it does"],
                rows: ScenarioActionKind.allCases.map {
                    [$0.rawValue, $0.meaning + ($0.isFault ? " (then it is taken back)" : "")]
                }
            )
        }
        guard let kind = ScenarioActionKind(rawValue: name) else {
            throw DuetError(
                .wrongValue,
                "there is no kind of step '\(name)'",
                hint: Suggestion.hint(for: name, among: ScenarioActionKind.allCases.map(\.rawValue), noun: "kinds")
            )
        }
        var lines = [
            "\(kind.rawValue): \(kind.meaning)",
            kind.isFault
                ? "A fault: both styles run under it, then it is taken back and both run again (lasting: true keeps it)."
                : "It stays (lasting: false takes it back and runs again).",
            "",
            TextTable.text(
                header: ["option", "default", "meaning"],
                rows: kind.options.map { option in
                    var meaning = option.meaning
                    if case .oneOf(let words) = option.form { meaning += " (\(words.joined(separator: ", ")))" }
                    return [option.name, option.standard ?? "-", meaning]
                } + (kind.hasSet ? [["set", "-", "columns of the new rows by name, as SQL over the copied row"]] : [])
            ),
            "", "example:", "  - step: \(kind.rawValue.replacing("_", with: " "))", "    \(kind.example)",
        ]
        if kind == .kill { lines.append("    append: {percent: 1}       # something to do when it is killed") }
        return lines.joined(separator: "\n")
    }

    /// A scenario file to start from, with the pipeline's own sources and datasets in it.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - names: The kinds of steps wanted; all when empty.
    /// - Returns: YAML.
    /// - Throws: ``DuetError`` for an unknown kind.
    public static func template(for pipeline: Pipeline, kinds names: [String]) throws -> String {
        for name in names { _ = try describe(name) }
        let kinds = names.isEmpty ? ScenarioActionKind.allCases : names.compactMap(ScenarioActionKind.init(rawValue:))
        var lines = [
            "# A scenario for '\(pipeline.name)': duet compare PIPELINE --scenario THIS_FILE.yml",
            "# What each kind does and takes: duet scenario describe KIND", "seed: 1", "steps:",
        ]
        if let first = pipeline.scenario?.steps.first, !first.writes.isEmpty {
            lines.append("  - step: \(first.name)")
            lines.append("    write:")
            for write in first.writes {
                lines.append("      - file: \(quoted(write.file))")
                lines.append("        query: \(quoted(write.query))")
                if let part = write.part { lines.append("        part: \(quoted(part))") }
            }
        } else {
            lines.append("  - step: initial load   # the files that lie where the parameter 'base' says")
        }
        lines.append("  - step: nothing changed")
        let source = pipeline.sources.first?.name ?? "source"
        for kind in kinds {
            lines.append("  - step: \(kind.rawValue.replacing("_", with: " "))   # \(kind.meaning)")
            let given = kind.options.compactMap { option -> String? in
                if option.name == "source" { return "source: \(source)" }
                return option.standard.map { "\(option.name): \(quoted($0))" }
            }
            lines.append("    \(kind.rawValue): {\(given.joined(separator: ", "))}")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func quoted(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.allSatisfy { $0.isLetter || $0.isNumber || "._".contains($0) }
        return isPlain ? text : "'\(text.trimmingCharacters(in: .newlines).replacing("'", with: "''"))'"
    }
}
