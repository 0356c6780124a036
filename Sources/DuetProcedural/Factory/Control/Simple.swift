internal import DuetExpression
internal import DuetFactory

/// Wait, Fail, Filter.
extension ActivityExecution {
    func wait(_ template: ExpressionTemplate) throws(ExpressionError) {
        let value = try template.evaluate(in: context)
        input = ["waitTimeInSeconds": value]
        if value.unknown?.isPossibly("Integer") == true { return end(.success(.object(ExpressionObject()))) }
        guard let seconds = Self.number(value), seconds >= 0, seconds <= 7_776_000 else {
            let message =
                "waitTimeInSeconds must be a number of seconds from 0 to 7776000 (90 days); found \(value.json)"
            return end(.failure(ActivityFailure("InvalidWaitTime", message, isFinal: true)))
        }
        guard seconds > 0 else { return end(.success(.object(ExpressionObject()))) }
        after(seconds) { $0.end(.success(.object(ExpressionObject()))) }
    }

    func fail(_ message: ExpressionTemplate, _ code: ExpressionTemplate) throws(ExpressionError) {
        let text = Self.text(try message.evaluate(in: context))
        let number = Self.text(try code.evaluate(in: context))
        input = ["message": .string(text), "errorCode": .string(number)]
        end(.failure(ActivityFailure(number, text, isFinal: true)))
    }

    func filter(_ items: ExpressionTemplate, _ condition: ExpressionTemplate) throws(ExpressionError) {
        let value = try items.evaluate(in: context)
        if let unknown = value.unknown, unknown.isPossibly("Array") {
            return try filter(unknown, condition)
        }
        guard case .array(let elements) = value else { return end(.failure(Self.notArray("items", value))) }
        input = ["items": .integer(Int64(elements.count))]
        var kept: [ExpressionValue] = []
        var context = context
        for element in elements {
            context.itemOverride = element
            let answer = try condition.evaluate(in: context)
            if let unknown = answer.unknown, unknown.isPossibly("Boolean") {
                return end(.success(unknownRest(of: elements.count)))
            }
            guard case .boolean(let isKept) = answer else { return end(.failure(Self.notBoolean("condition", answer))) }
            if isKept { kept.append(element) }
        }
        end(
            .success([
                "ItemsCount": .integer(Int64(elements.count)), "FilteredItemsCount": .integer(Int64(kept.count)),
                "Value": .array(kept),
            ])
        )
    }

    /// The condition is evaluated for one of the elements, whatever it may be.
    private func filter(_ items: UnknownValue, _ condition: ExpressionTemplate) throws(ExpressionError) {
        input = ["items": .unknown(items)]
        var context = context
        context.itemOverride = .unknown(items.element)
        let answer = try condition.evaluate(in: context)
        guard answer.unknown?.isPossibly("Boolean") == true || answer.isBoolean else {
            return end(.failure(Self.notBoolean("condition", answer)))
        }
        end(.success(unknownRest(of: nil)))
    }

    private func unknownRest(of count: Int?) -> ExpressionValue {
        let path = "activity('\(definition.name)').output"
        return [
            "ItemsCount": count.map { .integer(Int64($0)) }
                ?? .unknown(UnknownValue("\(path).ItemsCount", type: "Integer")),
            "FilteredItemsCount": .unknown(UnknownValue("\(path).FilteredItemsCount", type: "Integer")),
            "Value": .unknown(UnknownValue("\(path).Value", type: "Array")),
        ]
    }

    static func number(_ value: ExpressionValue) -> Double? {
        switch value {
        case .integer(let number): Double(number)
        case .float(let number): number
        case .string(let text): Double(text)
        default: nil
        }
    }

    static func text(_ value: ExpressionValue) -> String {
        if case .string(let text) = value { text } else { value.unknown?.shown ?? value.json }
    }

    static func notArray(_ name: String, _ value: ExpressionValue) -> ActivityFailure {
        ActivityFailure(
            "InvalidTemplate",
            "'\(name)' must give an Array; it gave the \(value.unknown?.type ?? value.typeName) "
                + "\(value.showingUnknowns.json.prefix(100))",
            hint: value.stringValue.map { $0.hasPrefix("[") } == true ? "read the text with json(…)" : nil,
            isFinal: true
        )
    }

    static func notBoolean(_ name: String, _ value: ExpressionValue) -> ActivityFailure {
        ActivityFailure(
            "InvalidTemplate",
            "'\(name)' must give a Boolean; it gave the \(value.unknown?.type ?? value.typeName) "
                + "\(value.showingUnknowns.json.prefix(100))",
            hint: value.stringValue == nil ? nil : "convert it with bool(…)",
            isFinal: true
        )
    }
}

extension UnknownValue {
    /// One of the elements of an array that is not known.
    var element: UnknownValue { UnknownValue("\(text)[…]") }
}

extension ExpressionValue {
    fileprivate var isBoolean: Bool { if case .boolean = self { true } else { false } }
}
