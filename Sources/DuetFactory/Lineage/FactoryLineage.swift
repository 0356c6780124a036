public import DuetPipeline

/// Where the columns come from that a factory's Copy activities and mapping data flows write, as far as its files tell.
///
/// Nothing is run: the columns of a Copy are those of its mapping, those of a data flow what its sources declare.
public struct FactoryLineage: Sendable {
    /// A column that something depends on, and how: in the words of `duet lineage`.
    public struct Origin: Sendable, Hashable, Comparable {
        /// The dataset it is read from.
        public var place: String
        /// The column.
        public var column: String
        /// `identity`, `transformation`, `aggregation`, `join`, `filter`, `group_by`, `sort`, `window` or `conditional`.
        public var kind: String

        /// By dataset, column and kind.
        public static func < (a: Self, b: Self) -> Bool {
            (a.place, a.column, a.kind) < (b.place, b.column, b.kind)
        }
    }

    /// A column that is written.
    public struct Column: Sendable, Hashable {
        /// Its name in the sink.
        public var name: String
        /// What its values depend on.
        public var origins: Set<Origin>
    }

    /// What one activity writes into one dataset.
    public struct Step: Sendable {
        /// The pipeline.
        public var pipeline: String
        /// The activity.
        public var activity: String
        /// The dataset that is written.
        public var sink: String
        /// Its columns; empty when they are not known.
        public var columns: [Column]
        /// What decides which rows there are.
        public var rows: Set<Origin>
        /// Why the columns are not known, in words that follow "because"; nil when they are.
        public var unknown: String?
    }

    /// The activities that write, in the order of the files.
    public private(set) var steps: [Step] = []

    /// Reads the lineage off a factory's files.
    public init(_ factory: Factory) {
        for pipeline in factory.pipelines {
            for activity in pipeline.allActivities {
                switch activity.type {
                case "Copy": steps.append(Self.copy(activity, pipeline.name))
                case "ExecuteDataFlow": steps += Self.flow(activity, pipeline.name, factory)
                default: continue
                }
            }
        }
    }

    // MARK: - Copy

    private static func copy(_ activity: FactoryActivity, _ pipeline: String) -> Step {
        let place = activity.inputs.first?.name ?? "source"
        var step = Step(
            pipeline: pipeline,
            activity: activity.name,
            sink: activity.outputs.first?.name ?? "sink",
            columns: [],
            rows: []
        )
        func column(_ from: String, _ to: String) {
            step.columns.append(Column(name: to, origins: [Origin(place: place, column: from, kind: "identity")]))
        }
        let translator = activity.typeProperties["translator"]
        for mapping in translator?["mappings"]?.elements ?? [] {
            let source = mapping["source"]
            let from =
                source?["name"]?.string ?? source?["path"]?.string ?? source?["ordinal"]?.integer.map { "#\($0)" }
            guard let from else { continue }
            column(from, mapping["sink"]?["name"]?.string ?? mapping["sink"]?["path"]?.string ?? from)
        }
        for form in ["columnMappings", "schemaMapping"] {
            for pair in translator?[form]?.string?.split(separator: ",") ?? [] {
                let parts = pair.split(separator: ":").map { $0.trimmingPrefix { $0 == " " } }
                if parts.count == 2 { column(String(parts[0]), String(parts[1])) }
            }
            for member in translator?[form]?.members ?? [] { column(member.name, member.value.string ?? member.name) }
        }
        let isComplete = !step.columns.isEmpty
        for extra in activity.typeProperties["source"]?["additionalColumns"]?.elements ?? [] {
            guard let name = extra["name"]?.string else { continue }
            let value = extra["value"]?.string ?? ""
            let copied = value.hasPrefix("$$COLUMN:") ? String(value.dropFirst("$$COLUMN:".count)) : nil
            let path = value == "$$FILEPATH" ? "file path" : nil
            let origin = (copied ?? path).map { Origin(place: place, column: $0, kind: "identity") }
            step.columns.append(Column(name: name, origins: Set([origin].compactMap { $0 })))
        }
        if !isComplete {
            step.unknown =
                translator?.expressionText?.hasPrefix("@") == true
                ? "its mapping is an expression" : "it has no mapping: columns go by their names, whatever comes"
        }
        return step
    }

    // MARK: - Data flows

    private static func flow(_ activity: FactoryActivity, _ pipeline: String, _ factory: Factory) -> [Step] {
        let properties = activity.typeProperties
        let name = (properties["dataFlow"] ?? properties["dataflow"])?["referenceName"]?.string ?? ""
        func unknown(_ reason: String) -> [Step] {
            [Step(pipeline: pipeline, activity: activity.name, sink: name, columns: [], rows: [], unknown: reason)]
        }
        guard let resource = factory.resource(.dataflow, named: name) else {
            return unknown("there is no data flow '\(name)'")
        }
        guard let source = resource.dataFlowSource else { return unknown("'\(name)' has no script") }
        do throws(DuetError) {
            let (script, order) = try source.parsed()
            let ends = ["sources", "sinks"].flatMap { resource.typeProperties[$0]?.elements ?? [] }.compactMap { end in
                end["name"]?.string.map { ($0, end["dataset"].flatMap(FactoryReference.init)?.name ?? $0) }
            }
            // One dataset with other parameters is another table: the stream tells them apart.
            let uses = Dictionary(grouping: ends, by: \.1)
            var places: [String: String] = [:]
            for (stream, dataset) in ends {
                places[stream.lowercased()] = uses[dataset]?.count ?? 0 > 1 ? "\(dataset) (\(stream))" : dataset
            }
            var lineage = DataFlowLineage(
                places: places,
                flowlets: flowlets(resource, script, factory, within: [])
            )
            return lineage.sinks(of: order).map { sink in
                Step(
                    pipeline: pipeline,
                    activity: activity.name,
                    sink: sink.place,
                    columns: sink.columns,
                    rows: sink.rows,
                    unknown: sink.unknown
                )
            }
        } catch {
            return unknown("its script cannot be read: \(error.message)")
        }
    }

    /// The flowlets a data flow runs; those that cannot be read are left out.
    private static func flowlets(
        _ flow: FactoryResource,
        _ script: DataFlowScript,
        _ factory: Factory,
        within path: [String]
    ) -> [String: DataFlowLineage.Flowlet] {
        var found: [String: DataFlowLineage.Flowlet] = [:]
        for use in flow.flowletUses(script) {
            let key = use.flowlet.lowercased()
            guard !path.contains(key), let flowlet = factory.resource(.dataflow, named: use.flowlet),
                let source = flowlet.dataFlowSource,
                case .success(let (script, order)) = Result(catching: { () throws(DuetError) in try source.parsed() })
            else { continue }
            found[use.step.name.lowercased()] = DataFlowLineage.Flowlet(
                order: order,
                flowlets: flowlets(flowlet, script, factory, within: path + [key])
            )
        }
        return found
    }

    // MARK: - Showing

    /// A table of the columns, one line for each thing a column depends on: activity, column, input column, kind.
    public var lines: [[String]] {
        steps.flatMap { step -> [[String]] in
            let name = "\(step.pipeline)/\(step.activity)"
            var lines: [[String]] = []
            for column in step.columns {
                let own = "\(step.sink).\(column.name)"
                if column.origins.isEmpty { lines.append([name, own, "", "made here"]) }
                for origin in column.origins.sorted() {
                    lines.append([name, own, "\(origin.place).\(origin.column)", origin.kind])
                }
            }
            for origin in step.rows.sorted() {
                lines.append([name, "rows of \(step.sink)", "\(origin.place).\(origin.column)", origin.kind])
            }
            if let unknown = step.unknown { lines.append([name, step.sink, "", "not resolved, because \(unknown)"]) }
            return lines
        }
    }

    /// The same for programs.
    public var json: JSONValue {
        func origins(_ list: Set<Origin>) -> JSONValue {
            .array(
                list.sorted().map {
                    ["dataset": .string($0.place), "column": .string($0.column), "kind": .string($0.kind)]
                }
            )
        }
        return .array(
            steps.map { step in
                [
                    "pipeline": .string(step.pipeline), "activity": .string(step.activity),
                    "dataset": .string(step.sink),
                    "columns": .array(
                        step.columns.map { ["name": .string($0.name), "origins": origins($0.origins)] }
                    ),
                    "rows": origins(step.rows), "unknown": step.unknown.map { .string($0) } ?? .null,
                ]
            }
        )
    }
}
