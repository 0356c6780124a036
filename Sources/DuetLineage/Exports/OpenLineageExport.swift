public import DuetEvents
public import DuetPipeline
public import Foundation

/// The events of a run as OpenLineage 2-0-2 says them: a job for the pipeline, one for each step, and what they read and
/// wrote.
///
/// The specification is at https://openlineage.io/spec/2-0-2/OpenLineage.json; the facets' schemas are named in each facet.
public struct OpenLineageExport: Sendable {
    /// The version of the schema that the events follow.
    public static let schemaURL = "https://openlineage.io/spec/2-0-2/OpenLineage.json"

    let pipeline: Pipeline
    let graph: DatasetGraph
    let lineage: PipelineLineage
    /// The namespace of jobs.
    let namespace: String
    /// What makes the events; a URI.
    let producer: String
    /// Where the warehouse is: the namespace of its datasets.
    let warehouse: String
    /// DuckDB's version.
    let engineVersion: String
    /// What the activities of a data factory have moved.
    var movements = MovementLineage()

    /// Prepares the export of a pipeline's runs.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - graph: Its datasets in order.
    ///   - lineage: Where its columns come from.
    ///   - namespace: The namespace of its jobs.
    ///   - warehouse: The path of the warehouse.
    ///   - engineVersion: DuckDB's version.
    public init(
        _ pipeline: Pipeline,
        graph: DatasetGraph,
        lineage: PipelineLineage,
        namespace: String = "duet",
        warehouse: String,
        engineVersion: String
    ) {
        self.pipeline = pipeline
        self.graph = graph
        self.lineage = lineage
        self.namespace = namespace
        producer = "https://duet.invalid/duet/0.1.0"
        self.warehouse = "duckdb://\(URL(fileURLWithPath: warehouse).path)"
        self.engineVersion = engineVersion
    }

    /// The events of one run.
    ///
    /// - Parameters:
    ///   - events: The run's events in order.
    ///   - start: When the run began; the first event's time unless given.
    /// - Returns: An OpenLineage event for the start and the end of the run and of each step, and one for each retry.
    public func events(_ events: [RunEvent], start: Date? = nil) -> [JSONValue] {
        let start = start ?? events.first?.timestamp
        return events.compactMap { event in
            guard let type = Self.type(of: event) else { return nil }
            var object: JSONObject = [
                "eventTime": .string(Self.time(event.timestamp)), "eventType": .string(type),
                "producer": .string(producer), "schemaURL": .string("\(Self.schemaURL)#/$defs/RunEvent"),
            ]
            object["run"] = run(of: event, start: start)
            object["job"] = job(of: event)
            let (inputs, outputs) = datasets(of: event)
            object["inputs"] = .array(inputs)
            object["outputs"] = .array(outputs)
            return .object(object)
        }
    }

    private static func type(of event: RunEvent) -> String? {
        switch event.kind {
        case .runStarted, .stepStarted: "START"
        case .runCompleted, .stepCompleted: "COMPLETE"
        case .runFailed, .stepFailed: "FAIL"
        case .runCancelled, .runAbandoned: "ABORT"
        case .stepRetried: "RUNNING"
        // A step that had nothing to do never was a run of its job.
        case .stepSkipped, .notice: nil
        }
    }

    static func time(_ date: Date) -> String { RunEvent.text(of: date) }

    /// A facet with what every facet has.
    func facet(_ schema: String, _ members: JSONObject) -> JSONValue {
        var object: JSONObject = [
            "_producer": .string(producer), "_schemaURL": .string("https://openlineage.io/spec/facets/\(schema)"),
        ]
        for member in members.members { object[member.key] = member.value }
        return .object(object)
    }

    // MARK: - Run and job

    private func run(of event: RunEvent, start: Date?) -> JSONValue {
        var facets: JSONObject = [
            "processing_engine": facet(
                "1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet",
                ["version": .string(engineVersion), "name": "DuckDB", "openlineageAdapterVersion": "0.1.0"]
            )
        ]
        if let start {
            facets["nominalTime"] = facet(
                "1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet",
                ["nominalStartTime": .string(Self.time(start))]
            )
        }
        if event.step != nil {
            let parent: JSONObject = [
                "run": ["runId": .string(Self.uuid(event.runID))],
                "job": ["namespace": .string(namespace), "name": .string(runJob(event))],
            ]
            facets["parent"] = facet("1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet", parent)
        }
        if let error = event.error {
            facets["errorMessage"] = facet(
                "1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet",
                ["message": .string(error), "programmingLanguage": "SQL"]
            )
        }
        let name = event.step.map { "\(event.runID)/\($0)" } ?? event.runID
        return ["runId": .string(Self.uuid(name)), "facets": .object(facets)]
    }

    private func runJob(_ event: RunEvent) -> String { "\(pipeline.name).\(event.style)" }

    private func job(of event: RunEvent) -> JSONValue {
        let isDataset = dataset(of: event) != nil
        var facets: JSONObject = [
            "jobType": facet(
                "2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
                [
                    "processingType": "BATCH", "integration": "DUET",
                    "jobType": .string(jobType(event, isDataset)),
                ]
            )
        ]
        if let node = dataset(of: event) {
            if let query = node.dataset.flows.first?.query {
                facets["sql"] = facet(
                    "1-1-0/SQLJobFacet.json#/$defs/SQLJobFacet",
                    ["query": .string(query.original), "dialect": "duckdb"]
                )
            }
            facets["sourceCodeLocation"] = location(node.dataset.location)
        } else if let source = source(of: event) {
            facets["sourceCodeLocation"] = location(source.location)
        }
        if let owner = pipeline.parameters["owner"] {
            facets["ownership"] = facet(
                "1-0-1/OwnershipJobFacet.json#/$defs/OwnershipJobFacet",
                ["owners": [["name": .string(owner), "type": "OWNER"]]]
            )
        }
        let name = event.step.map { "\(runJob(event)).\($0)" } ?? runJob(event)
        return ["namespace": .string(namespace), "name": .string(name), "facets": .object(facets)]
    }

    private func jobType(_ event: RunEvent, _ isDataset: Bool) -> String {
        guard event.step != nil else { return "PIPELINE" }
        if isDataset { return "DATASET" }
        // Steps of a hand-written factory are neither datasets nor sources of the definition.
        return source(of: event) == nil ? "ACTIVITY" : "TRANSFER"
    }

    private func location(_ place: SourceLocation) -> JSONValue {
        let url = URL(fileURLWithPath: place.file)
        return facet(
            "1-1-0/SourceCodeLocationJobFacet.json#/$defs/SourceCodeLocationJobFacet",
            [
                "type": "file", "url": .string("\(url.absoluteString)#L\(place.line)"),
                "path": .string(place.file),
            ]
        )
    }

    /// The dataset that a step makes, whatever the style calls the step.
    func dataset(of event: RunEvent) -> DatasetGraph.Node? {
        guard let step = event.step, event.stepKind != .transfer else { return nil }
        return graph.nodes.first { StepName.dataset($0.dataset.name, style: event.style) == step }
    }

    /// The source that a step brings.
    func source(of event: RunEvent) -> Source? {
        guard let step = event.step else { return nil }
        return pipeline.sources.first { StepName.source($0.name, style: event.style) == step }
    }

    /// A UUID that is always the same for a name: itself if it is one, else one of version 8 made of two FNV-1a hashes.
    static func uuid(_ name: String) -> String {
        if UUID(uuidString: name) != nil { return name.lowercased() }
        func hash(_ seed: UInt64) -> UInt64 {
            name.utf8.reduce(0xcbf2_9ce4_8422_2325 ^ seed) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
        }
        let high = (hash(0) & 0xffff_ffff_ffff_0fff) | 0x8000
        let low = (hash(0x9e37_79b9_7f4a_7c15) & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000
        func hex(_ value: UInt64) -> String {
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        let text = Array(hex(high) + hex(low))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(text[$0]) }.joined(separator: "-")
    }
}

/// What the styles call the steps of datasets and sources.
public enum StepName {
    /// The step that makes a dataset.
    public static func dataset(_ name: DatasetName, style: String) -> String {
        style == "declarative" ? name.description : "Make \(name.schema)_\(name.table)"
    }

    /// The step that brings a source.
    public static func source(_ name: String, style: String) -> String {
        style == "declarative" ? "source \(name)" : "Copy \(name)"
    }
}
