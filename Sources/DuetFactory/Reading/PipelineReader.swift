internal import DuetExpression
public import DuetPipeline

/// Makes pipelines of resources, and notes what is missing in them.
struct PipelineReader {
    let resource: FactoryResource
    private(set) var findings: [FactoryFinding] = []
    private static let deepest = 64

    init(_ resource: FactoryResource) { self.resource = resource }

    mutating func pipeline() -> FactoryPipeline {
        let properties = resource.properties
        var pipeline = FactoryPipeline(
            resource: resource,
            activities: activities(properties["activities"], depth: 0),
            variables: FactoryParameter.read(properties["variables"]),
            concurrency: properties["concurrency"]?.integer
        )
        if let node = properties["policy"]?["elapsedTimeMetric"]?["duration"], let text = node.string {
            pipeline.expectedSeconds = TimeSpan.seconds(text)
            if pipeline.expectedSeconds == nil {
                note(
                    .wrongProperty,
                    "the duration '\(text)' of elapsedTimeMetric is no time span",
                    hint: "write days.hours:minutes:seconds, such as 0.00:10:00",
                    at: node.offset
                )
            }
        }
        return pipeline
    }

    private mutating func activities(_ node: JSONNode?, depth: Int) -> [FactoryActivity] {
        guard let node, !node.isNull else { return [] }
        guard case .array(let nodes) = node.kind else {
            note(.wrongProperty, "'activities' must be a list, found \(node.kindName)", at: node.offset)
            return []
        }
        guard depth < Self.deepest else {
            note(.badNesting, "activities are nested deeper than \(Self.deepest) levels", at: node.offset)
            return []
        }
        return nodes.compactMap { activity($0, depth: depth) }
    }

    private mutating func activity(_ node: JSONNode, depth: Int) -> FactoryActivity? {
        guard node.isObject else {
            note(.wrongProperty, "an activity must be an object, found \(node.kindName)", at: node.offset)
            return nil
        }
        guard let name = node["name"]?.string, !name.isEmpty else {
            note(.missingProperty, "an activity has no name", hint: "add \"name\": \"…\"", at: node.offset)
            return nil
        }
        guard let type = node["type"]?.string, !type.isEmpty else {
            note(.missingProperty, "the activity '\(name)' has no type", hint: "add \"type\": \"…\"", at: node.offset)
            return nil
        }
        let kind = ActivityKind(type: type)
        var activity = FactoryActivity(
            name: name,
            type: type,
            kind: kind,
            dependsOn: dependencies(node["dependsOn"], of: name),
            policy: policy(node["policy"], of: name),
            inactiveMark: inactiveMark(node),
            branches: [],
            inputs: references(node["inputs"]),
            outputs: references(node["outputs"]),
            linkedService: node["linkedServiceName"].flatMap(FactoryReference.init),
            node: node
        )
        let typeProperties = activity.typeProperties
        if let dataset = typeProperties["dataset"].flatMap(FactoryReference.init) { activity.inputs.append(dataset) }
        activity.branches = branches(kind, typeProperties, depth: depth)
        return activity
    }

    private mutating func branches(
        _ kind: ActivityKind?,
        _ properties: JSONNode,
        depth: Int
    ) -> [FactoryActivity.Branch] {
        var branches: [FactoryActivity.Branch] = []
        for property in kind?.branchProperties ?? [] {
            guard let node = properties[property] else { continue }
            guard property == "cases" else {
                branches.append(.init(name: property, activities: activities(node, depth: depth + 1)))
                continue
            }
            for element in node.elements {
                let value = element["value"].map { $0.string ?? $0.expressionValue.json } ?? ""
                branches.append(.init(name: value, activities: activities(element["activities"], depth: depth + 1)))
            }
        }
        return branches
    }

    private mutating func dependencies(_ node: JSONNode?, of name: String) -> [FactoryActivity.Dependency] {
        (node?.elements ?? []).compactMap { element in
            guard let activity = element["activity"]?.string else {
                note(.missingProperty, "a dependency of '\(name)' names no activity", at: element.offset)
                return nil
            }
            var conditions: Set<FactoryActivity.Condition> = []
            for condition in element["dependencyConditions"]?.elements ?? [] {
                let text = condition.string ?? ""
                let known = FactoryActivity.Condition.allCases
                if let value = known.first(where: { $0.rawValue.lowercased() == text.lowercased() }) {
                    conditions.insert(value)
                } else {
                    note(
                        .wrongProperty,
                        "'\(text)' is no dependency condition",
                        hint: Suggestion.hint(for: text, among: known.map(\.rawValue), noun: "conditions"),
                        at: condition.offset
                    )
                }
            }
            // The service takes an edge without conditions for one on success.
            if conditions.isEmpty { conditions = [.succeeded] }
            return .init(
                activity: activity,
                conditions: conditions,
                offset: element["activity"]?.offset ?? element.offset
            )
        }
    }

    private mutating func policy(_ node: JSONNode?, of name: String) -> ActivityPolicy {
        guard let node, node.isObject else { return ActivityPolicy() }
        var policy = ActivityPolicy(
            retry: max(0, node["retry"]?.integer ?? 0),
            retryIntervalInSeconds: Double(max(0, node["retryIntervalInSeconds"]?.integer ?? 30)),
            secureInput: node["secureInput"]?.boolean ?? false,
            secureOutput: node["secureOutput"]?.boolean ?? false
        )
        if let timeout = node["timeout"], let text = timeout.string, !text.hasPrefix("@") {
            policy.timeoutInSeconds = TimeSpan.seconds(text)
            if policy.timeoutInSeconds == nil {
                note(
                    .wrongProperty,
                    "the timeout '\(text)' of '\(name)' is no time span",
                    hint: "write days.hours:minutes:seconds, such as 0.12:00:00",
                    at: timeout.offset
                )
            }
        }
        return policy
    }

    private func inactiveMark(_ node: JSONNode) -> FactoryActivity.Condition? {
        guard node["state"]?.string?.lowercased() == "inactive" else { return nil }
        let mark = node["onInactiveMarkAs"]?.string?.lowercased()
        return FactoryActivity.Condition.allCases.first { $0.rawValue.lowercased() == mark } ?? .succeeded
    }

    private func references(_ node: JSONNode?) -> [FactoryReference] {
        (node?.elements ?? []).compactMap(FactoryReference.init)
    }

    private mutating func note(_ code: DuetError.Code, _ message: String, hint: String? = nil, at offset: Int) {
        findings.append(.init(.error, resource.error(code, message, hint: hint, at: offset), pipeline: resource.name))
    }
}

/// Spans of time as the service writes them.
public enum TimeSpan {
    /// The seconds of `days.hours:minutes:seconds`, of which days and seconds may be left out; nil for anything else.
    public static func seconds(_ text: String) -> Double? {
        var rest = text[...]
        var days = 0
        let colon = rest.firstIndex(of: ":")
        if let dot = rest.firstIndex(of: "."), colon.map({ dot < $0 }) ?? true {
            guard let value = Int(rest[..<dot]) else { return nil }
            days = value
            rest = rest[rest.index(after: dot)...]
        } else if colon == nil {
            return Int(rest).map { Double($0) * 86_400 }
        }
        let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3, let hours = Int(parts[0]), let minutes = Int(parts[1]), hours >= 0,
            minutes >= 0
        else { return nil }
        guard let seconds = parts.count == 3 ? Double(parts[2]) : 0, seconds >= 0, days >= 0 else { return nil }
        return Double(days) * 86_400 + Double(hours) * 3_600 + Double(minutes) * 60 + seconds
    }
}

extension FactoryResource {
    /// An error at a place of this resource's file, with the line it points into.
    public func error(
        _ code: DuetError.Code,
        _ message: String,
        hint: String? = nil,
        at offset: Int
    ) -> DuetError {
        error(code, message, hint: hint, at: file.location(at: offset))
    }

    func error(_ code: DuetError.Code, _ message: String, hint: String?, at location: SourceLocation) -> DuetError {
        // A template may hold a whole factory on one line, which nobody wants to see.
        DuetError(code, message, hint: hint, at: location, excerpt: file.excerpt(ofLine: location.line))
    }
}
