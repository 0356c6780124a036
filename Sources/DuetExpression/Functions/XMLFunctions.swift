/// `xml` and `xpath`.
enum XMLFunctions {
    static let all: [Function] = [
        Function("xml", 1...1, xml),
        Function("xpath", 2...2, xpath),
    ]

    private static func xml(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        do {
            switch call[0] {
            case .string(let text):
                return content(XMLWriter.write(try XMLParser.parse(text)))
            case .object(let object):
                if let binary = Binary(object) {
                    return binary.isXML ? call[0] : Binary(contentType: Binary.xml, base64: binary.base64).value
                }
                return content(XMLWriter.write(try JSONToXML.convert(object)))
            default: break
            }
        } catch {
            throw call.failure(.conversion, "cannot make XML of \(FunctionCall.describe(call[0])): \(error.message)")
        }
        throw call.wrongType(0, "its argument", "text or an object")
    }

    private static func content(_ text: String) -> ExpressionValue {
        Binary(contentType: Binary.xml, bytes: Array(text.utf8)).value
    }

    private static func xpath(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        guard case .object(let object) = call[0], let binary = Binary(object), binary.isXML, let text = binary.text
        else {
            throw call.failure(
                .type,
                "takes XML as the first argument, but got \(FunctionCall.describe(call[0]))",
                hint: "make XML of text with xml()"
            )
        }
        let path = try call.string(1, "the path")
        do {
            let tree = XPathDocument.prepare(try XMLParser.parse(text))
            switch try XPathEvaluator(tree: tree).evaluate(try XPathParser.parse(path)) {
            case .number(let number): return .float(number)
            case .string(let string): return .string(string)
            case .boolean(let boolean): return .boolean(boolean)
            case .nodes(let nodes): return .array(try nodes.map { node throws(XMLFault) in try result(node, tree) })
            }
        } catch {
            throw call.failure(.xpath, "cannot evaluate '\(FunctionCall.short(path))': \(error.message)")
        }
    }

    private static func result(_ node: XPathNode, _ tree: XMLTree) throws(XMLFault) -> ExpressionValue {
        switch node {
        case .attribute(let element, let index):
            let attribute = tree.nodes[element].attributes[index]
            return .string("\(attribute.name)=\"\(attribute.value)\"")
        case .namespace: throw XMLFault(message: "a namespace cannot be returned")
        case .tree(let id):
            switch tree.nodes[id].kind {
            case .text, .characterData: return .string(tree.nodes[id].value)
            case .document, .element: return content(XMLWriter.writeFragment(tree, id))
            default: throw XMLFault(message: "a comment or an instruction cannot be returned")
            }
        }
    }
}
