internal import DuetExpression
internal import DuetFactory

/// Turns an activity as written into what is run.
struct BodyCompiler {
    private let activity: FactoryActivity
    private let pipeline: FactoryPipeline

    init(_ activity: FactoryActivity, _ pipeline: FactoryPipeline) {
        self.activity = activity
        self.pipeline = pipeline
    }

    func body() throws(ExpressionError) -> CompiledActivity.Body {
        guard let kind = activity.kind else {
            return .impossible(
                ActivityFailure(
                    "UnsupportedActivity",
                    "activities of type '\(activity.type)' run in the service only",
                    hint: "set \"state\": \"Inactive\" on '\(activity.name)' to leave it out",
                    isFinal: true
                )
            )
        }
        if let missing = kind.requiredProperties.first(where: { activity.typeProperties[$0] == nil }) {
            return .impossible(missingProperty(missing))
        }
        switch kind {
        case .setVariable:
            if activity.typeProperties["setSystemVariable"]?.boolean == true { return try returnValue() }
            return .setVariable(name: try name(), try template("value"))
        case .appendVariable: return .appendVariable(name: try name(), try template("value"))
        case .wait: return .wait(try template("waitTimeInSeconds"))
        case .fail: return .fail(message: try template("message"), code: try template("errorCode"))
        case .filter: return .filter(items: try template("items"), condition: try template("condition"))
        case .ifCondition:
            return .ifCondition(try template("expression"), scope("ifTrueActivities"), scope("ifFalseActivities"))
        case .switchCase: return try switchCase()
        case .forEach: return try forEach()
        case .until:
            let timeout = activity.typeProperties["timeout"] == nil ? nil : try template("timeout")
            return .until(try template("expression"), timeout: timeout, scope("activities"))
        case .executePipeline: return try executePipeline()
        default: return .work(kind, try work())
        }
    }

    private func missingProperty(_ name: String) -> ActivityFailure {
        ActivityFailure(
            "MissingProperty",
            "'\(activity.name)' (\(activity.type)) lacks '\(name)'",
            hint: "add it to \"typeProperties\"",
            isFinal: true
        )
    }

    private func template(_ property: String) throws(ExpressionError) -> ExpressionTemplate {
        try ExpressionTemplate(parsing: activity.typeProperties[property]?.expressionValue ?? .null)
    }

    private func name() throws(ExpressionError) -> String { activity.typeProperties["variableName"]?.string ?? "" }

    private func scope(_ branch: String) -> CompiledScope {
        let lowered = branch.lowercased()
        let activities = activity.branches.first { $0.name.lowercased() == lowered }?.activities ?? []
        return CompiledScope(activities, of: pipeline)
    }

    private func switchCase() throws(ExpressionError) -> CompiledActivity.Body {
        // Branches are in the order of the properties: the cases, then what else there is.
        let count = activity.typeProperties["cases"]?.elements.count ?? 0
        let cases = activity.branches.prefix(count).map { branch in
            (value: branch.name, scope: CompiledScope(branch.activities, of: pipeline))
        }
        let rest = activity.branches.count > count ? activity.branches[count].activities : []
        return .switchCase(try template("on"), cases: cases, CompiledScope(rest, of: pipeline))
    }

    private func forEach() throws(ExpressionError) -> CompiledActivity.Body {
        let properties = activity.typeProperties
        let isSequential = properties["isSequential"]?.boolean ?? false
        let batch = properties["batchCount"]?.integer ?? FactoryLimits.defaultBatch
        return .forEach(
            items: try template("items"),
            isSequential: isSequential,
            batch: isSequential ? 1 : min(max(1, batch), FactoryLimits.batch),
            scope("activities")
        )
    }

    private func executePipeline() throws(ExpressionError) -> CompiledActivity.Body {
        let properties = activity.typeProperties
        guard let name = properties["pipeline"]?["referenceName"] else {
            return .impossible(missingProperty("pipeline"))
        }
        return .executePipeline(
            name: try ExpressionTemplate(parsing: name.expressionValue),
            parameters: try ExpressionTemplate(
                parsing: properties["parameters"]?.expressionValue ?? .object(ExpressionObject())
            ),
            // Source: ARM schema, ExecutePipelineActivityTypeProperties: "Default is false".
            waits: properties["waitOnCompletion"]?.boolean ?? false
        )
    }

    private func work() throws(ExpressionError) -> CompiledActivity.WorkTemplate {
        var inputs: [CompiledActivity.Reference] = []
        for reference in activity.inputs { inputs.append(try .init(reference)) }
        var outputs: [CompiledActivity.Reference] = []
        for reference in activity.outputs { outputs.append(try .init(reference)) }
        var linkedService: CompiledActivity.Reference?
        if let reference = activity.linkedService { linkedService = try .init(reference) }
        return .init(
            properties: try ExpressionTemplate(parsing: activity.typeProperties.expressionValue),
            inputs: inputs,
            outputs: outputs,
            linkedService: linkedService
        )
    }

    /// `value` of a return value: `[{"key": …, "value": {"type": …, "content": …}}]`.
    ///
    /// Source: control-flow-set-variable-activity, "Setting a pipeline return value".
    private func returnValue() throws(ExpressionError) -> CompiledActivity.Body {
        var values: [(key: String, value: CompiledActivity.ReturnValue)] = []
        for element in activity.typeProperties["value"]?.elements ?? [] {
            guard let key = element["key"]?.string, let value = element["value"] else { continue }
            values.append((key, try returnValue(value)))
        }
        return .setReturnValue(values)
    }

    private func returnValue(_ node: JSONNode) throws(ExpressionError) -> CompiledActivity.ReturnValue {
        guard node.isObject, let type = node["type"]?.string?.lowercased() else {
            return .value(try ExpressionTemplate(parsing: node.expressionValue))
        }
        let content = node["content"]
        switch type {
        case "null": return .value(try ExpressionTemplate(parsing: .null))
        case "array":
            guard let elements = content?.elements, !elements.isEmpty else {
                return .value(try ExpressionTemplate(parsing: content?.expressionValue ?? []))
            }
            var values: [CompiledActivity.ReturnValue] = []
            for element in elements { values.append(try returnValue(element)) }
            return .list(values)
        default: return .value(try ExpressionTemplate(parsing: content?.expressionValue ?? .null))
        }
    }
}
