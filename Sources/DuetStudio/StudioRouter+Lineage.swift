internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetLineage
internal import DuetPipeline
internal import DuetReport

/// Looks behind rows and columns, for the page.
struct LineageLook {
    let playground: Playground
    let style: Style

    private var inspection: LineageInspection {
        LineageInspection(playground.pipeline, home: playground.home, style: style)
    }

    /// Every dataset with its columns and what each depends on.
    func columns() throws -> DuetPipeline.JSONValue { LineageText(try inspection.lineage()).json }

    /// What each update did to a dataset, and who reads it.
    func history(_ name: String) throws -> DuetPipeline.JSONValue {
        try DuetPipeline.JSONValue(parsing: try inspection.history(name, asJSON: true))
    }

    /// The way of a row back to the sources' files; the row is told by its values.
    func trace(_ name: String, values: JSONObject) throws -> DuetPipeline.JSONValue {
        let conditions = values.members.map { member -> String in
            let column = SQL.identifier(member.key)
            switch member.value {
            case .null: return "\(column) IS NULL"
            case .string(let text): return "\(column)::VARCHAR = \(SQL.literal(text))"
            default: return "\(column) = \(member.value.text())"
            }
        }
        guard !conditions.isEmpty else {
            throw DuetError(.wrongValue, "no row was named", hint: "send its values by column")
        }
        let trace = try inspection.trace(name, where: conditions.joined(separator: " AND "), limit: 1)
        return try TraceText.json(trace, rows: 20)
    }

    /// What goes into an activity and what came out of it, as a data factory's monitor shows it.
    func activity(_ name: String) throws -> DuetPipeline.JSONValue {
        let pipeline = playground.pipeline
        let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
        let plan = ProceduralPlan(pipeline, graph: graph, copyPolicy: ProceduralPlan.Policy(retry: 2))
        guard let activity = plan.activities.first(where: { $0.name == name }) else {
            throw DuetError(
                .wrongValue,
                "there is no activity '\(name)'",
                hint: Suggestion.hint(for: name, among: plan.activities.map(\.name), noun: "activities")
            )
        }
        var input: JSONObject = [
            "name": .string(activity.name),
            "dependsOn": .array(
                activity.dependsOn.map { ["activity": .string($0), "dependencyConditions": ["Succeeded"]] }
            ),
            "policy": [
                "retry": .integer(Int64(activity.policy.retry)),
                "retryIntervalInSeconds": .integer(Int64(activity.policy.retryIntervalInSeconds)),
            ],
        ]
        switch activity.work {
        case .copy(let name):
            input["type"] = "Copy"
            if let source = pipeline.source(named: name) {
                input["source"] = ["location": .string(source.address), "format": .string(source.format.rawValue)]
            }
        case .script(let name):
            input["type"] = "Script"
            let query = pipeline.dataset(named: name)?.flows.map(\.query.original).joined(separator: "\n\n")
            input["script"] = .string(query ?? "")
        }
        let run = playground.rounds.compactMap { $0.runs[.procedural] }.last
        let event = run?.measures.steps.last { $0.step == name }
        var output: JSONObject = [:]
        if let event {
            output["status"] = .string(
                event.kind == .stepCompleted ? "Succeeded" : event.kind == .stepFailed ? "Failed" : "Skipped"
            )
            output["message"] = .string(event.message)
            output["error"] = event.error.map { .string($0) }
            for member in event.measures?.json.object?.members ?? [] where member.key != "statements" {
                output[member.key] = member.value
            }
        }
        return ["input": .object(input), "output": event == nil ? .null : .object(output)]
    }
}
