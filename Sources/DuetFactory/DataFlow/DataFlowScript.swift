/// A mapping data flow's script, parsed.
///
/// Source: the script as data-flow-script describes it, and 78 scripts of public factories.
public struct DataFlowScript: Sendable {
    /// A declared parameter.
    public struct Parameter: Sendable {
        /// The name, without `$`.
        public var name: String
        /// The type as written.
        public var type: DataFlowType
        /// The default; nil when there is none.
        public var defaultValue: DataFlowExpression?
    }

    /// One transformation: the streams it reads, what it is, and the stream it gives.
    public struct Step: Sendable {
        /// The streams read, in order; `Split@branch` for a branch.
        public var inputs: [String]
        /// `source`, `derive`, `join` …, in lower case.
        public var kind: String
        /// What stands between the parentheses.
        public var arguments: [DataFlowArgument]
        /// The stream's name.
        public var name: String
        /// The branches' names of a split.
        public var branches: [String]
        /// Where the kind stands, in characters (UTF-16 code units) of the script.
        public var offset: Int
    }

    /// The parameters.
    public var parameters: [Parameter]
    /// The transformations as written.
    public var steps: [Step]

    /// The steps in an order in which each comes behind those it reads.
    ///
    /// - Throws: ``DataFlowError`` for an unknown stream, a name used twice, or a circle.
    public func ordered() throws(DataFlowError) -> [Step] {
        var makers: [String: Int] = [:]
        for (number, step) in steps.enumerated() {
            for name in [step.name] + step.branches.map({ "\(step.name)@\($0)" }) {
                guard makers.updateValue(number, forKey: name.lowercased()) == nil else {
                    throw DataFlowError("the stream '\(name)' is made twice", at: step.offset)
                }
            }
        }
        var order: [Step] = []
        var state = [UInt8](repeating: 0, count: steps.count)
        for start in steps.indices {
            var open = [start]
            while let number = open.last {
                guard state[number] != 2 else {
                    open.removeLast()
                    continue
                }
                state[number] = 1
                var isReady = true
                for input in steps[number].inputs {
                    guard let maker = makers[input.lowercased()] else {
                        throw DataFlowError(
                            "'\(steps[number].name)' reads the stream '\(input)', which nothing makes",
                            at: steps[number].offset
                        )
                    }
                    guard state[maker] != 2 else { continue }
                    guard state[maker] == 0 else {
                        throw DataFlowError("'\(steps[maker].name)' reads itself in a circle", at: steps[maker].offset)
                    }
                    open.append(maker)
                    isReady = false
                }
                if isReady {
                    state[number] = 2
                    order.append(steps[number])
                    open.removeLast()
                }
            }
        }
        return order
    }
}

/// What stands between the parentheses of a transformation or function.
public enum DataFlowArgument: Sendable {
    /// An expression.
    case value(DataFlowExpression)
    /// `name: value`.
    case property(String, DataFlowExpression)
    /// `column = expression`; the column may be an expression of its own, as in a pattern.
    case assignment(DataFlowExpression, DataFlowExpression)
    /// `column as type`.
    case typed(String, DataFlowType)
    /// `column = expression ? type`: text to be parsed as the type, or a value to be written as text.
    case converted(DataFlowExpression, DataFlowExpression, DataFlowType)
}

/// An expression of the data flow language.
public struct DataFlowExpression: Sendable {
    /// What it is.
    public indirect enum Kind: Sendable {
        /// Text in single quotes.
        case text(String)
        /// A whole number.
        case integer(Int64)
        /// Any other number, as written.
        case number(String)
        /// `true` or `false`.
        case boolean(Bool)
        /// A column, with the stream before `@` where it is given.
        case column(String, stream: String?)
        /// `$name`.
        case parameter(String)
        /// `$$`, `$0` …: what a pattern has matched.
        case matched(Int?)
        /// `#item`, `#acc`, `#index` …: what a function over an array sees.
        case local(String)
        /// `a.b`.
        case member(DataFlowExpression, String)
        /// `a[1]`, from 1.
        case index(DataFlowExpression, DataFlowExpression)
        /// A function, with the cached sink before `#` where it is given.
        case call(String, [DataFlowArgument], sink: String?)
        /// `!a`, `-a`.
        case unary(String, DataFlowExpression)
        /// `a + b` …
        case binary(String, DataFlowExpression, DataFlowExpression)
        /// `[a, b]`.
        case array([DataFlowExpression])
        /// `@(a = b, …)`.
        case structure([(name: String, value: DataFlowExpression)])
        /// Text in double quotes with expressions in braces.
        case interpolation([DataFlowExpression])
    }

    /// What it is.
    public var kind: Kind
    /// Where it begins, in UTF-16 code units of the script.
    public var offset: Int

    package init(kind: Kind, offset: Int) {
        self.kind = kind
        self.offset = offset
    }
}

/// A type of the data flow language.
public indirect enum DataFlowType: Sendable, Hashable {
    /// `string`, `integer`, `decimal` …, with numbers such as precision and scale, in lower case.
    case simple(String, [Int])
    /// `type[]`.
    case array(DataFlowType)
    /// `(a as string, b as integer)`.
    case structure([Field])
    /// `[string, integer]`.
    case map(DataFlowType, DataFlowType)
    /// `date 'yyyy-MM-dd'`: a type and how it is written as text.
    case formatted(DataFlowType, String)

    /// A member of a structure.
    public struct Field: Sendable, Hashable {
        /// The name.
        public var name: String
        /// The type.
        public var type: DataFlowType
    }
}

/// What is wrong with a script, and where.
public struct DataFlowError: Error, Sendable, Hashable {
    /// In words.
    public var message: String
    /// Where, in UTF-16 code units of the script.
    public var offset: Int
    /// What to do.
    public var hint: String?

    /// Creates an error.
    public init(_ message: String, at offset: Int, hint: String? = nil) {
        self.message = message
        self.offset = offset
        self.hint = hint
    }
}
