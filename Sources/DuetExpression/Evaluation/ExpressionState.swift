/// Plain values for everything an expression can read.
public struct ExpressionState: ExpressionContext, Sendable {
    /// The clock, chance and identifiers.
    public var services: ExpressionServices
    /// All pipeline parameters.
    public var parameters: ExpressionObject
    /// All factory-wide parameters.
    public var globalParameters: ExpressionObject
    /// The system variables of `pipeline()`, such as `RunId`.
    public var systemVariables: ExpressionObject
    /// All variables.
    public var variables: ExpressionObject
    /// Finished activities, each an object with `output`, `status` and `error`.
    public var activities: ExpressionObject
    /// The element of the loop around the expression.
    public var item: ExpressionValue?
    /// The parameters of the dataset the expression stands in.
    public var dataset: ExpressionObject?
    /// The parameters of the linked service the expression stands in.
    public var linkedService: ExpressionObject?
    /// What `trigger()` gives.
    public var trigger: ExpressionValue?

    /// Makes a state in which nothing is known.
    public init(services: ExpressionServices = .system) {
        self.services = services
        parameters = ExpressionObject()
        globalParameters = ExpressionObject()
        systemVariables = ExpressionObject()
        variables = ExpressionObject()
        activities = ExpressionObject()
    }

    /// Reads a state from an object with the members `parameters`, `globalParameters`, `pipeline`, `variables`,
    /// `item`, `activities`, `dataset`, `linkedService` and `trigger`, each optional.
    ///
    /// - Throws: ``ExpressionError`` with ``ExpressionError/Code/badInput`` if a member that holds names is no object,
    ///   or if there is a member of another name.
    public init(json value: ExpressionValue, services: ExpressionServices = .system) throws(ExpressionError) {
        self.init(services: services)
        guard case .object(let object) = value else { throw Self.bad("the state is not an object") }
        for (name, member) in zip(object.names, object.values) {
            switch name {
            case "parameters": parameters = try Self.names(name, member)
            case "globalParameters": globalParameters = try Self.names(name, member)
            case "pipeline": systemVariables = try Self.names(name, member)
            case "variables": variables = try Self.names(name, member)
            case "activities": activities = try Self.names(name, member)
            case "dataset": dataset = try Self.names(name, member)
            case "linkedService": linkedService = try Self.names(name, member)
            case "item": item = member
            case "trigger": trigger = member
            default:
                let known = [
                    "parameters", "globalParameters", "pipeline", "variables", "activities", "dataset",
                    "linkedService", "item", "trigger",
                ]
                throw Self.bad("the state has no part '\(name)'", Suggestion.hint(for: name, among: known))
            }
        }
    }

    private static func names(_ name: String, _ value: ExpressionValue) throws(ExpressionError) -> ExpressionObject {
        guard case .object(let object) = value else { throw bad("the state's '\(name)' is not an object") }
        return object
    }

    private static func bad(_ message: String, _ hint: String? = nil) -> ExpressionError {
        ExpressionError(.badInput, message, at: 0..<0, of: "", hint: hint)
    }

    /// The variable of this name, in any case.
    public func variable(named name: String) -> ExpressionValue? { variables.value(ignoringCase: name) }

    /// The activity of this name, in any case; what it lacks of `output`, `status` and `error` is null.
    public func activity(named name: String) -> ExpressionValue? {
        guard let activity = activities.value(ignoringCase: name) else { return nil }
        guard case .object(var object) = activity else { return activity }
        for part in ["output", "status", "error"] where object.value(ignoringCase: part) == nil { object[part] = .null }
        return .object(object)
    }

    /// The names of all variables.
    public var variableNames: [String] { variables.names }

    /// The names of all activities.
    public var activityNames: [String] { activities.names }
}
