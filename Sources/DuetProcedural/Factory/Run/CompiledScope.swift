internal import DuetExpression
internal import DuetFactory
internal import DuetPipeline

/// The activities of one list with their expressions parsed and their dependencies as numbers.
final class CompiledScope: Sendable {
    struct Edge: Sendable {
        var parent: Int
        var conditions: Set<FactoryActivity.Condition>
    }

    let activities: [CompiledActivity]
    /// What each activity waits for.
    let parents: [[Edge]]
    /// What waits for each activity.
    let children: [[Int]]

    init(_ activities: [FactoryActivity], of pipeline: FactoryPipeline) {
        self.activities = activities.map { CompiledActivity($0, of: pipeline) }
        let numbers = Dictionary(
            activities.enumerated().map { ($1.name.lowercased(), $0) },
            uniquingKeysWith: { first, _ in first }
        )
        parents = activities.map { activity in
            activity.dependsOn.compactMap { dependency in
                numbers[dependency.activity.lowercased()].map { Edge(parent: $0, conditions: dependency.conditions) }
            }
        }
        var children = [[Int]](repeating: [], count: activities.count)
        for (number, edges) in parents.enumerated() {
            for parent in Set(edges.map(\.parent)) { children[parent].append(number) }
        }
        self.children = children
    }
}

/// An activity ready to run.
final class CompiledActivity: Sendable {
    let definition: FactoryActivity
    let key: String
    let location: String
    let body: Body
    let userProperties: ExpressionTemplate?

    /// What an activity does, with expressions parsed.
    indirect enum Body: Sendable {
        case setVariable(name: String, ExpressionTemplate)
        case appendVariable(name: String, ExpressionTemplate)
        case setReturnValue([(key: String, value: ReturnValue)])
        case wait(ExpressionTemplate)
        case fail(message: ExpressionTemplate, code: ExpressionTemplate)
        case filter(items: ExpressionTemplate, condition: ExpressionTemplate)
        case ifCondition(ExpressionTemplate, CompiledScope, CompiledScope)
        case switchCase(ExpressionTemplate, cases: [(value: String, scope: CompiledScope)], CompiledScope)
        case forEach(items: ExpressionTemplate, isSequential: Bool, batch: Int, CompiledScope)
        case until(ExpressionTemplate, timeout: ExpressionTemplate?, CompiledScope)
        case executePipeline(name: ExpressionTemplate, parameters: ExpressionTemplate, waits: Bool)
        case work(ActivityKind, WorkTemplate)
        /// It cannot run: why.
        case impossible(ActivityFailure)
    }

    /// One value of a pipeline's return value.
    indirect enum ReturnValue: Sendable {
        case value(ExpressionTemplate)
        case list([ReturnValue])
    }

    /// Everything of an activity that goes to a handler.
    struct WorkTemplate: Sendable {
        var properties: ExpressionTemplate
        var inputs: [Reference]
        var outputs: [Reference]
        var linkedService: Reference?
    }

    /// A reference with its parameters' expressions parsed.
    struct Reference: Sendable {
        var name: String
        var parameters: ExpressionTemplate

        init(_ reference: FactoryReference) throws(ExpressionError) {
            name = reference.name
            parameters = try ExpressionTemplate(
                parsing: reference.parameters?.expressionValue ?? .object(ExpressionObject())
            )
        }
    }

    init(_ activity: FactoryActivity, of pipeline: FactoryPipeline) {
        definition = activity
        key = activity.name.lowercased()
        location = "\(pipeline.resource.file.location(at: activity.node.offset))"
        var properties: ExpressionTemplate?
        var body: Body
        do throws(ExpressionError) {
            body = try BodyCompiler(activity, pipeline).body()
            if let node = activity.node["userProperties"], !node.elements.isEmpty {
                properties = try ExpressionTemplate(parsing: node.expressionValue)
            }
        } catch {
            body = .impossible(ExpressionFailure.failure(error, secret: activity.policy.secureInput))
        }
        self.body = body
        userProperties = properties
    }
}

/// Tells expressions' errors as activities' failures.
enum ExpressionFailure {
    /// The failure with the expression's faulty part and what went into it, unless that is secret.
    static func failure(_ error: ExpressionError, secret: Bool) -> ActivityFailure {
        var place = error.jsonPath.map { $0 == "$" ? "" : " at \($0)" } ?? ""
        guard !secret else {
            return ActivityFailure(
                error.code.description,
                "an expression\(place) failed; it is not shown because secureInput is on",
                isFinal: true
            )
        }
        if !error.subexpression.isEmpty { place += " in \(error.subexpression)" }
        let inputs = error.inputs.map { String($0.json.prefix(200)) }.joined(separator: ", ")
        return ActivityFailure(
            error.code.description,
            error.message + place + (inputs.isEmpty ? "" : "; its inputs were \(inputs)"),
            hint: error.hint,
            isFinal: true
        )
    }
}
