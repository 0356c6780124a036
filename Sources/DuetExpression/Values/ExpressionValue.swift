/// A value of the expression language: JSON, with integers and floats kept apart.
///
/// Equality is the language's deep equality: `1` and `1.0` differ, object members compare in any order, and strings
/// compare code unit by code unit, so `"é"` and `"e\u{301}"` differ.
public enum ExpressionValue: Sendable {
    /// The absent value.
    case null
    /// A truth value.
    case boolean(Bool)
    /// A 64-bit integer.
    case integer(Int64)
    /// A double-precision number; `1.0` stays a float.
    case float(Double)
    /// Text; offsets and lengths in the language count UTF-16 code units.
    case string(String)
    /// An ordered list.
    case array([ExpressionValue])
    /// An object that keeps the order its members were written in.
    case object(ExpressionObject)
}

extension ExpressionValue: Hashable {
    /// Compares deeply, keeping integers and floats apart.
    public static func == (left: ExpressionValue, right: ExpressionValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.boolean(let a), .boolean(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.float(let a), .float(let b)): a == b || (a.isNaN && b.isNaN)
        case (.string(let a), .string(let b)): a.isExactly(b)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: false
        }
    }

    /// Feeds the parts that equality looks at.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null:
            hasher.combine(0)
        case .boolean(let value):
            hasher.combine(1)
            hasher.combine(value)
        case .integer(let value):
            hasher.combine(2)
            hasher.combine(value)
        case .float(let value):
            hasher.combine(3)
            hasher.combine(value.isNaN ? 0 : value)
        case .string(let value):
            hasher.combine(4)
            hasher.combine(ExactString(value))
        case .array(let values):
            hasher.combine(5)
            hasher.combine(values)
        case .object(let value):
            hasher.combine(6)
            hasher.combine(value)
        }
    }
}

extension ExpressionValue {
    /// The name the language uses for this value's type, as error messages give it.
    public var typeName: String {
        switch self {
        case .null: "Null"
        case .boolean: "Boolean"
        case .integer: "Integer"
        case .float: "Float"
        case .string: "String"
        case .array: "Array"
        case .object: "Object"
        }
    }

    /// Whether this is the absent value.
    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The text, if this is a string.
    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The members, if this is an object.
    public var objectValue: ExpressionObject? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The elements, if this is an array.
    public var arrayValue: [ExpressionValue]? {
        if case .array(let value) = self { value } else { nil }
    }
}

extension ExpressionValue: CustomStringConvertible {
    /// Compact JSON.
    public var description: String { JSONWriter.compact(self) }
}

extension ExpressionValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// Makes a string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// Makes a truth value.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    /// Makes an integer.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// Makes a float.
    public init(floatLiteral value: Double) { self = .float(value) }
    /// Makes an array.
    public init(arrayLiteral elements: ExpressionValue...) { self = .array(elements) }
    /// Makes an object, in the order written.
    public init(dictionaryLiteral elements: (String, ExpressionValue)...) { self = .object(ExpressionObject(elements)) }
}
