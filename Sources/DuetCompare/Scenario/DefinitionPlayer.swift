internal import DuetEngine
internal import DuetPipeline
internal import Foundation

/// Plays one action on the pipeline's definition, in the folder that holds the copy for it.
struct DefinitionPlayer {
    let player: ScenarioPlayer

    /// Does it.
    ///
    /// - Parameter action: A change of a query, a dataset or an expectation.
    /// - Returns: What was done, in words.
    /// - Throws: ``DuetError`` when there is nothing of the kind to change.
    func play(_ action: ScenarioAction) throws -> String {
        // Values of parameters do not matter to where statements stand.
        let pipeline = try Pipeline.load(folder: player.definition, overrides: player.pipeline.parameters)
        switch action.kind {
        case .changeQuery: return try changeQuery(action, pipeline)
        case .addDataset: return try addDataset(action, pipeline)
        case .changeExpectation: return try changeExpectation(action, pipeline)
        case .changePrompt: return try changePrompt(action, pipeline)
        default:
            throw DuetError(.internalFault, "'\(action.kind.rawValue)' is no change of definition", at: action.location)
        }
    }

    private func changeQuery(_ action: ScenarioAction, _ pipeline: Pipeline) throws -> String {
        let dataset = try dataset(of: action, pipeline)
        try edit(dataset.location) { edit in
            try edit.changingQuery(of: dataset) { old in
                if let new = action.option("query") { return new }
                return "SELECT *, 'changed' AS scenario_change FROM (\n\(old)\n)"
            }
        }
        return "\(dataset.name) has another query"
            + (action.option("query") == nil ? ": the same rows with a column 'scenario_change'" : "")
    }

    private func addDataset(_ action: ScenarioAction, _ pipeline: Pipeline) throws -> String {
        let neighbour = try dataset(of: action, pipeline)
        var name = action.option("name") ?? "scenario_added"
        if !name.contains(".") { name = "\(neighbour.name.schema).\(name)" }
        let query = action.option("query") ?? "SELECT count(*) AS row_count FROM \(neighbour.name)"
        let file = name.map { $0.isLetter || $0.isNumber ? $0 : "_" }
        let path = "\(player.definition)/transformations/scenario_\(String(file)).sql"
        try "CREATE OR REFRESH MATERIALIZED VIEW \(name) AS\n\(query);\n"
            .write(toFile: path, atomically: true, encoding: .utf8)
        return "\(name) is new: \(query)"
    }

    private func changeExpectation(_ action: ScenarioAction, _ pipeline: Pipeline) throws -> String {
        let candidates =
            try action.option("dataset") == nil ? pipeline.datasets : [dataset(of: action, pipeline)]
        for dataset in candidates {
            for expectation in dataset.expectations {
                if let wanted = action.option("expectation") {
                    guard wanted.lowercased() == expectation.name.lowercased() else { continue }
                } else if expectation.action == .fail {
                    continue
                }
                let given = action.option("action").flatMap(Expectation.Action.init(rawValue:))
                let new = given ?? (expectation.action == .warn ? .drop : .warn)
                try edit(dataset.location) { try $0.changing(expectation, to: new) }
                return "\(dataset.name): violations of '\(expectation.name)' lead to '\(new.rawValue)', not "
                    + "'\(expectation.action.rawValue)'"
            }
        }
        throw DuetError(
            .wrongValue,
            action.option("expectation").map { "no dataset has an expectation '\($0)'" }
                ?? "no dataset has an expectation that warns or drops",
            hint: "name the dataset and the expectation",
            at: action.location
        )
    }

    /// The models with an address that an action means.
    func endpoints(of action: ScenarioAction, _ pipeline: Pipeline) throws -> [ModelDeclaration] {
        let all = pipeline.models.filter { $0.url != nil }
        let wanted = action.option("model")
        let found = all.filter { wanted == nil || $0.name == wanted }
        if !found.isEmpty { return found }
        throw DuetError(
            .wrongValue,
            wanted.map { "the pipeline has no model '\($0)' with an address" }
                ?? "the pipeline has no model with an address",
            hint: wanted.flatMap { Suggestion.hint(for: $0, among: all.map(\.name), noun: "models") }
                ?? "models that run in the process have neither prompts nor a server",
            at: action.location
        )
    }

    private func changePrompt(_ action: ScenarioAction, _ pipeline: Pipeline) throws -> String {
        let model = try endpoints(of: action, pipeline)[0]
        guard let path = model.prompts.sorted(by: { $0.key < $1.key }).first?.value, !path.hasPrefix("/") else {
            throw DuetError(
                .wrongValue,
                "the model '\(model.name)' has no prompt in a file of the pipeline's folder",
                hint: "declare it in pipeline.yml: prompts: {ai_classify: prompts/classify.txt}",
                at: action.location
            )
        }
        let file = "\(player.definition)/\(path)"
        let old = try String(contentsOfFile: file, encoding: .utf8)
        let new = action.option("text") ?? "\(old)\nThink of what the words say, and not of who says them.\n"
        try new.write(toFile: file, atomically: true, encoding: .utf8)
        return "the model '\(model.name)' is asked in other words: \(path)"
    }

    /// The dataset an action names, or the last one with a query that others may see and nothing reads.
    private func dataset(of action: ScenarioAction, _ pipeline: Pipeline) throws -> Dataset {
        if let name = action.option("dataset") {
            let found = pipeline.datasets.first {
                $0.name.key == name.lowercased() || $0.name.table.lowercased() == name.lowercased()
            }
            if let found { return found }
            throw DuetError(
                .unknownTable,
                "the pipeline has no dataset '\(name)'",
                hint: Suggestion.hint(
                    for: name,
                    among: pipeline.datasets.map(\.name.description),
                    noun: "datasets"
                ),
                at: action.location
            )
        }
        let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
        let read = Set(graph.nodes.flatMap(\.inputs))
        let leaves = pipeline.publishedDatasets.filter {
            $0.kind == .materializedView && $0.flowTarget == nil && !read.contains($0.name)
                && !$0.name.table.hasPrefix("scenario_")
        }
        guard let last = leaves.last else {
            throw DuetError(
                .wrongValue,
                "no materialized view is at the end of the graph",
                hint: "name a dataset",
                at: action.location
            )
        }
        return last
    }

    private func edit(_ location: SourceLocation, _ change: (DefinitionEdit) throws -> String) throws {
        let text = try String(contentsOfFile: location.file, encoding: .utf8)
        try change(DefinitionEdit(path: location.file, text: text))
            .write(toFile: location.file, atomically: true, encoding: .utf8)
    }
}
