/// An XML document as an array of nodes in document order; the first is the document itself.
struct XMLTree {
    typealias NodeID = Int

    enum Kind: Equatable {
        case document
        case declaration
        case documentType
        case element
        case text
        case characterData
        case comment
        case instruction
    }

    struct Attribute {
        let name: String
        let value: String
        /// The namespace the name belongs to; empty if none.
        var namespace = ""

        /// Whether it declares a namespace.
        var isDeclaration: Bool { name == "xmlns" || name.hasPrefix("xmlns:") }

        /// The prefix it declares, empty for the default namespace.
        var declaredPrefix: String { name == "xmlns" ? "" : String(name.dropFirst(6)) }
    }

    struct Node {
        let kind: Kind
        /// An element's or instruction's name, with its prefix.
        var name = ""
        /// The text of a node that has no children.
        var value = ""
        var namespace = ""
        var attributes: [Attribute] = []
        var children: [NodeID] = []
        var parent: NodeID = 0
        /// Whether an element without children was written with an end tag of its own.
        var hasEndTag = false
    }

    var nodes = [Node(kind: .document)]

    @discardableResult
    mutating func append(_ node: Node, to parent: NodeID) -> NodeID {
        var node = node
        node.parent = parent
        nodes.append(node)
        nodes[parent].children.append(nodes.count - 1)
        return nodes.count - 1
    }

    /// The part of a name before its colon, or nothing.
    static func prefix(_ name: String) -> String {
        name.firstIndex(of: ":").map { String(name[..<$0]) } ?? ""
    }

    static func localName(_ name: String) -> String {
        name.firstIndex(of: ":").map { String(name[name.index(after: $0)...]) } ?? name
    }

    /// What a prefix means at an element, or nil if nothing declares it.
    func namespace(of prefix: String, at element: NodeID) -> String? {
        if prefix == "xml" { return "http://www.w3.org/XML/1998/namespace" }
        if prefix == "xmlns" { return "http://www.w3.org/2000/xmlns/" }
        var current = element
        while current > 0 {
            for attribute in nodes[current].attributes
            where attribute.isDeclaration && attribute.declaredPrefix.isExactly(prefix) {
                return attribute.value
            }
            current = nodes[current].parent
        }
        return prefix.isEmpty ? "" : nil
    }
}

/// Why XML or XPath text was refused.
package struct XMLFault: Error {
    package let message: String
}
