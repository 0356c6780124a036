/// The parsed form of an expression: nodes in one array, so that walking it touches little memory.
struct SyntaxTree: Sendable {
    typealias NodeID = Int

    struct Node: Sendable {
        let kind: Kind
        /// UTF-16 offsets in the whole text.
        let range: Range<Int>
    }

    enum Kind: Sendable {
        case literal(ExpressionValue)
        case call(Function, name: String, arguments: [NodeID])
        /// A call that fails whenever it is reached: an unknown function or a wrong number of arguments.
        case brokenCall(Failure, arguments: [NodeID])
        case root(Root, arguments: [NodeID])
        case path(base: NodeID, shortcut: Shortcut?, segments: [Segment])
        /// Text with expressions in it; always gives a string.
        case interpolation([NodeID])
    }

    /// The functions that read the surroundings.
    enum Root: Sendable {
        case pipeline
        case variables
        case activity
        case item
        case dataset
        case linkedService
        case trigger
        case triggerBody
    }

    /// A selection that can be answered without building the object it is selected from.
    enum Shortcut: Sendable {
        case parameter(String)
        case globalParameter(String)
        case system(String)

        /// How many segments it stands for.
        var length: Int {
            if case .system = self { 1 } else { 2 }
        }
    }

    /// One `.name`, `['name']` or `[0]` after a call.
    struct Segment: Sendable {
        enum Key: Sendable {
            case name(String)
            case computed(NodeID)
        }

        let key: Key
        /// Whether `?` stands before it.
        let isNullSafe: Bool
        /// Where it ends, in UTF-16 offsets.
        let end: Int
    }

    var nodes: [Node] = []
    var root: NodeID = 0

    mutating func add(_ kind: Kind, _ range: Range<Int>) -> NodeID {
        nodes.append(Node(kind: kind, range: range))
        return nodes.count - 1
    }
}
