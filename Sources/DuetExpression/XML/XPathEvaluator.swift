/// Evaluates an XPath expression on a document.
struct XPathEvaluator {
    let tree: XMLTree

    /// Where evaluation stands.
    struct Context {
        let node: XPathNode
        let position: Int
        let size: Int
    }

    func evaluate(_ expression: XPathExpression) throws(XMLFault) -> XPathValue {
        try evaluate(expression, Context(node: .tree(0), position: 1, size: 1))
    }

    func evaluate(_ expression: XPathExpression, _ context: Context) throws(XMLFault) -> XPathValue {
        switch expression {
        case .or(let left, let right):
            if boolean(try evaluate(left, context)) { return .boolean(true) }
            return .boolean(boolean(try evaluate(right, context)))
        case .and(let left, let right):
            if !boolean(try evaluate(left, context)) { return .boolean(false) }
            return .boolean(boolean(try evaluate(right, context)))
        case .compare(let comparison, let left, let right):
            return .boolean(compare(comparison, try evaluate(left, context), try evaluate(right, context)))
        case .arithmetic(let operation, let left, let right):
            let a = number(try evaluate(left, context))
            let b = number(try evaluate(right, context))
            switch operation {
            case .add: return .number(a + b)
            case .subtract: return .number(a - b)
            case .multiply: return .number(a * b)
            case .divide: return .number(a / b)
            case .remainder: return .number(a.truncatingRemainder(dividingBy: b))
            }
        case .negate(let value): return .number(-number(try evaluate(value, context)))
        case .union(let left, let right):
            guard case .nodes(let a) = try evaluate(left, context), case .nodes(let b) = try evaluate(right, context)
            else { throw XMLFault(message: "'|' joins only sets of nodes") }
            return .nodes(Self.ordered(a + b))
        case .number(let number): return .number(number)
        case .string(let string): return .string(string)
        case .call(let name, let arguments): return try call(name, arguments, context)
        case .path(let start, let steps): return .nodes(try follow(steps, from: try nodes(start, context)))
        }
    }

    // MARK: - Paths

    private func nodes(_ start: XPathExpression.Start, _ context: Context) throws(XMLFault) -> [XPathNode] {
        switch start {
        case .document: return [.tree(0)]
        case .context: return [context.node]
        case .filtered(let expression, let predicates):
            guard case .nodes(var nodes) = try evaluate(expression, context) else {
                throw XMLFault(message: "only a set of nodes can be filtered or followed")
            }
            for predicate in predicates { nodes = try filter(nodes, predicate) }
            return nodes
        }
    }

    private func follow(_ steps: [XPathExpression.Step], from start: [XPathNode]) throws(XMLFault) -> [XPathNode] {
        var nodes = start
        for step in steps {
            var found: [XPathNode] = []
            for node in nodes {
                var reached = axis(step.axis, of: node).filter { matches($0, step) }
                for predicate in step.predicates { reached = try filter(reached, predicate) }
                found += reached
            }
            nodes = Self.ordered(found)
        }
        return nodes
    }

    private func filter(_ nodes: [XPathNode], _ predicate: XPathExpression) throws(XMLFault) -> [XPathNode] {
        var kept: [XPathNode] = []
        for (index, node) in nodes.enumerated() {
            let value = try evaluate(predicate, Context(node: node, position: index + 1, size: nodes.count))
            if case .number(let number) = value {
                if number == Double(index + 1) { kept.append(node) }
            } else if boolean(value) {
                kept.append(node)
            }
        }
        return kept
    }

    static func ordered(_ nodes: [XPathNode]) -> [XPathNode] {
        var seen: Set<XPathNode> = []
        return nodes.filter { seen.insert($0).inserted }.sorted { $0.order < $1.order }
    }

    private func parent(_ node: XPathNode) -> XPathNode? {
        switch node {
        case .tree(0): nil
        case .tree(let id): .tree(tree.nodes[id].parent)
        case .attribute(let id, _), .namespace(let id, _): .tree(id)
        }
    }

    private func descendants(_ id: XMLTree.NodeID) -> [XPathNode] {
        // Nodes are numbered in document order, so a subtree is a run of numbers.
        var end = id + 1
        var last = id
        while let child = tree.nodes[last].children.last { last = child }
        end = max(end, last + 1)
        return (id + 1..<end).map { .tree($0) }
    }

    private func ancestors(_ node: XPathNode) -> [XPathNode] {
        var result: [XPathNode] = []
        var current = parent(node)
        while let node = current {
            result.append(node)
            current = parent(node)
        }
        return result
    }

    private func axis(_ axis: XPathExpression.Axis, of node: XPathNode) -> [XPathNode] {
        switch axis {
        case .itself: return [node]
        case .parent: return parent(node).map { [$0] } ?? []
        case .ancestor: return ancestors(node)
        case .ancestorOrSelf: return [node] + ancestors(node)
        default: break
        }
        guard case .tree(let id) = node else {
            return axis == .descendantOrSelf ? [node] : []
        }
        switch axis {
        case .child: return tree.nodes[id].children.map { .tree($0) }
        case .descendant: return descendants(id)
        case .descendantOrSelf: return [node] + descendants(id)
        case .attribute:
            return tree.nodes[id].attributes.indices
                .filter { !tree.nodes[id].attributes[$0].isDeclaration }.map { .attribute(id, $0) }
        case .namespace: return namespaces(id)
        case .following:
            let end = id + 1 + descendants(id).count
            return (end..<max(end, tree.nodes.count)).map { .tree($0) }
        case .preceding:
            let above = Set(ancestors(node))
            return (0..<id).reversed().map { .tree($0) }.filter { !above.contains($0) }
        case .followingSibling, .precedingSibling:
            guard id > 0 else { return [] }
            let siblings = tree.nodes[tree.nodes[id].parent].children
            guard let place = siblings.firstIndex(of: id) else { return [] }
            return axis == .followingSibling
                ? siblings[(place + 1)...].map { .tree($0) } : siblings[..<place].reversed().map { .tree($0) }
        default: return []
        }
    }

    private func namespaces(_ id: XMLTree.NodeID) -> [XPathNode] {
        guard tree.nodes[id].kind == .element else { return [] }
        var prefixes: Set<String> = ["xml"]
        var current = id
        while current > 0 {
            for attribute in tree.nodes[current].attributes where attribute.isDeclaration {
                prefixes.insert(attribute.declaredPrefix)
            }
            current = tree.nodes[current].parent
        }
        return prefixes.sorted().map { .namespace(id, $0) }
    }

    private func matches(_ node: XPathNode, _ step: XPathExpression.Step) -> Bool {
        switch step.test {
        case .anyNode: return true
        case .text: return kind(node) == .text
        case .comment: return kind(node) == .comment
        case .instruction(let target):
            guard kind(node) == .instruction else { return false }
            return target.map { $0.isExactly(name(node)) } ?? true
        case .anyName: return isPrincipal(node, step.axis)
        case .name(let wanted):
            // Without a prefix a name means one in no namespace.
            return isPrincipal(node, step.axis) && namespaceURI(node).isEmpty && name(node).isExactly(wanted)
        }
    }

    private func isPrincipal(_ node: XPathNode, _ axis: XPathExpression.Axis) -> Bool {
        switch node {
        case .attribute: axis == .attribute
        case .namespace: axis == .namespace
        case .tree: kind(node) == .element && axis != .attribute && axis != .namespace
        }
    }

    private func kind(_ node: XPathNode) -> XMLTree.Kind? {
        if case .tree(let id) = node { tree.nodes[id].kind } else { nil }
    }

    // MARK: - Properties of nodes

    func name(_ node: XPathNode) -> String {
        switch node {
        case .tree(let id): tree.nodes[id].name
        case .attribute(let id, let index): tree.nodes[id].attributes[index].name
        case .namespace(_, let prefix): prefix
        }
    }

    func namespaceURI(_ node: XPathNode) -> String {
        switch node {
        case .tree(let id): tree.nodes[id].namespace
        case .attribute(let id, let index): tree.nodes[id].attributes[index].namespace
        case .namespace: ""
        }
    }

    func string(_ node: XPathNode) -> String {
        switch node {
        case .attribute(let id, let index): return tree.nodes[id].attributes[index].value
        case .namespace(let id, let prefix): return tree.namespace(of: prefix, at: id) ?? ""
        case .tree(let id):
            switch tree.nodes[id].kind {
            case .document, .element:
                var text = ""
                for case .tree(let child) in descendants(id) where tree.nodes[child].kind == .text {
                    text += tree.nodes[child].value
                }
                return text
            default: return tree.nodes[id].value
            }
        }
    }
}
