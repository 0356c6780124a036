/// Turns a JSON object with one member into an XML document, the reverse of ``XMLToJSON``.
struct JSONToXML {
    private var tree = XMLTree()
    private static let depthLimit = 400

    static func convert(_ object: ExpressionObject) throws(XMLFault) -> XMLTree {
        var converter = JSONToXML()
        for (name, value) in zip(object.names, object.values) { try converter.addRoot(name, value) }
        return converter.tree
    }

    private mutating func addRoot(_ name: String, _ value: ExpressionValue) throws(XMLFault) {
        if name == "?xml" {
            guard case .object(let object) = value else { throw XMLFault(message: "'?xml' is not an object") }
            var attributes: [XMLTree.Attribute] = []
            for (name, value) in zip(object.names, object.values) {
                attributes.append(.init(name: String(name.drop { $0 == "@" }), value: Self.text(value)))
            }
            tree.append(.init(kind: .declaration, name: "xml", attributes: attributes), to: 0)
            return
        }
        guard !name.hasPrefix("@"), !name.hasPrefix("#") else {
            throw XMLFault(message: "the root may not have the member '\(name)'")
        }
        try add(name, value, to: 0, depth: 0)
        guard tree.nodes[0].children.filter({ tree.nodes[$0].kind == .element }).count <= 1 else {
            throw XMLFault(message: "the root has several members, but a document has one root element")
        }
    }

    private static func text(_ value: ExpressionValue) -> String {
        if case .boolean(let value) = value { return value ? "true" : "false" }
        return Conversion.text(value)
    }

    private mutating func add(
        _ name: String,
        _ value: ExpressionValue,
        to parent: XMLTree.NodeID,
        depth: Int
    ) throws(XMLFault) {
        guard depth < Self.depthLimit else {
            throw XMLFault(message: "nested more than \(Self.depthLimit) levels deep")
        }
        guard !name.isEmpty else { throw XMLFault(message: "a member without a name cannot become an element") }
        if name == "#text" || name == "#cdata-section" {
            let values = value.arrayValue ?? [value]
            for value in values {
                tree.append(.init(kind: name == "#text" ? .text : .characterData, value: Self.text(value)), to: parent)
            }
            return
        }
        if case .array(let values) = value {
            for value in values {
                if case .array = value {
                    let element = addElement(name, to: parent)
                    try add(name, value, to: element, depth: depth + 1)
                } else {
                    try add(name, value, to: parent, depth: depth + 1)
                }
            }
            return
        }
        let element = addElement(name, to: parent)
        switch value {
        case .null, .array: break
        case .object(let object): try addMembers(object, to: element, depth: depth)
        default:
            let text = Self.text(value)
            tree.nodes[element].hasEndTag = true
            if !text.isEmpty { tree.append(.init(kind: .text, value: text), to: element) }
        }
        dropUnknownPrefix(element)
    }

    private mutating func addMembers(
        _ object: ExpressionObject,
        to element: XMLTree.NodeID,
        depth: Int
    ) throws(XMLFault) {
        for (name, value) in zip(object.names, object.values) where name.hasPrefix("@") && name.utf8.count > 1 {
            switch value {
            case .array, .object: throw XMLFault(message: "the attribute '\(name)' is not a simple value")
            default: break
            }
            let encoded = Self.encode(String(name.dropFirst()))
            tree.nodes[element].attributes.append(.init(name: encoded, value: Self.text(value)))
        }
        for (name, value) in zip(object.names, object.values) where !(name.hasPrefix("@") && name.utf8.count > 1) {
            try add(name, value, to: element, depth: depth + 1)
        }
    }

    /// A prefix that nothing declares is dropped.
    private mutating func dropUnknownPrefix(_ element: XMLTree.NodeID) {
        let prefix = XMLTree.prefix(tree.nodes[element].name)
        if !prefix.isEmpty, tree.namespace(of: prefix, at: element) == nil {
            tree.nodes[element].name = XMLTree.localName(tree.nodes[element].name)
        }
    }

    private mutating func addElement(_ name: String, to parent: XMLTree.NodeID) -> XMLTree.NodeID {
        tree.append(.init(kind: .element, name: Self.encode(name)), to: parent)
    }

    /// Replaces what a name may not hold by `_xHHHH_`.
    private static func encode(_ name: String) -> String {
        var output = ""
        var isFirst = true
        var hasColon = false
        for scalar in name.unicodeScalars {
            let isColon = scalar == ":" && !hasColon && !isFirst
            if isColon { hasColon = true }
            if isColon || (isFirst ? XMLParser.isNameStart(scalar) : XMLParser.isNameCharacter(scalar)) {
                output.unicodeScalars.append(scalar)
            } else {
                let digits = String(scalar.value, radix: 16, uppercase: true)
                output += "_x" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "_"
            }
            isFirst = false
        }
        return output
    }
}
