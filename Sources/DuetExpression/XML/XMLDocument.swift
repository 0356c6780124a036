/// XML as the service's copies and data flows read it.
///
/// Source: format-xml, "XML connector behavior": attributes are members `@name`, text beside attributes or elements is
/// the member `_value_`, and elements of one name a list. Names are as written, with their prefix; declarations of
/// namespaces are no attributes.
package enum XMLDocument {
    /// The member that holds an element's text where it has attributes or elements too.
    package static let valueName = "_value_"

    /// The document as an object with its root element.
    ///
    /// - Throws: ``XMLFault`` for text that is no XML.
    package static func value(of text: String) throws(XMLFault) -> ExpressionValue {
        let tree = try XMLParser.parse(text)
        var object = ExpressionObject()
        for child in tree.nodes[0].children where tree.nodes[child].kind == .element {
            object[tree.nodes[child].name] = element(child, tree)
        }
        return .object(object)
    }

    /// The parser bounds how deep elements may lie.
    private static func element(_ id: XMLTree.NodeID, _ tree: XMLTree) -> ExpressionValue {
        let node = tree.nodes[id]
        var object = ExpressionObject()
        for attribute in node.attributes where !attribute.isDeclaration {
            object["@" + attribute.name] = .string(attribute.value)
        }
        var text = ""
        var names: [String] = []
        var groups: [ExactString: [ExpressionValue]] = [:]
        for child in node.children {
            switch tree.nodes[child].kind {
            case .text, .characterData: text += tree.nodes[child].value
            case .element:
                let name = tree.nodes[child].name
                if groups[ExactString(name)] == nil { names.append(name) }
                groups[ExactString(name), default: []].append(element(child, tree))
            default: break
            }
        }
        for name in names {
            let values = groups[ExactString(name)] ?? []
            object[name] = values.count == 1 ? values[0] : .array(values)
        }
        let isBlank = text.unicodeScalars.allSatisfy { $0 == " " || $0 == "\n" || $0 == "\t" || $0 == "\r" }
        if object.isEmpty { return text.isEmpty ? .null : .string(text) }
        if !isBlank { object[valueName] = .string(text) }
        return .object(object)
    }
}
