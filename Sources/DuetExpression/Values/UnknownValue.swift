/// A value that only a real run would give.
///
/// Where nothing is run, activities' outputs are such values. What is computed from one is one again, so that every
/// expression can be evaluated and shown as far as it is known.
public struct UnknownValue: Sendable, Hashable {
    /// The expression that would give the value, or text with such expressions in it.
    public var text: String
    /// The name of the value's type, as ``ExpressionValue/typeName`` gives it; nil when that is unknown too.
    public var type: String?
    /// What is known of an object's members.
    public var members: ExpressionObject
    /// Whether ``text`` is text in which the unknown parts are marked already.
    var isComposed: Bool

    /// Describes a value.
    public init(_ text: String, type: String? = nil, members: ExpressionObject = ExpressionObject()) {
        self.init(text, type: type, members: members, isComposed: false)
    }

    init(_ text: String, type: String?, members: ExpressionObject = ExpressionObject(), isComposed: Bool) {
        self.text = text
        self.type = type
        self.members = members
        self.isComposed = isComposed
    }

    /// How the value is shown: what is unknown stands between ‹ and ›.
    public var shown: String { isComposed ? text : "‹\(text)›" }
}

extension ExpressionValue {
    // A control character, so that no object of a pipeline is taken for one of these.
    private static let mark = "\u{1}unknown"

    /// Makes the value that stands for one which is not known.
    public static func unknown(_ value: UnknownValue) -> ExpressionValue {
        .object([
            mark: .string(value.text), "type": value.type.map { .string($0) } ?? .null,
            "members": .object(value.members), "composed": .boolean(value.isComposed),
        ])
    }

    /// What the value stands for, if it is not known.
    public var unknown: UnknownValue? {
        guard case .object(let object) = self, case .string(let text)? = object[Self.mark] else { return nil }
        return UnknownValue(
            text,
            type: object["type"]?.stringValue,
            members: object["members"]?.objectValue ?? ExpressionObject(),
            isComposed: object["composed"] == true
        )
    }

    /// Whether this is an unknown value or holds one.
    public var containsUnknown: Bool {
        switch self {
        case .array(let values): values.contains(where: \.containsUnknown)
        case .object(let object): unknown != nil || object.values.contains(where: \.containsUnknown)
        default: false
        }
    }

    /// The value with every unknown one as text between ‹ and ›.
    public var showingUnknowns: ExpressionValue {
        switch self {
        case .array(let values): return .array(values.map(\.showingUnknowns))
        case .object(let object):
            if let unknown { return .string(unknown.shown) }
            return .object(ExpressionObject(zip(object.names, object.values).map { ($0, $1.showingUnknowns) }))
        default: return self
        }
    }
}

/// What functions give when something they are given is unknown.
enum UnknownResult {
    /// The value of a call as written in `text`; nil when it can be computed all the same.
    static func value(_ name: String, _ arguments: [ExpressionValue], text: String) -> ExpressionValue? {
        // An array may hold what is not known.
        guard name != "createArray", arguments.contains(where: \.containsUnknown) else { return nil }
        if name == "string" || name == "concat" { return composed(arguments) }
        return .unknown(UnknownValue(text, type: types[name]))
    }

    /// Text of several parts, as `concat` and interpolation give it.
    static func composed(_ parts: [ExpressionValue]) -> ExpressionValue {
        let text = parts.map { Conversion.text($0.showingUnknowns) }.joined()
        return .unknown(UnknownValue(text, type: "String", isComposed: true))
    }

    private static let types: [String: String] = {
        var types: [String: String] = [:]
        for (type, names) in [
            (
                "String",
                """
                guid replace substring toLower toUpper trim join base64 base64ToString dataUri dataUriToString \
                decodeBase64 decodeDataUri decodeUriComponent encodeUriComponent uriComponent uriComponentToString \
                addDays addHours addMinutes addSeconds addToTime convertFromUtc convertTimeZone convertToUtc \
                formatDateTime getFutureTime getPastTime startOfDay startOfHour startOfMonth subtractFromTime utcNow
                """
            ),
            (
                "Boolean",
                "endsWith startsWith contains empty equals greater greaterOrEquals less lessOrEquals not bool"
            ),
            ("Integer", "indexOf lastIndexOf length int dayOfMonth dayOfWeek dayOfYear ticks rand"),
            ("Float", "float"), ("Array", "split array range"),
        ] {
            for name in names.split(separator: " ") { types[String(name)] = type }
        }
        return types
    }()
}
