/// Turns XML into JSON: attributes become `@name`, text beside other content `#text`, repeated elements an array.
enum XMLToJSON {
    static func convert(_ tree: XMLTree) -> ExpressionValue {
        .object(members(of: 0, tree, ExpressionObject()))
    }

    private static func name(_ node: XMLTree.Node) -> String? {
        switch node.kind {
        case .declaration, .instruction: "?" + node.name
        case .documentType: "!DOCTYPE"
        case .element: node.name
        case .text: "#text"
        case .characterData: "#cdata-section"
        case .comment, .document: nil
        }
    }

    private static func members(
        of id: XMLTree.NodeID,
        _ tree: XMLTree,
        _ start: ExpressionObject
    ) -> ExpressionObject {
        var names: [String] = []
        var groups: [ExactString: [ExpressionValue]] = [:]
        for child in tree.nodes[id].children {
            guard let name = name(tree.nodes[child]) else { continue }
            let key = ExactString(name)
            if groups[key] == nil { names.append(name) }
            groups[key, default: []].append(value(child, tree))
        }
        var object = start
        for name in names {
            let values = groups[ExactString(name)] ?? []
            object[name] = values.count == 1 ? values[0] : .array(values)
        }
        return object
    }

    private static func value(_ id: XMLTree.NodeID, _ tree: XMLTree) -> ExpressionValue {
        let node = tree.nodes[id]
        switch node.kind {
        case .document, .comment: return .null
        case .text, .characterData, .instruction: return .string(node.value)
        case .documentType: return .object(["@name": .string(node.name)])
        case .declaration, .element: break
        }
        var object = ExpressionObject()
        for attribute in node.attributes { object["@" + attribute.name] = .string(attribute.value) }
        let children = node.children.filter { tree.nodes[$0].kind != .comment }
        if object.isEmpty {
            if children.isEmpty { return node.hasEndTag ? .string("") : .null }
            if children.count == 1, tree.nodes[children[0]].kind == .text {
                return .string(tree.nodes[children[0]].value)
            }
        }
        return .object(members(of: id, tree, object))
    }
}
