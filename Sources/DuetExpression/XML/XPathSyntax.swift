/// A parsed XPath 1.0 expression.
indirect enum XPathExpression: Sendable {
    case or(XPathExpression, XPathExpression)
    case and(XPathExpression, XPathExpression)
    case compare(Comparison, XPathExpression, XPathExpression)
    case arithmetic(Arithmetic, XPathExpression, XPathExpression)
    case negate(XPathExpression)
    case union(XPathExpression, XPathExpression)
    case number(Double)
    case string(String)
    case call(String, [XPathExpression])
    /// Steps from the document, from the context node, or from the result of a filtered expression.
    case path(Start, [Step])

    enum Comparison: Sendable {
        case equal
        case notEqual
        case less
        case lessOrEqual
        case greater
        case greaterOrEqual
    }

    enum Arithmetic: Sendable {
        case add
        case subtract
        case multiply
        case divide
        case remainder
    }

    enum Start: Sendable {
        case document
        case context
        case filtered(XPathExpression, predicates: [XPathExpression])
    }

    struct Step: Sendable {
        let axis: Axis
        let test: Test
        let predicates: [XPathExpression]
    }

    enum Axis: String, Sendable {
        case ancestor
        case ancestorOrSelf = "ancestor-or-self"
        case attribute
        case child
        case descendant
        case descendantOrSelf = "descendant-or-self"
        case following
        case followingSibling = "following-sibling"
        case namespace
        case parent
        case preceding
        case precedingSibling = "preceding-sibling"
        case itself = "self"

        /// Whether positions count backwards from the context node.
        var isReverse: Bool {
            switch self {
            case .ancestor, .ancestorOrSelf, .preceding, .precedingSibling: true
            default: false
            }
        }
    }

    enum Test: Sendable {
        case name(String)
        case anyName
        case anyNode
        case text
        case comment
        case instruction(String?)
    }
}

/// What an XPath expression gives.
enum XPathValue {
    case number(Double)
    case string(String)
    case boolean(Bool)
    /// Nodes in document order, each once.
    case nodes([XPathNode])
}

/// A node that a path can reach.
enum XPathNode: Hashable {
    case tree(XMLTree.NodeID)
    case attribute(XMLTree.NodeID, Int)
    case namespace(XMLTree.NodeID, String)

    /// Sorts by document order: an element, its namespaces, its attributes, its children.
    var order: (Int, Int, Int) {
        switch self {
        case .tree(let id): (id, 0, 0)
        case .namespace(let id, _): (id, 1, 0)
        case .attribute(let id, let index): (id, 2, index)
        }
    }
}

/// Prepares a document for paths.
enum XPathDocument {
    /// The document without declaration and type, its character data as text, and adjacent text as one node.
    static func prepare(_ tree: XMLTree) -> XMLTree {
        var result = XMLTree()
        // The copy is made in document order, which the order of identifiers stands for.
        copyChildren(of: 0, to: 0, tree, &result)
        return result
    }

    private static func copyChildren(
        of source: XMLTree.NodeID,
        to target: XMLTree.NodeID,
        _ tree: XMLTree,
        _ result: inout XMLTree
    ) {
        for child in tree.nodes[source].children {
            let node = tree.nodes[child]
            switch node.kind {
            case .declaration, .documentType, .document: continue
            case .text, .characterData:
                if let last = result.nodes[target].children.last, result.nodes[last].kind == .text {
                    result.nodes[last].value += node.value
                } else {
                    result.append(.init(kind: .text, value: node.value), to: target)
                }
            default:
                var copy = node
                copy.children = []
                let id = result.append(copy, to: target)
                copyChildren(of: child, to: id, tree, &result)
            }
        }
    }
}
