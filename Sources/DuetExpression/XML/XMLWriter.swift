/// Writes XML.
struct XMLWriter {
    private let tree: XMLTree
    private let indents: Bool
    private var output = ""

    /// The whole document on one line.
    static func write(_ tree: XMLTree) -> String {
        var writer = XMLWriter(tree: tree, indents: false)
        for child in tree.nodes[0].children { writer.write(child, depth: 0, isMixed: true, declared: []) }
        return writer.output
    }

    /// One element, or the document's content, with children that stand alone on lines of their own.
    static func writeFragment(_ tree: XMLTree, _ id: XMLTree.NodeID) -> String {
        var writer = XMLWriter(tree: tree, indents: true)
        let roots = tree.nodes[id].kind == .document ? tree.nodes[id].children : [id]
        for (position, root) in roots.enumerated() {
            if position > 0 { writer.output += "\n" }
            writer.write(root, depth: 0, isMixed: false, declared: [])
        }
        return writer.output
    }

    private init(tree: XMLTree, indents: Bool) {
        self.tree = tree
        self.indents = indents
    }

    /// A prefix and the namespace it stands for in what has been written.
    private struct Declaration: Equatable {
        let prefix: String
        let namespace: String
    }

    private mutating func write(
        _ id: XMLTree.NodeID,
        depth: Int,
        isMixed: Bool,
        declared: [Declaration]
    ) {
        let node = tree.nodes[id]
        switch node.kind {
        case .document: break
        case .declaration:
            output += "<?xml"
            for attribute in node.attributes { output += " \(attribute.name)=\"\(attribute.value)\"" }
            output += "?>"
        case .documentType: output += "<!DOCTYPE \(node.name)\(node.value)>"
        case .text: output += Self.escape(node.value, isAttribute: false)
        case .characterData: output += "<![CDATA[\(node.value)]]>"
        case .comment: output += "<!--\(node.value)-->"
        case .instruction: output += node.value.isEmpty ? "<?\(node.name)?>" : "<?\(node.name) \(node.value)?>"
        case .element: writeElement(node, depth: depth, isMixed: isMixed, declared: declared)
        }
    }

    private mutating func writeElement(
        _ node: XMLTree.Node,
        depth: Int,
        isMixed: Bool,
        declared: [Declaration]
    ) {
        output += "<\(node.name)"
        var declared = declared
        if indents {
            writeFragmentAttributes(node, &declared)
        } else {
            for attribute in node.attributes { write(attribute) }
        }
        if node.children.isEmpty {
            output += node.hasEndTag ? "></\(node.name)>" : " />"
            return
        }
        output += ">"
        // Once an element has text of its own, a line break inside it would change it.
        var isMixed = isMixed
        for child in node.children {
            let kind = tree.nodes[child].kind
            if kind == .text || kind == .characterData {
                isMixed = true
            } else if indents, !isMixed {
                output += "\n" + String(repeating: "  ", count: depth + 1)
            }
            write(child, depth: depth + 1, isMixed: isMixed, declared: declared)
        }
        if indents, !isMixed { output += "\n" + String(repeating: "  ", count: depth) }
        output += "</\(node.name)>"
    }

    private mutating func write(_ attribute: XMLTree.Attribute) {
        output += " \(attribute.name)=\"\(Self.escape(attribute.value, isAttribute: true))\""
    }

    /// A part of a document must declare again what was declared around it, as far as it needs it.
    private mutating func writeFragmentAttributes(_ node: XMLTree.Node, _ declared: inout [Declaration]) {
        var added: [Declaration] = []
        func add(_ prefix: String, _ namespace: String) {
            let declaration = Declaration(prefix: prefix, namespace: namespace)
            if prefix == "xml" || added.contains(declaration) { return }
            let known = declared.last { $0.prefix.isExactly(prefix) }?.namespace
            if known == namespace || (known == nil && prefix.isEmpty && namespace.isEmpty) { return }
            added.append(declaration)
        }
        let local = Set(node.attributes.filter(\.isDeclaration).map(\.declaredPrefix))
        if !local.contains(XMLTree.prefix(node.name)) { add(XMLTree.prefix(node.name), node.namespace) }
        for attribute in node.attributes where !attribute.isDeclaration {
            write(attribute)
            let prefix = XMLTree.prefix(attribute.name)
            if !prefix.isEmpty, !local.contains(prefix) { add(prefix, attribute.namespace) }
        }
        for attribute in node.attributes where attribute.isDeclaration {
            add(attribute.declaredPrefix, attribute.value)
        }
        for declaration in added.reversed() {
            let name = declaration.prefix.isEmpty ? "xmlns" : "xmlns:" + declaration.prefix
            write(XMLTree.Attribute(name: name, value: declaration.namespace))
        }
        declared += added
    }

    private static func escape(_ text: String, isAttribute: Bool) -> String {
        var output = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            case "\"" where isAttribute: output += "&quot;"
            case "\n" where isAttribute, "\r" where isAttribute: output += hex(scalar)
            case "\t", "\n", "\r": output.unicodeScalars.append(scalar)
            case "\u{0}"..<" ": output += hex(scalar)
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    private static func hex(_ scalar: Unicode.Scalar) -> String {
        "&#x" + String(scalar.value, radix: 16, uppercase: true) + ";"
    }
}
