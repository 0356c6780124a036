internal import DuetPipeline

/// References from one resource to another, wherever they stand in its JSON.
enum ResourceReferences {
    /// What is referred to and not defined.
    static func missing(
        in node: JSONNode,
        of resource: FactoryResource,
        _ index: FactoryIndex,
        skipping skipped: Set<String> = []
    ) -> [FactoryFinding] {
        var findings: [FactoryFinding] = []
        visit(node, skipping: skipped) { name, kind in
            guard let text = name.string, !index.contains(kind, text) else { return }
            // A name that only a deployment knows.
            if index.factory.isTemplate, text.contains("{") { return }
            let code: DuetError.Code =
                switch kind {
                case .dataset: .unknownDataset
                case .linkedService: .unknownLinkedService
                case .pipeline: .unknownPipeline
                default: .unknownDataFlow
                }
            let error = resource.error(
                code,
                "the \(kind.rawValue) '\(text)' is not defined in this factory",
                hint: Suggestion.hint(for: text, among: index.factory.names(of: kind), noun: "names"),
                at: name.offset
            )
            // A template is deployed into a factory that may have it already.
            let severity: FactoryFinding.Severity = index.factory.isTemplate ? .warning : .error
            findings.append(.init(severity, error, pipeline: resource.kind == .pipeline ? resource.name : nil))
        }
        return findings
    }

    /// Calls the closure with every reference's name node; names that are computed are left out.
    static func visit(
        _ node: JSONNode,
        skipping skipped: Set<String> = [],
        _ body: (JSONNode, FactoryResource.Kind) -> Void
    ) {
        switch node.kind {
        case .array(let elements): for element in elements { visit(element, skipping: skipped, body) }
        case .object(let members):
            if let name = node["referenceName"], let text = name.string, let kind = kind(node["type"]?.string),
                !text.hasPrefix("@"), !text.contains("@{"), !text.hasPrefix("[")
            {
                body(name, kind)
            }
            for member in members where !skipped.contains(member.name.lowercased()) {
                visit(member.value, skipping: skipped, body)
            }
        default: break
        }
    }

    private static func kind(_ type: String?) -> FactoryResource.Kind? {
        switch type?.lowercased() {
        case "datasetreference": .dataset
        case "linkedservicereference": .linkedService
        case "pipelinereference": .pipeline
        case "dataflowreference": .dataflow
        default: nil
        }
    }
}

extension PipelineLint {
    mutating func checkReferences() {
        for activity in pipeline.allActivities {
            // Inner activities come on their own.
            let skipped = Set((activity.kind?.branchProperties ?? []).map { $0.lowercased() })
            findings += ResourceReferences.missing(in: activity.node, of: pipeline.resource, index, skipping: skipped)
        }
    }
}

/// Pipelines that call each other whatever happens.
enum RecursionLint {
    static func findings(in factory: Factory) -> [FactoryFinding] {
        let numbers = Dictionary(
            factory.pipelines.enumerated().map { ($1.name.lowercased(), $0) },
            uniquingKeysWith: { first, _ in first }
        )
        let edges = factory.pipelines.map { pipeline in
            pipeline.activities.filter { $0.kind == .executePipeline && $0.dependsOn.isEmpty && $0.inactiveMark == nil }
                .compactMap { $0.typeProperties["pipeline"].flatMap(FactoryReference.init) }
                .compactMap { numbers[$0.name.lowercased()] }
        }
        guard let cycle = Cycle.first(in: edges), let start = cycle.first else { return [] }
        let names = (cycle + [start]).map { "'\(factory.pipelines[$0].name)'" }.joined(separator: " → ")
        let resource = factory.pipelines[start].resource
        let error = resource.error(
            .endlessRecursion,
            "pipelines call each other without end: \(names)",
            hint: "put one of the calls under an If, with a condition that ends it",
            at: resource.node.offset
        )
        return [FactoryFinding(.error, error, pipeline: resource.name)]
    }
}
