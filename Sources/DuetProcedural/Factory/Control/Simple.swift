internal import DuetExpression
internal import DuetFactory

/// Wait, Fail, Filter.
extension ActivityExecution {
    func wait(_ template: ExpressionTemplate) throws(ExpressionError) {
        let value = try template.evaluate(in: context)
        input = ["waitTimeInSeconds": value]
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
        guard case .array(let elements) = value else { return end(.failure(Self.notArray("items", value))) }
        input = ["items": .integer(Int64(elements.count))]
        var kept: [ExpressionValue] = []
        var context = context
        for element in elements {
            context.itemOverride = element
            let answer = try condition.evaluate(in: context)
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

    static func number(_ value: ExpressionValue) -> Double? {
        switch value {
        case .integer(let number): Double(number)
        case .float(let number): number
        case .string(let text): Double(text)
        default: nil
        }
    }

    static func text(_ value: ExpressionValue) -> String {
        if case .string(let text) = value { text } else { value.json }
    }

    static func notArray(_ name: String, _ value: ExpressionValue) -> ActivityFailure {
        ActivityFailure(
            "InvalidTemplate",
            "'\(name)' must give an Array; it gave the \(value.typeName) \(value.json.prefix(100))",
            hint: value.stringValue.map { $0.hasPrefix("[") } == true ? "read the text with json(…)" : nil,
            isFinal: true
        )
    }

    static func notBoolean(_ name: String, _ value: ExpressionValue) -> ActivityFailure {
        ActivityFailure(
            "InvalidTemplate",
            "'\(name)' must give a Boolean; it gave the \(value.typeName) \(value.json.prefix(100))",
            hint: value.stringValue == nil ? nil : "convert it with bool(…)",
            isFinal: true
        )
    }
}
