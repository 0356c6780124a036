public import DuetPipeline

/// Something worth saying about a factory's files.
public struct FactoryFinding: Sendable, Hashable, CustomStringConvertible {
    /// How much it matters.
    public enum Severity: String, Sendable, Hashable {
        /// The pipeline cannot run, here or in the service.
        case error
        /// It runs, and probably not as meant.
        case warning
    }

    /// How much it matters.
    public var severity: Severity
    /// What is wrong, where, and what to do.
    public var error: DuetError
    /// The pipeline it concerns; nil for other resources.
    public var pipeline: String?

    /// Creates a finding.
    public init(_ severity: Severity, _ error: DuetError, pipeline: String? = nil) {
        self.severity = severity
        self.error = error
        self.pipeline = pipeline
    }

    /// The error as it is printed everywhere, with the severity in place of its first word.
    public var description: String {
        guard severity == .warning, let range = error.description.firstRange(of: "error[") else {
            return error.description
        }
        return error.description.replacingCharacters(in: range, with: "warning[")
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}

extension DuetError.Code {
    /// A factory's file is not JSON.
    public static let jsonSyntax = Self("JSON_SYNTAX")
    /// A resource or activity lacks a property the service requires.
    public static let missingProperty = Self("MISSING_PROPERTY")
    /// A property has a value of the wrong kind.
    public static let wrongProperty = Self("WRONG_PROPERTY")
    /// An activity has a type that neither the service nor duet knows.
    public static let unknownActivityType = Self("UNKNOWN_ACTIVITY_TYPE")
    /// `dependsOn` names an activity that is not beside this one.
    public static let danglingDependency = Self("DANGLING_DEPENDENCY")
    /// A container holds an activity that the service refuses there.
    public static let badNesting = Self("BAD_NESTING")
    /// An expression or activity uses a variable the pipeline does not declare.
    public static let unknownVariable = Self("UNKNOWN_VARIABLE")
    /// An expression reads an activity that is not in the pipeline, or that has not run by then.
    public static let unknownActivity = Self("UNKNOWN_ACTIVITY")
    /// A dataset is used that the factory does not define.
    public static let unknownDataset = Self("UNKNOWN_DATASET")
    /// A linked service is used that the factory does not define.
    public static let unknownLinkedService = Self("UNKNOWN_LINKED_SERVICE")
    /// A pipeline is called that the factory does not define.
    public static let unknownPipeline = Self("UNKNOWN_PIPELINE")
    /// A data flow is run that the factory does not define.
    public static let unknownDataFlow = Self("UNKNOWN_DATA_FLOW")
    /// A number exceeds one of the service's limits.
    public static let limit = Self("LIMIT")
    /// An expression cannot be parsed.
    public static let expressionSyntax = Self("EXPRESSION_SYNTAX")
    /// Several iterations of a parallel ForEach write one variable.
    public static let variableRace = Self("VARIABLE_RACE")
    /// A pipeline that calls itself whatever happens.
    public static let endlessRecursion = Self("ENDLESS_RECURSION")
}
