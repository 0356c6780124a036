/// The members of an object, in the order they were written.
///
/// Names differ by case here; ``value(ignoringCase:)`` is the lookup that property access in the language uses.
public struct ExpressionObject: Sendable {
    /// The names, in order.
    public private(set) var names: [String] = []
    /// The values, in the order of ``names``.
    public private(set) var values: [ExpressionValue] = []
    // Built only for large objects: a scan is faster for the usual handful of members.
    private var positions: [ExactString: Int] = [:]
    private static let scanLimit = 12

    /// Makes an empty object.
    public init() {}

    /// Makes an object from members; a later member of the same name replaces the earlier one.
    public init(_ members: [(String, ExpressionValue)]) {
        names.reserveCapacity(members.count)
        values.reserveCapacity(members.count)
        for (name, value) in members { self[name] = value }
    }

    /// The number of members.
    public var count: Int { names.count }

    /// Whether there is no member.
    public var isEmpty: Bool { names.isEmpty }

    /// The member of exactly this name; assigning keeps the place of an existing member.
    public subscript(name: String) -> ExpressionValue? {
        get { position(of: name).map { values[$0] } }
        set {
            guard let newValue else {
                remove(name)
                return
            }
            if let position = position(of: name) {
                values[position] = newValue
            } else {
                append(name, newValue)
            }
        }
    }

    /// The member of exactly this name, or else the first one that differs only by case.
    public func value(ignoringCase name: String) -> ExpressionValue? {
        if let position = position(of: name) { return values[position] }
        for position in names.indices where names[position].isSameIgnoringCase(name) { return values[position] }
        return nil
    }

    /// Appends a member and drops an earlier one of the same name, as the JSON reader of the language does.
    public mutating func setLast(_ name: String, _ value: ExpressionValue) {
        if position(of: name) != nil { remove(name) }
        append(name, value)
    }

    private mutating func append(_ name: String, _ value: ExpressionValue) {
        names.append(name)
        values.append(value)
        if names.count == Self.scanLimit + 1 {
            for (position, name) in names.enumerated() { positions[ExactString(name)] = position }
        } else if names.count > Self.scanLimit {
            positions[ExactString(name)] = names.count - 1
        }
    }

    private mutating func remove(_ name: String) {
        guard let position = position(of: name) else { return }
        names.remove(at: position)
        values.remove(at: position)
        positions = [:]
        if names.count > Self.scanLimit {
            for (position, name) in names.enumerated() { positions[ExactString(name)] = position }
        }
    }

    private func position(of name: String) -> Int? {
        if names.count > Self.scanLimit { return positions[ExactString(name)] }
        for position in names.indices where names[position].isExactly(name) { return position }
        return nil
    }
}

extension ExpressionObject: Hashable {
    /// Compares members in any order.
    public static func == (left: ExpressionObject, right: ExpressionObject) -> Bool {
        guard left.count == right.count else { return false }
        for position in left.names.indices where right[left.names[position]] != left.values[position] { return false }
        return true
    }

    /// Feeds the members in a way that does not depend on their order.
    public func hash(into hasher: inout Hasher) {
        var combined = 0
        for position in names.indices {
            var member = Hasher()
            member.combine(ExactString(names[position]))
            member.combine(values[position])
            combined ^= member.finalize()
        }
        hasher.combine(combined)
    }
}

extension ExpressionObject: ExpressibleByDictionaryLiteral {
    /// Makes an object in the order written.
    public init(dictionaryLiteral elements: (String, ExpressionValue)...) { self.init(elements) }
}
