/// How a node is brought up to date in one update.
public enum MaintenanceStrategy: String, Hashable, Sendable, Codable, CaseIterable {
    /// Nothing it reads has changed.
    case nothing
    /// Rows are only added.
    case append
    /// The change is computed from the changes of the inputs and merged into the state.
    case merge
    /// Groups or partitions that the change touches are computed anew.
    case recomputeAffected
    /// Everything is computed anew; the change is the difference.
    case full
}

/// The SQL of one node's update, to be run in order within one transaction on one connection.
public struct ChangeProgram: Hashable, Sendable {
    /// What is done.
    public var strategy: MaintenanceStrategy
    /// The rule's name.
    public var rule: String
    /// Why this rule, in words for the user.
    public var reason: String
    /// Statements that compute the change into temporary tables; they read the state but do not touch it.
    public var statements: [String]
    /// The temporary table that then holds the change, quoted.
    ///
    /// It has the visible columns and `__w BIGINT`, and no two entries cancel; there is one entry for equal rows unless
    /// rows are only added. Nil when nothing changes, or when no change was asked
    /// for.
    public var deltaTable: String?
    /// The query whose result the last of `statements` keeps in `deltaTable`; nil when `apply` does more than follow it.
    public var deltaQuery: String?
    /// Statements that take the change into the state.
    public var apply: [String]
    /// Whether `apply` does nothing but take the change's rows out of the state and then into it.
    var followsDelta = false
    /// Whether the only statement of `apply` computes the change as well, and gives a row for each row it writes.
    ///
    /// Its first column is then `INSERT`, `UPDATE` or `DELETE`.
    public var reportsWrites = false
    /// Statements that drop the temporary tables; to be run when every reader of the change is done.
    public var cleanup: [String]

    /// The statements of `apply` that have something to do.
    ///
    /// - Parameter kind: The kind of the change that `deltaTable` holds; nil when it is empty.
    /// - Returns: The statements, in order.
    public func apply(_ kind: ChangeKind?) -> [String] {
        guard followsDelta else { return apply }
        guard let kind else { return [] }
        switch kind {
        case .insertsOnce, .insertsOnly: return apply.suffix(1)
        case .deletesOnce, .deletesOnly: return Array(apply.prefix(max(apply.count - 1, 1)))
        case .mixed: return apply
        }
    }
}
