internal import DuetExpression
internal import DuetPipeline

/// What an expression at some place may read.
private struct Visibility {
    /// The activity and those around it, each with the list it stands in.
    var places: [(list: DependencyGraph, name: String)] = []
    /// Activities inside that have come to an end, in lower case.
    var inner: Set<String> = []

    /// Whether an activity has surely come to an end.
    func hasFinished(_ name: String) -> Bool {
        inner.contains(name) || places.contains { $0.list.isUpstream(name, of: $0.name) }
    }
}

/// What the activities of one list depend on, by name in lower case.
private struct DependencyGraph {
    private let direct: [String: [String]]

    init(_ activities: [FactoryActivity]) {
        direct = Dictionary(
            activities.map { ($0.name.lowercased(), $0.dependsOn.map { $0.activity.lowercased() }) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// Looked for when it is asked, since few expressions read an activity far away.
    func isUpstream(_ target: String, of name: String) -> Bool {
        guard direct[target] != nil else { return false }
        var seen: Set<String> = []
        var open = [name]
        while let next = open.popLast() {
            for parent in direct[next] ?? [] where seen.insert(parent).inserted {
                if parent == target { return true }
                open.append(parent)
            }
        }
        return false
    }
}

extension PipelineLint {
    mutating func checkExpressions() {
        check(pipeline.activities, outside: Visibility())
    }

    private mutating func check(_ activities: [FactoryActivity], outside: Visibility) {
        let graph = DependencyGraph(activities)
        for activity in activities {
            var visible = outside
            visible.places.append((graph, activity.name.lowercased()))
            checkProperties(activity, visible)
            checkVariable(activity)
            for branch in activity.branches { check(branch.activities, outside: visible) }
        }
    }

    private mutating func checkProperties(_ activity: FactoryActivity, _ visible: Visibility) {
        let branches = Set((activity.kind?.branchProperties ?? []).map { $0.lowercased() })
        for member in activity.typeProperties.members where !branches.contains(member.name.lowercased()) {
            var visible = visible
            if activity.kind == .until, member.name.lowercased() == "expression" {
                visible.inner.formUnion(activity.branches.flatMap(\.activities).map { $0.name.lowercased() })
            }
            walk(member.value, activity, visible)
        }
        for property in ["inputs", "outputs", "linkedServiceName", "userProperties"] {
            if let node = activity.node[property] { walk(node, activity, visible) }
        }
    }

    private mutating func walk(_ node: JSONNode, _ activity: FactoryActivity, _ visible: Visibility) {
        switch node.kind {
        case .string(let text):
            guard text.utf8.contains(UInt8(ascii: "@")) else { return }
            check(text, at: node.offset, activity, visible)
        case .array(let elements): for element in elements { walk(element, activity, visible) }
        case .object(let members): for member in members { walk(member.value, activity, visible) }
        default: break
        }
    }

    private mutating func check(_ text: String, at offset: Int, _ activity: FactoryActivity, _ visible: Visibility) {
        let expression: Expression
        do {
            expression = try Expression(parsing: text)
        } catch {
            let location = pipeline.resource.file.location(ofUnit: error.position.lowerBound, inStringAt: offset)
            let code: DuetError.Code = error.code == .tooLong ? .limit : .expressionSyntax
            let found = pipeline.resource.error(
                code,
                "\(error.message) (in '\(activity.name)')",
                hint: error.hint,
                at: location
            )
            findings.append(FactoryFinding(.error, found, pipeline: pipeline.name))
            return
        }
        for reference in expression.references {
            guard let name = reference.name, let finding = finding(reference.kind, name, activity, visible) else {
                continue
            }
            let unit = reference.range.lowerBound
            let location = pipeline.resource.file.location(ofUnit: unit, inStringAt: offset)
            let error = pipeline.resource.error(finding.code, finding.message, hint: finding.hint, at: location)
            findings.append(FactoryFinding(finding.severity, error, pipeline: pipeline.name))
        }
    }

    private typealias Found = (
        severity: FactoryFinding.Severity, code: DuetError.Code, message: String, hint: String?
    )

    private func finding(
        _ kind: ExpressionReference.Kind,
        _ name: String,
        _ activity: FactoryActivity,
        _ visible: Visibility
    ) -> Found? {
        let lowered = name.lowercased()
        let place = "an expression of '\(activity.name)'"
        switch kind {
        case .parameter:
            guard !pipeline.parameters.contains(where: { $0.name.lowercased() == lowered }) else { return nil }
            let known = pipeline.parameters.map(\.name)
            let hint = Suggestion.hint(for: name, among: known, noun: "parameters")
            return (.error, .unknownParameter, "\(place) reads the parameter '\(name)', which is not declared", hint)
        case .variable:
            guard !pipeline.variables.contains(where: { $0.name.lowercased() == lowered }) else { return nil }
            let known = pipeline.variables.map(\.name)
            let hint = Suggestion.hint(for: name, among: known, noun: "variables")
            return (.error, .unknownVariable, "\(place) reads the variable '\(name)', which is not declared", hint)
        case .globalParameter:
            guard index.knowsGlobalParameters, !index.globalParameters.contains(lowered) else { return nil }
            let known = index.factory.globalParameters.map(\.name)
            let hint = Suggestion.hint(for: name, among: known, noun: "global parameters")
            return (
                .error, .unknownParameter, "\(place) reads the global parameter '\(name)', which is not defined", hint
            )
        case .activity:
            guard !visible.hasFinished(lowered) else { return nil }
            let all = pipeline.allActivities.map(\.name)
            if all.contains(where: { $0.lowercased() == lowered }) {
                let hint = "add '\(name)' to its dependsOn, or to that of the container it stands in"
                return (
                    .warning, .unknownActivity, "\(place) reads '\(name)', which may not have run by then", hint
                )
            }
            let hint = Suggestion.hint(for: name, among: all, noun: "activities")
            return (.error, .unknownActivity, "\(place) reads the activity '\(name)', which is not there", hint)
        default: return nil
        }
    }

    private mutating func checkVariable(_ activity: FactoryActivity) {
        guard activity.kind == .setVariable || activity.kind == .appendVariable,
            activity.typeProperties["setSystemVariable"]?.boolean != true,
            let node = activity.typeProperties["variableName"], let name = node.string, !name.hasPrefix("@")
        else { return }
        let lowered = name.lowercased()
        guard let variable = pipeline.variables.first(where: { $0.name.lowercased() == lowered }) else {
            note(
                .error,
                .unknownVariable,
                "'\(activity.name)' writes the variable '\(name)', which is not declared",
                hint: Suggestion.hint(for: name, among: pipeline.variables.map(\.name), noun: "variables"),
                at: node.offset
            )
            return
        }
        if activity.kind == .appendVariable, variable.type.lowercased() != "array" {
            note(
                .error,
                .wrongProperty,
                "'\(activity.name)' appends to '\(name)', which is of type \(variable.type)",
                hint: "declare it with \"type\": \"Array\"",
                at: node.offset
            )
        }
        checkSelfReference(activity, variable: lowered)
    }

    /// The service refuses a SetVariable that reads the variable it sets.
    private mutating func checkSelfReference(_ activity: FactoryActivity, variable: String) {
        guard activity.kind == .setVariable, let value = activity.typeProperties["value"]?.expressionNode,
            let text = value.string,
            case .success(let expression) = Result(catching: { try Expression(parsing: text) }),
            expression.references.contains(where: { $0.kind == .variable && $0.name?.lowercased() == variable })
        else { return }
        note(
            .error,
            .wrongProperty,
            "'\(activity.name)' sets '\(variable)' from itself, which the service refuses",
            hint: "go through a second variable",
            at: value.offset
        )
    }
}
