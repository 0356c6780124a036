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
    /// Of the runnable ones, those that use something the factory does not define, or names only a deployment knows.
    public var incomplete = 0
    /// Activities by type, most frequent first.
    public var activities: [String: Int] = [:]
    /// Findings by code.
    public var findings: [String: Int] = [:]
    /// Why pipelines could not run, each counted once under the first reason found.
    public var obstacles: [String: Int] = [:]

    /// Counts the factories together; a pipeline that one of them calls may be another's, as with split templates.
    public init(_ factories: [Factory]) {
        let calls = CallGraph(factories)
        for (number, factory) in factories.enumerated() {
            files += factory.fileCount
            parsed += factory.fileCount - factory.unparsedCount
            pipelines += factory.pipelines.count
            for (place, pipeline) in factory.pipelines.enumerated() {
                if factory.isClean(pipeline.name) { clean += 1 }
                if let obstacle = calls.obstacles[number][place] {
                    obstacles[obstacle, default: 0] += 1
                } else {
                    runnable += 1
                    if calls.isIncomplete[number][place] { incomplete += 1 }
                }
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
        let lacking =
            incomplete == 0
            ? "" : "\n    \(incomplete) of them once stand-ins.yml gives the resources that the factory does not define"
        let reasons = obstacles.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "\n    \($0.value) not, because \($0.key)" }.joined()
        return """
            files parsed        \(share(parsed, of: files))
            pipelines clean     \(share(clean, of: pipelines))
            pipelines runnable  \(share(runnable, of: pipelines))\(lacking)\(reasons)
            activities          \(activities.values.reduce(0, +)): \(types.isEmpty ? "none" : types)
            findings            \(codes.isEmpty ? "none" : codes)
            """
    }
}

/// Which pipelines could not run even with every linked service mapped, because of themselves or what they call.
private struct CallGraph {
    /// Why, in words; nil for those that could.
    private(set) var obstacles: [[String?]]
    /// Whether something is missing that stand-ins.yml can give.
    private(set) var isIncomplete: [[Bool]]
    private let factories: [Factory]
    /// Pipelines of all factories by name in lower case, as factory and place.
    private var places: [String: [(factory: Int, place: Int)]] = [:]

    // A linked service is replaced by a stand-in, so that its definition is not needed.
    private static let givable: Set<DuetError.Code> = [.unknownDataset, .unknownDataFlow, .unknownPipeline]

    init(_ factories: [Factory]) {
        self.factories = factories
        obstacles = []
        isIncomplete = []
        for (number, factory) in factories.enumerated() {
            var reasons: [String: String] = [:]
            var lacking: Set<String> = []
            for finding in factory.findings {
                guard let pipeline = finding.pipeline?.lowercased() else { continue }
                let code = finding.error.code
                if Self.givable.contains(code) { lacking.insert(pipeline) }
                guard finding.severity == .error || code == .unsupported, !Self.givable.contains(code),
                    code != .unknownLinkedService,
                    reasons[pipeline] == nil
                else { continue }
                reasons[pipeline] = "of \(code.name)"
            }
            obstacles.append(
                factory.pipelines.map { pipeline in
                    reasons[pipeline.name.lowercased()]
                        ?? pipeline.allActivities.first { $0.kind == nil && $0.inactiveMark == nil }
                        .map { "nothing here runs activities of type \($0.type)" }
                }
            )
            isIncomplete.append(factory.pipelines.map { lacking.contains($0.name.lowercased()) })
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
                for (place, pipeline) in factory.pipelines.enumerated() where obstacles[number][place] == nil {
                    for called in calls(of: pipeline).map({ candidates($0, from: number) }) {
                        if !called.isEmpty, called.allSatisfy({ obstacles[$0.factory][$0.place] != nil }) {
                            obstacles[number][place] = "a pipeline that is called cannot run"
                            hasChanged = true
                        } else if !isIncomplete[number][place],
                            called.allSatisfy({ isIncomplete[$0.factory][$0.place] })
                        {
                            isIncomplete[number][place] = true
                            hasChanged = true
                        }
                    }
                }
            }
        }
    }

    private func calls(of pipeline: FactoryPipeline) -> [String] {
        pipeline.allActivities.filter { $0.kind == .executePipeline && $0.inactiveMark == nil }
            .compactMap { $0.typeProperties["pipeline"].flatMap(FactoryReference.init)?.name.lowercased() }
            .filter { !$0.hasPrefix("@") && !$0.hasPrefix("[") }
    }

    /// The pipelines of this name, the caller's own factory first.
    private func candidates(_ name: String, from number: Int) -> [(factory: Int, place: Int)] {
        let all = places[name] ?? []
        let own = all.filter { $0.factory == number }
        return own.isEmpty ? all : own
    }
}
