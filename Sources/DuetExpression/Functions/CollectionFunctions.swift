/// Functions on arrays, objects and text as collections.
enum CollectionFunctions {
    static let all: [Function] = [
        Function("contains", 2...2, contains),
        Function("empty", 1...1) { call throws(Failure) in
            switch call[0] {
            case .null: return .boolean(true)
            case .string(let text): return .boolean(text.isEmpty)
            case .array(let values): return .boolean(values.isEmpty)
            case .object(let object): return .boolean(object.isEmpty)
            default: throw call.wrongType(0, "its argument", "an object, an array or text")
            }
        },
        Function("first", 1...1) { call throws(Failure) in
            switch call[0] {
            case .string(let text): return .string(text.isEmpty ? "" : text.utf16Slice(0..<1))
            case .array(let values): return values.first ?? .null
            default: throw call.wrongType(0, "its argument", "an array or text")
            }
        },
        Function("last", 1...1) { call throws(Failure) in
            switch call[0] {
            case .string(let text):
                let count = text.utf16.count
                return .string(count == 0 ? "" : text.utf16Slice(count - 1..<count))
            case .array(let values): return values.last ?? .null
            default: throw call.wrongType(0, "its argument", "an array or text")
            }
        },
        Function("intersection", 2...Int.max) { call throws(Failure) in
            try combine(call, arrays: intersection, objects: intersection)
        },
        Function("union", 2...Int.max) { call throws(Failure) in
            try combine(call, arrays: union, objects: union)
        },
        Function("join", 2...2) { call throws(Failure) in
            guard case .array(let values) = call[0] else { throw call.wrongType(0, "the first argument", "an array") }
            let separator = try call.string(1, "the separator")
            var texts: [String] = []
            for value in values { texts.append(try Conversion.checkedText(value, call)) }
            return .string(texts.joined(separator: separator))
        },
        Function("length", 1...1) { call throws(Failure) in
            switch call[0] {
            case .string(let text): return .integer(Int64(text.utf16.count))
            case .array(let values): return .integer(Int64(values.count))
            default: throw call.wrongType(0, "its argument", "an array or text")
            }
        },
        Function("skip", 2...2) { call throws(Failure) in
            let count = try amount(call)
            switch call[0] {
            case .string(let text):
                let length = text.utf16.count
                return .string(text.utf16Slice(min(count, length)..<length))
            case .array(let values): return .array(Array(values.dropFirst(count)))
            default: throw call.wrongType(0, "the first argument", "an array or text")
            }
        },
        Function("take", 2...2) { call throws(Failure) in
            let count = try amount(call)
            switch call[0] {
            case .string(let text): return .string(text.utf16Slice(0..<min(count, text.utf16.count)))
            case .array(let values): return .array(Array(values.prefix(count)))
            default: throw call.wrongType(0, "the first argument", "an array or text")
            }
        },
    ]

    private static func amount(_ call: FunctionCall) throws(Failure) -> Int {
        let count = try call.smallInteger(1, "the count")
        guard count >= 0 else { throw call.failure(.range, "takes a count of at least 0, not \(count)") }
        return count
    }

    private static func contains(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        switch (call[0], call[1]) {
        case (.string(let text), .string(let part)): return .boolean(StringFunctions.contains(text, part))
        case (.array(let values), let value): return .boolean(values.contains(value))
        case (.object(let object), .string(let name)): return .boolean(object.value(ignoringCase: name) != nil)
        case (.string, _): throw call.wrongType(1, "what to find in a text", "text")
        case (.object, _): throw call.wrongType(1, "the name to find in an object", "text")
        default: throw call.wrongType(0, "the first argument", "an object, an array or text")
        }
    }

    private static func combine(
        _ call: FunctionCall,
        arrays: ([[ExpressionValue]]) -> [ExpressionValue],
        objects: ([ExpressionObject]) -> ExpressionObject
    ) throws(Failure) -> ExpressionValue {
        let lists = call.arguments.compactMap(\.arrayValue)
        if lists.count == call.count { return .array(arrays(lists)) }
        let members = call.arguments.compactMap(\.objectValue)
        if members.count == call.count { return .object(objects(members)) }
        let types = call.arguments.map(\.typeName).joined(separator: ", ")
        throw call.failure(.type, "takes only arrays or only objects, but got \(types)")
    }

    private static func union(_ lists: [[ExpressionValue]]) -> [ExpressionValue] {
        var seen: Set<ExpressionValue> = []
        return lists.joined().filter { seen.insert($0).inserted }
    }

    private static func intersection(_ lists: [[ExpressionValue]]) -> [ExpressionValue] {
        let others = lists.dropFirst().map(Set.init)
        var seen: Set<ExpressionValue> = []
        return lists[0].filter { value in
            others.allSatisfy { $0.contains(value) } && seen.insert(value).inserted
        }
    }

    private static func union(_ objects: [ExpressionObject]) -> ExpressionObject {
        var result = objects[0]
        for object in objects.dropFirst() {
            for (name, value) in zip(object.names, object.values) { result[name] = value }
        }
        return result
    }

    private static func intersection(_ objects: [ExpressionObject]) -> ExpressionObject {
        var result = ExpressionObject()
        for (name, value) in zip(objects[0].names, objects[0].values)
        where objects.dropFirst().allSatisfy({ $0[name] == value }) {
            result[name] = value
        }
        return result
    }
}
