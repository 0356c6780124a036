public import DuetExpression
public import DuetPipeline

/// A JSON value that knows where in its file it stands, so that whatever is wrong with it can be pointed at.
public struct JSONNode: Sendable {
    /// What the value is.
    public indirect enum Kind: Sendable {
        /// `null`.
        case null
        /// `true` or `false`.
        case boolean(Bool)
        /// A number without fraction that fits 64 bits.
        case integer(Int64)
        /// Any other number.
        case float(Double)
        /// Text.
        case string(String)
        /// A list.
        case array([JSONNode])
        /// Members in the order written, repeated names included.
        case object([Member])
    }

    /// One member of an object.
    public struct Member: Sendable {
        /// The name as written.
        public var name: String
        /// Where the name begins, in UTF-8 bytes.
        public var offset: Int
        /// The value.
        public var value: JSONNode
    }

    /// What the value is.
    public var kind: Kind
    /// Where it begins in the file, in UTF-8 bytes.
    public var offset: Int

    /// Creates a value.
    public init(_ kind: Kind, at offset: Int = 0) {
        self.kind = kind
        self.offset = offset
    }

    /// The member of this name, or else the first that differs only by case: the service's reader ignores it.
    public subscript(_ name: String) -> JSONNode? { member(name)?.value }

    /// The member of this name with its place; case counts only when two differ by nothing else.
    public func member(_ name: String) -> Member? {
        guard case .object(let members) = kind else { return nil }
        if let exact = members.last(where: { $0.name == name }) { return exact }
        let lowered = name.lowercased()
        return members.first { $0.name.utf8.count == name.utf8.count && $0.name.lowercased() == lowered }
    }

    /// The members, if this is an object; else none.
    public var members: [Member] {
        if case .object(let members) = kind { members } else { [] }
    }

    /// The elements, if this is a list; else none.
    public var elements: [JSONNode] {
        if case .array(let elements) = kind { elements } else { [] }
    }

    /// The text, if this is a string.
    public var string: String? {
        if case .string(let text) = kind { text } else { nil }
    }

    /// The number, if this is a whole one, or text that reads as one.
    public var integer: Int? {
        switch kind {
        case .integer(let number): Int(number)
        case .float(let number) where number == number.rounded() && number.magnitude < 9e15: Int(number)
        case .string(let text): Int(text)
        default: nil
        }
    }

    /// The truth value, if this is one, or text that reads as one.
    public var boolean: Bool? {
        switch kind {
        case .boolean(let value): value
        case .string(let text) where text.lowercased() == "true": true
        case .string(let text) where text.lowercased() == "false": false
        default: nil
        }
    }

    /// Whether this is `null`.
    public var isNull: Bool {
        if case .null = kind { true } else { false }
    }

    /// Whether this is an object.
    public var isObject: Bool {
        if case .object = kind { true } else { false }
    }

    /// What the value is, for messages.
    public var kindName: String {
        switch kind {
        case .null: "null"
        case .boolean: "a boolean"
        case .integer, .float: "a number"
        case .string: "text"
        case .array: "a list"
        case .object: "an object"
        }
    }

    /// The text of `"@…"` or of `{"value": "@…", "type": "Expression"}`.
    public var expressionText: String? { expressionNode?.string }

    /// The string that holds the expression, wherever it stands in this value.
    public var expressionNode: JSONNode? {
        if case .string = kind { return self }
        guard let type = self["type"]?.string, type.lowercased() == "expression", let value = self["value"],
            case .string = value.kind
        else { return nil }
        return value
    }
}

extension JSONNode {
    /// The value for the expression language; of members with one name the last counts.
    public var expressionValue: ExpressionValue {
        switch kind {
        case .null: .null
        case .boolean(let value): .boolean(value)
        case .integer(let value): .integer(value)
        case .float(let value): .float(value)
        case .string(let value): .string(value)
        case .array(let elements): .array(elements.map(\.expressionValue))
        case .object(let members): .object(ExpressionObject(members.map { ($0.name, $0.value.expressionValue) }))
        }
    }

    /// The value as plain JSON.
    public var jsonValue: JSONValue {
        switch kind {
        case .null: .null
        case .boolean(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .float(let value): .double(value)
        case .string(let value): .string(value)
        case .array(let elements): .array(elements.map(\.jsonValue))
        case .object(let members): .object(JSONObject(members.map { (key: $0.name, value: $0.value.jsonValue) }))
        }
    }

    /// A value without a place.
    public init(json value: JSONValue, at offset: Int = 0) {
        self.offset = offset
        kind =
            switch value {
            case .null: .null
            case .bool(let value): .boolean(value)
            case .integer(let value): .integer(value)
            case .unsigned(let value): .float(Double(value))
            case .double(let value): .float(value)
            case .string(let value): .string(value)
            case .array(let values): .array(values.map { JSONNode(json: $0, at: offset) })
            case .object(let object):
                .object(
                    object.members.map {
                        Member(name: $0.key, offset: offset, value: JSONNode(json: $0.value, at: offset))
                    }
                )
            }
    }
}
