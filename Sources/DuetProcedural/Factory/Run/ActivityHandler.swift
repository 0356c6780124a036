public import DuetEngine
public import DuetExpression
public import DuetFactory

/// Why an activity failed, in the service's own terms.
public struct ActivityFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// Whose fault it is.
    public enum Kind: String, Sendable, Hashable {
        /// The pipeline's, or its data's.
        case user = "UserError"
        /// The machine's.
        case system = "SystemError"
    }

    /// A number of the service's, or a name of duet's.
    public var code: String
    /// What is wrong, with the values found.
    public var message: String
    /// Whose fault it is.
    public var kind: Kind
    /// What to do about it.
    public var hint: String?
    /// Whether another try cannot help.
    public var isFinal: Bool

    /// Creates a failure.
    public init(_ code: String, _ message: String, kind: Kind = .user, hint: String? = nil, isFinal: Bool = false) {
        self.code = code
        self.message = message
        self.kind = kind
        self.hint = hint
        self.isFinal = isFinal
    }

    /// The code and the message.
    public var description: String { "\(code): \(message)" + (hint.map { " (\($0))" } ?? "") }
}

/// What an activity is asked to do, with all expressions evaluated.
public struct ActivityCall: Sendable {
    /// The activity.
    public var activity: FactoryActivity
    /// Its `typeProperties` with values in place of expressions.
    public var properties: ExpressionObject
    /// The datasets it reads.
    public var inputs: [ResolvedDataset]
    /// The datasets it writes.
    public var outputs: [ResolvedDataset]
    /// The linked service it runs on.
    public var linkedService: ResolvedLinkedService?
    /// The data flow it runs.
    public var dataFlow: ResolvedDataFlow?
    /// The pipeline's name.
    public var pipeline: String
    /// The run's id.
    public var runID: String
    /// The activity run's id.
    public var activityRunID: String
    /// Stops this try.
    public var control: RunControl
    /// What must not be shown of it.
    var redactor: Redactor?

    /// The property of this name; case does not count.
    public subscript(_ name: String) -> ExpressionValue? { properties.value(ignoringCase: name) }
}

/// A dataset with values in place of its parameters.
public struct ResolvedDataset: Sendable {
    /// The name.
    public var name: String
    /// The service's type, such as `DelimitedText`.
    public var type: String
    /// What the type defines, evaluated.
    public var properties: ExpressionObject
    /// The columns it declares; null when there are none.
    public var schema: ExpressionValue
    /// The linked service it lies in.
    public var linkedService: ResolvedLinkedService?
}

/// A linked service with values in place of its parameters.
public struct ResolvedLinkedService: Sendable {
    /// The name.
    public var name: String
    /// The service's type, such as `AzureBlobStorage`; empty when the factory does not define it.
    public var type: String
    /// The parameters' values.
    public var parameters: ExpressionObject
    /// What the type defines, evaluated; secrets among it.
    public var properties: ExpressionObject
}

/// How a try of an activity went.
public enum ActivityAnswer: Sendable {
    /// It did its work.
    case succeeded(ExpressionValue)
    /// It did not.
    case failed(ActivityFailure)
    /// It looks again after some seconds of the clock.
    case later(seconds: Double, @Sendable () -> ActivityAnswer)
}

/// Does the work of one type of activity.
///
/// It is called on a thread of its own and may block, but should stop when the call's control says so.
public protocol ActivityHandler: Sendable {
    /// Does the work.
    func perform(_ call: ActivityCall) -> ActivityAnswer
    /// What is missing to run an activity at all, in words with a hint; nil when nothing is.
    func obstacle(_ activity: FactoryActivity, in factory: Factory) -> ActivityFailure?
}

extension ActivityHandler {
    /// Nothing.
    public func obstacle(_ activity: FactoryActivity, in factory: Factory) -> ActivityFailure? { nil }
}
