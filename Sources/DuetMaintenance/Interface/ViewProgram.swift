/// What was decided for one block of a query, for people.
public struct BlockReport: Hashable, Sendable {
    /// The node that keeps the block's rows.
    public var node: String
    /// The rule's name.
    public var rule: String
    /// The best strategy the block allows.
    public var strategy: MaintenanceStrategy
    /// Why.
    public var reason: String
}

/// How a view is computed and kept up to date.
public struct ViewProgram: Sendable {
    /// Statements to run once on the connection that executes programs.
    ///
    /// DuckDB 1.5.5's column lifetime optimiser makes some plans with anti joins fail with an internal error ("Failed to
    /// bind column reference"), in programs as in the queries themselves.
    public static let connectionSettings = ["SET disabled_optimizers = 'column_lifetime'"]

    /// The view's name.
    public let view: String
    /// Hidden nodes first, each after what it reads; the view itself last.
    public let nodes: [NodeProgram]
    /// The view computed by its own query, without hidden nodes, in the same state table.
    ///
    /// It is the cheapest way to a full recomputation. Afterwards no node of `nodes` is up to date: before the next
    /// incremental update run the `create` statements of all of them.
    public let direct: NodeProgram
    /// One entry for each query block.
    public let blocks: [BlockReport]
    /// Why the view is not cheaper to keep; empty when nothing stands in the way.
    public let issues: [String]
    /// Whether the same inputs always give the same rows.
    public let isDeterministic: Bool
    /// Whether the query reads the clock or the session, so that it must be refreshed even if no input changed.
    public let readsClock: Bool
    /// The inputs that are read, by name.
    public let inputs: [String]
    /// What is read of each input, by name; an input is missing where that is not known.
    public let uses: [String: InputUse]

    /// Whether the rows of a node's change are read by anybody; what nobody reads need not be made.
    ///
    /// - Parameters:
    ///   - node: One of `nodes`.
    ///   - hasReaders: Whether the rows of the view's own change are read.
    /// - Returns: Whether anybody does.
    public func needsDelta(of node: NodeProgram, hasReaders: Bool) -> Bool {
        if node.name == result.name { return hasReaders }
        return nodes.contains { $0.reads.contains(node.name) && $0.readsChanges }
    }

    /// The node whose visible columns are the view.
    public var result: NodeProgram { nodes[nodes.count - 1] }

    /// Whether any change of any input can be taken in without computing everything anew.
    public var isIncremental: Bool { nodes.allSatisfy(\.isIncremental) }
}
