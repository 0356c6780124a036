internal import DuetExpression
internal import DuetFactory

/// Fits what XML holds to a declared type: a document does not say what is a list and what is text.
enum XMLShape {
    /// JSON text of the value; nil where the text is no XML.
    static func json(_ text: String, _ type: DataFlowType) -> String? {
        guard case .success(let value) = Result(catching: { () throws(XMLFault) in try XMLDocument.value(of: text) })
        else { return nil }
        return fitted(value, type).json
    }

    private static func fitted(_ value: ExpressionValue, _ type: DataFlowType) -> ExpressionValue {
        switch type {
        case .array(let element):
            switch value {
            case .null: return .null
            case .array(let values): return .array(values.map { fitted($0, element) })
            default: return .array([fitted(value, element)])
            }
        case .structure(let fields):
            switch value {
            case .array(let values): return values.first.map { fitted($0, type) } ?? .null
            case .object(let object):
                var result = ExpressionObject()
                for field in fields {
                    result[field.name] = object.value(ignoringCase: field.name).map { fitted($0, field.type) } ?? .null
                }
                return .object(result)
            // An element without attributes, where others of its name have some.
            case .string where fields.contains { $0.name == XMLDocument.valueName }:
                var result = ExpressionObject()
                result[XMLDocument.valueName] = value
                return .object(result)
            default: return .null
            }
        case .map: return value
        case .simple, .formatted:
            switch value {
            case .array(let values): return values.first.map { fitted($0, type) } ?? .null
            case .object(let object): return object[XMLDocument.valueName] ?? .null
            default: return value
            }
        }
    }
}
