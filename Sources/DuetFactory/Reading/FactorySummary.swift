internal import DuetPipeline

/// How much of a factory can be read, is right, and could run here.
public struct FactorySummary: Sendable, Hashable {
    /// Files that hold resources.
    public var files = 0
    /// Of those, the ones that are JSON.
    public var parsed = 0
    /// Pipelines.
    public var pipelines = 0
    /// Of those, the ones without an error.
    public var clean = 0
    /// Of those, the ones that could run once their linked services are mapped, child pipelines included.
    public var runnable = 0
    /// Activities by type, most frequent first.
    public var activities: [String: Int] = [:]
    /// Findings by code.
    public var findings: [String: Int] = [:]

    /// Counts the factories together; a pipeline that one of them calls may be another's, as with split templates.
    public init(_ factories: [Factory]) {
        let calls = CallGraph(factories)
        for (number, factory) in factories.enumerated() {
            files += factory.fileCount
            parsed += factory.fileCount - factory.unparsedCount
            pipelines += factory.pipelines.count
            for (place, pipeline) in factory.pipelines.enumerated() {
                if factory.isClean(pipeline.name) { clean += 1 }
                if !calls.isBlocked[number][place] { runnable += 1 }
                for activity in pipeline.allActivities { activities[activity.type, default: 0] += 1 }
            }
            for finding in factory.findings { findings[finding.error.code.name, default: 0] += 1 }
        }
    }

    /// The counts in lines for people.
    public var text: String {
        func share(_ part: Int, of whole: Int) -> String {
            whole == 0 ? "0" : "\(part) of \(whole) (\((part * 1_000 / whole + 5) / 10) %)"
        }
        let types = activities.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        let codes = findings.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return """
            files parsed        \(share(parsed, of: files))
            pipelines clean     \(share(clean, of: pipelines))
            pipelines runnable  \(share(runnable, of: pipelines))
            activities          \(activities.values.reduce(0, +)): \(types.isEmpty ? "none" : types)
            findings            \(codes.isEmpty ? "none" : codes)
            """
    }
}

/// Which pipelines could not run even with every linked service mapped, because of themselves or what they call.
private struct CallGraph {
    var isBlocked: [[Bool]]
    private let factories: [Factory]
    /// Pipelines of all factories by name in lower case, as factory and place.
    private var places: [String: [(factory: Int, place: Int)]] = [:]

    init(_ factories: [Factory]) {
        self.factories = factories
        isBlocked = factories.map { factory in
            // A linked service is replaced by a stand-in, so that its definition is not needed.
            let harmless: Set<DuetError.Code> = [.unknownLinkedService, .unknownPipeline]
            let broken = Set(
                factory.findings.filter { finding in
                    let isMissing = [.unknownDataset, .unknownDataFlow].contains(finding.error.code)
                    return (finding.severity == .error || isMissing) && !harmless.contains(finding.error.code)
                }.compactMap { $0.pipeline?.lowercased() }
            )
            return factory.pipelines.map { pipeline in
                broken.contains(pipeline.name.lowercased())
                    || pipeline.allActivities.contains { $0.kind?.isRunnable != true && $0.inactiveMark == nil }
            }
        }
        for (number, factory) in factories.enumerated() {
            for (place, pipeline) in factory.pipelines.enumerated() {
                places[pipeline.name.lowercased(), default: []].append((number, place))
            }
        }
        spread()
    }

    private mutating func spread() {
        var hasChanged = true
        while hasChanged {
            hasChanged = false
            for (number, factory) in factories.enumerated() {
                for (place, pipeline) in factory.pipelines.enumerated() where !isBlocked[number][place] {
                    guard calls(of: pipeline).contains(where: { !canRun($0, from: number) }) else { continue }
                    isBlocked[number][place] = true
                    hasChanged = true
                }
            }
        }
    }

    private func calls(of pipeline: FactoryPipeline) -> [String] {
        pipeline.allActivities.filter { $0.kind == .executePipeline }
            .compactMap { $0.typeProperties["pipeline"].flatMap(FactoryReference.init)?.name.lowercased() }
            .filter { !$0.hasPrefix("@") }
    }

    private func canRun(_ name: String, from number: Int) -> Bool {
        let all = places[name] ?? []
        let own = all.filter { $0.factory == number }
        return (own.isEmpty ? all : own).contains { !isBlocked[$0.factory][$0.place] }
    }
}
