internal import DuckKit
internal import DuetCompare
internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline
internal import DuetReport
internal import Synchronization

/// Both styles' graphs, for the page to lay out.
enum GraphJSON {
    /// The graphs of a pipeline; a node's `id` is the name by which events call its step.
    ///
    /// - Throws: ``DuetErrors`` when the queries cannot be read.
    static func graphs(of pipeline: Pipeline) throws -> JSONValue {
        let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
        return ["declarative": declarative(pipeline, graph), "procedural": procedural(pipeline, graph)]
    }

    private static func declarative(_ pipeline: Pipeline, _ graph: DatasetGraph) -> JSONValue {
        var nodes: [JSONValue] = []
        var edges: [JSONValue] = []
        let used = Set(graph.nodes.flatMap(\.sources))
        for source in pipeline.sources where used.contains(source.name) {
            nodes.append(node("source \(source.name)", label: source.name, group: "source", kind: "source"))
        }
        for entry in graph.nodes {
            let name = entry.dataset.name.description
            nodes.append(
                node(
                    name,
                    label: entry.dataset.name.table,
                    group: entry.dataset.name.schema.lowercased(),
                    kind: entry.dataset.kind.rawValue,
                    dataset: entry.dataset
                )
            )
            edges += entry.sources.map { ["from": .string("source \($0)"), "to": .string(name)] }
            edges += entry.inputs.map { ["from": .string($0.description), "to": .string(name)] }
        }
        return ["nodes": .array(nodes), "edges": .array(edges)]
    }

    private static func procedural(_ pipeline: Pipeline, _ graph: DatasetGraph) -> JSONValue {
        let plan = ProceduralPlan(pipeline, graph: graph)
        var edges: [JSONValue] = []
        let nodes = plan.activities.map { activity in
            edges += activity.dependsOn.map { ["from": .string($0), "to": .string(activity.name)] }
            switch activity.work {
            case .copy(let source):
                return node(activity.name, label: "Copy \(source)", group: "source", kind: "Copy")
            case .script(let name):
                return node(
                    activity.name,
                    label: name.table,
                    group: name.schema.lowercased(),
                    kind: "Script",
                    dataset: pipeline.dataset(named: name)
                )
            }
        }
        return ["nodes": .array(nodes), "edges": .array(edges)]
    }

    private static func node(
        _ id: String,
        label: String,
        group: String,
        kind: String,
        dataset: Dataset? = nil
    ) -> JSONValue {
        var object: JSONObject = [
            "id": .string(id), "label": .string(label), "group": .string(group), "kind": .string(kind),
        ]
        if let dataset {
            object["dataset"] = .string(dataset.name.description)
            object["comment"] = dataset.comment.map { .string($0) }
            object["published"] = .bool(dataset.visibility == .published)
        }
        return .object(object)
    }

    /// One dataset's definition.
    static func definition(_ dataset: Dataset) -> JSONValue {
        [
            "dataset": .string(dataset.name.description),
            "kind": .string(dataset.kind.rawValue),
            "comment": dataset.comment.map { .string($0) } ?? .null,
            "location": .string(dataset.location.description),
            "query": .string(dataset.flows.map(\.query.original).joined(separator: "\n\n")),
            "properties": .array(
                (dataset.layout + dataset.properties.map { "\($0.key) = \($0.value)" }).map { .string($0) }
            ),
            "expectations": .array(
                dataset.expectations.map {
                    [
                        "name": .string($0.name), "condition": .string($0.condition.text),
                        "action": .string($0.action.rawValue),
                    ]
                }
            ),
        ]
    }

    /// The playground as it now stands.
    static func state(of playground: Playground, lastEvent: Int) -> JSONValue {
        let state = playground.state.withLock { $0 }
        return [
            "pipeline": .string(state.pipeline.name),
            "summary": state.pipeline.summary.map { .string($0) } ?? .null,
            "steps": .array(
                playground.steps.enumerated().map { index, step in
                    [
                        "name": .string(step.name), "applied": .bool(index < state.applied),
                        "files": .array(step.writes.map { .string($0.file) }),
                    ]
                }
            ),
            "changes": .array(
                ScenarioActionKind.allCases.map {
                    [
                        "kind": .string($0.rawValue), "meaning": .string($0.meaning), "fault": .bool($0.isFault),
                        "definition": .bool($0.changesDefinition),
                    ]
                }
            ),
            "busy": state.busy.map { .string($0) } ?? .null,
            "pending": .array(state.pending.map { .string($0) }),
            "rounds": .array(state.rounds.map(json)),
            "last_event": .integer(Int64(lastEvent)),
        ]
    }

    private static func json(_ round: Playground.Round) -> JSONValue {
        var object: JSONObject = ["name": .string(round.name)]
        for style in Style.allCases { object[style.rawValue] = round.runs[style].map(json) }
        object["changed_percent"] = round.changedPercent.map { .double($0) }
        if let datasets = round.datasets {
            object["equal"] = .bool(datasets.allSatisfy(\.isEqual))
            object["datasets"] = .array(
                datasets.map { comparison in
                    [
                        "dataset": .string(comparison.name.description), "equal": .bool(comparison.isEqual),
                        "rows": [
                            .integer(Int64(comparison.rows.procedural)), .integer(Int64(comparison.rows.declarative)),
                        ],
                        "note": comparison.note.map { .string($0) } ?? .null,
                        "samples": .array(comparison.samples.map { .string($0) }),
                    ]
                }
            )
        }
        return .object(object)
    }

    /// The numbers are made as the report makes them, so that page and report agree.
    private static func json(_ run: Playground.Run) -> JSONValue {
        let measures = run.measures
        let datasets = measures.steps.filter { $0.stepKind == .dataset }
        let refreshed = datasets.filter { $0.kind == .stepCompleted && $0.measures?.strategy != .nothing }.count
        return [
            "seconds": .double(measures.seconds),
            "success": .bool(run.isSuccess),
            "errors": .array(run.errors.map { .string($0) }),
            "datasets": .integer(Int64(datasets.count)),
            "refreshed": .integer(Int64(refreshed)),
            "rows_written": .integer(
                Int64(measures.sum(of: .dataset) { $0.rowsInserted + $0.rowsDeleted })
            ),
            "bytes_transferred": .integer(Int64(measures.sum(\.bytesTransferred))),
            "requests": .integer(Int64(measures.sum(\.requests))),
            "steps": .array(measures.steps.map(\.json)),
        ]
    }
}
