public import DuetPipeline

/// A data factory: pipelines and what they use, with all that was found out about them while reading.
public struct Factory: Sendable {
    /// The name, for `pipeline().DataFactory` and for people: the folder's.
    public var name: String
    /// The folder, or the template's file.
    public var path: String
    /// The pipelines, by name.
    public var pipelines: [FactoryPipeline] = []
    /// Everything else, by kind and name.
    public var resources: [FactoryResource] = []
    /// The factory-wide parameters.
    public var globalParameters: [FactoryParameter] = []
    /// What was found while reading and checking.
    public var findings: [FactoryFinding] = []
    /// Files that hold a resource, parsed or not.
    public var fileCount = 0
    /// Of those, the ones that could not be parsed.
    public var unparsedCount = 0

    /// Whether it was read from a template, which may be one part of a factory.
    public var isTemplate = false

    /// Creates an empty factory.
    public init(name: String, path: String) {
        self.name = name
        self.path = path
    }

    /// The pipeline of this name; case does not count.
    public func pipeline(named name: String) -> FactoryPipeline? {
        let lowered = name.lowercased()
        return pipelines.first { $0.name.lowercased() == lowered }
    }

    /// The pipeline of this name and all that it calls, each once; calls by a computed name are not followed.
    package func pipelines(reachedFrom name: String) -> [FactoryPipeline] {
        var reached: [FactoryPipeline] = []
        var seen: Set<String> = []
        var open = [name.lowercased()]
        while let next = open.popLast() {
            guard seen.insert(next).inserted, let pipeline = pipeline(named: next) else { continue }
            reached.append(pipeline)
            for activity in pipeline.allActivities
            where activity.inactiveMark == nil && activity.kind == .executePipeline {
                if let child = activity.typeProperties["pipeline"].flatMap(FactoryReference.init) {
                    open.append(child.name.lowercased())
                }
            }
        }
        return reached
    }

    /// The resource of this kind and name; case does not count.
    public func resource(_ kind: FactoryResource.Kind, named name: String) -> FactoryResource? {
        let lowered = name.lowercased()
        return resources.first { $0.kind == kind && $0.name.lowercased() == lowered }
    }

    /// The names of all resources of a kind, for suggestions.
    public func names(of kind: FactoryResource.Kind) -> [String] {
        kind == .pipeline ? pipelines.map(\.name) : resources.filter { $0.kind == kind }.map(\.name)
    }

    /// The findings that keep something from running.
    public var errors: [DuetError] { findings.filter { $0.severity == .error }.map(\.error) }

    /// Whether nothing that keeps it from running was found in a pipeline.
    public func isClean(_ pipeline: String) -> Bool {
        !findings.contains { $0.severity == .error && $0.pipeline == pipeline }
    }
}
