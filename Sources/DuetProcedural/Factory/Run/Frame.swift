internal import DuetExpression
internal import Foundation

/// What the activities of one list see of each other: results so far, the loop's item, and the list around.
///
/// Used on the run's thread only.
final class Frame {
    let parent: Frame?
    /// The names of the containers around, with a slash behind; empty at the top.
    let path: String
    let item: ExpressionValue?
    let stop: StopScope
    private var results: [String: ActivityResult] = [:]

    init(parent: Frame?, path: String, item: ExpressionValue?, stop: StopScope) {
        self.parent = parent
        self.path = path
        self.item = item ?? parent?.item
        self.stop = stop
    }

    func note(_ result: ActivityResult, for key: String) { results[key] = result }

    func result(_ key: String) -> ActivityResult? {
        var frame: Frame? = self
        while let current = frame {
            if let result = current.results[key] { return result }
            frame = current.parent
        }
        return nil
    }

    var names: [String] { (parent?.names ?? []) + results.keys }
}

/// Things that can be stopped together: a run, or one Until with a time limit.
final class StopScope {
    private weak var parent: StopScope?
    private var children: [ObjectIdentifier: StopScope] = [:]
    private var active: [ObjectIdentifier: ActivityExecution] = [:]
    private(set) var isStopped: Bool

    init(parent: StopScope?) {
        self.parent = parent
        isStopped = parent?.isStopped ?? false
        parent?.children[ObjectIdentifier(self)] = self
    }

    func enter(_ execution: ActivityExecution) { active[ObjectIdentifier(execution)] = execution }
    func leave(_ execution: ActivityExecution) { active[ObjectIdentifier(execution)] = nil }

    /// Takes the scope out of the one around it, once nothing can be under way in it.
    func close() { parent?.children[ObjectIdentifier(self)] = nil }

    func stop() {
        guard !isStopped else { return }
        isStopped = true
        for child in children.values { child.stop() }
        for execution in active.values { execution.stop() }
    }
}

/// What expressions read at a place of a run.
struct RunContext: ExpressionContext {
    let state: RunState
    let frame: Frame
    var itemOverride: ExpressionValue?
    var dataset: ExpressionObject?
    var linkedService: ExpressionObject?

    init(_ state: RunState, _ frame: Frame) {
        self.state = state
        self.frame = frame
    }

    var services: ExpressionServices { state.services }
    var parameters: ExpressionObject { state.parameters }
    var globalParameters: ExpressionObject { state.globalParameters }
    var systemVariables: ExpressionObject { state.systemVariables }
    var item: ExpressionValue? { itemOverride ?? frame.item }
    var trigger: ExpressionValue? { state.trigger }
    var hasUnknowns: Bool { state.isDry }
    func variable(named name: String) -> ExpressionValue? { state.variables[name.lowercased()]?.value }
    func activity(named name: String) -> ExpressionValue? { frame.result(name.lowercased())?.expressionValue }
    var variableNames: [String] { state.variables.values.map(\.name) }
    var activityNames: [String] { frame.names }
}

/// The state of one pipeline run; used on the run's thread only.
final class RunState {
    struct Variable {
        var name: String
        var type: String
        var value: ExpressionValue
    }

    let id: String
    let services: ExpressionServices
    let parameters: ExpressionObject
    let globalParameters: ExpressionObject
    let systemVariables: ExpressionObject
    let trigger: ExpressionValue?
    var variables: [String: Variable] = [:]
    var returnValue = ExpressionObject()
    var activityCount = 0
    /// Whether nothing is really run, so that what activities give is unknown.
    var isDry = false

    init(
        id: String,
        services: ExpressionServices,
        parameters: ExpressionObject,
        globalParameters: ExpressionObject,
        systemVariables: ExpressionObject,
        trigger: ExpressionValue?
    ) {
        self.id = id
        self.services = services
        self.parameters = parameters
        self.globalParameters = globalParameters
        self.systemVariables = systemVariables
        self.trigger = trigger
    }
}
