/// What an expression can read while it is evaluated.
///
/// An executor answers from its own state, so that nothing is copied for an evaluation. All names come as they were
/// written in the expression; an answer ignores case. Every requirement but ``services`` has a default that knows
/// nothing.
public protocol ExpressionContext {
    /// The clock, chance and identifiers.
    var services: ExpressionServices { get }
    /// The pipeline parameter of this name.
    func parameter(named name: String) -> ExpressionValue?
    /// The factory-wide parameter of this name.
    func globalParameter(named name: String) -> ExpressionValue?
    /// The system variable of this name, such as `RunId`.
    func systemVariable(named name: String) -> ExpressionValue?
    /// The variable of this name.
    func variable(named name: String) -> ExpressionValue?
    /// The finished activity of this name, as an object with `output`, `status` and `error`.
    func activity(named name: String) -> ExpressionValue?
    /// The element of the loop around the expression; nil outside a loop.
    var item: ExpressionValue? { get }
    /// All pipeline parameters.
    var parameters: ExpressionObject { get }
    /// All factory-wide parameters.
    var globalParameters: ExpressionObject { get }
    /// All system variables.
    var systemVariables: ExpressionObject { get }
    /// The parameters of the dataset the expression stands in; nil elsewhere.
    var dataset: ExpressionObject? { get }
    /// The parameters of the linked service the expression stands in; nil elsewhere.
    var linkedService: ExpressionObject? { get }
    /// What `trigger()` gives; nil outside a trigger.
    var trigger: ExpressionValue? { get }
    /// Whether something may be an ``UnknownValue``, because nothing is really run.
    var hasUnknowns: Bool { get }
    /// The names of all variables, for hints in messages.
    var variableNames: [String] { get }
    /// The names of all activities that can be read, for hints in messages.
    var activityNames: [String] { get }
}

extension ExpressionContext {
    /// The parameter, looked up in ``parameters``.
    public func parameter(named name: String) -> ExpressionValue? { parameters.value(ignoringCase: name) }
    /// The factory-wide parameter, looked up in ``globalParameters``.
    public func globalParameter(named name: String) -> ExpressionValue? { globalParameters.value(ignoringCase: name) }
    /// The system variable, looked up in ``systemVariables``.
    public func systemVariable(named name: String) -> ExpressionValue? { systemVariables.value(ignoringCase: name) }
    /// No variable.
    public func variable(named name: String) -> ExpressionValue? { nil }
    /// No activity.
    public func activity(named name: String) -> ExpressionValue? { nil }
    /// No loop.
    public var item: ExpressionValue? { nil }
    /// No parameters.
    public var parameters: ExpressionObject { ExpressionObject() }
    /// No factory-wide parameters.
    public var globalParameters: ExpressionObject { ExpressionObject() }
    /// No system variables.
    public var systemVariables: ExpressionObject { ExpressionObject() }
    /// No dataset.
    public var dataset: ExpressionObject? { nil }
    /// No linked service.
    public var linkedService: ExpressionObject? { nil }
    /// No trigger.
    public var trigger: ExpressionValue? { nil }
    /// Everything is known.
    public var hasUnknowns: Bool { false }
    /// No names.
    public var variableNames: [String] { [] }
    /// No names.
    public var activityNames: [String] { [] }
}
