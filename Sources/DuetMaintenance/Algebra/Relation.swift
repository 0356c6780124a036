/// A bag of rows as an expression over the inputs and the kept nodes.
///
/// Every column has a name that is unique within the view, so that expressions need no qualification and terms of a
/// change can be put together from parts.
indirect enum Relation: Hashable, Sendable {
    /// Rows read from an input, from a kept node, or from something that never changes.
    case leaf(Leaf)
    /// An inner join of any number of relations with its conditions; of one relation, a filter.
    case join([Relation], [Expression])
    /// A left or full join.
    case outer(OuterJoin)
    /// A semi or anti join, with the columns of its left side.
    case semi(SemiJoin)
    /// Computed columns.
    case project(Relation, [NamedExpression])
    /// All rows of all branches; column i of each branch becomes column i of the union.
    case union([Relation], [String])
    /// For each row, the rows of a call that uses its columns, such as UNNEST.
    case lateral(Relation, call: Expression, columns: [String])
    /// Each row as often as the expression says.
    case repeated(Relation, times: Expression)

    /// The names of the columns.
    var columns: [String] {
        switch self {
        case .leaf(let leaf): leaf.columns
        case .join(let parts, _): parts.flatMap(\.columns)
        case .outer(let join): join.left.columns + join.right.columns
        case .semi(let join): join.left.columns
        case .project(_, let outputs): outputs.map(\.name)
        case .union(_, let columns): columns
        case .lateral(let source, _, let columns): source.columns + columns
        case .repeated(let source, _): source.columns
        }
    }

    /// The columns that the relation's own conditions and computations use; those of a union count with their branches.
    var usedColumns: Set<String> {
        switch self {
        case .leaf: return []
        case .join(let parts, let predicates):
            return parts.reduce(into: Set(predicates.flatMap(\.columns))) { $0.formUnion($1.usedColumns) }
        case .outer(let join):
            return join.left.usedColumns.union(join.right.usedColumns).union(join.condition.columns)
                .union(join.rightKeys?.columns.flatMap(\.columns) ?? [])
        case .semi(let join): return join.left.usedColumns.union(join.right.usedColumns).union(join.condition.columns)
        case .project(let source, let outputs):
            return source.usedColumns.union(outputs.flatMap(\.expression.columns))
        case .union(let parts, _):
            return parts.reduce(into: []) { $0.formUnion($1.usedColumns.union($1.columns)) }
        case .lateral(let source, let call, _): return source.usedColumns.union(call.columns)
        case .repeated(let source, let times): return source.usedColumns.union(times.columns)
        }
    }

    /// All leaves, as often as they occur.
    var leaves: [Leaf] {
        switch self {
        case .leaf(let leaf): [leaf]
        case .join(let parts, _): parts.flatMap(\.leaves)
        case .outer(let join): join.left.leaves + join.right.leaves + (join.rightKeys?.relation.leaves ?? [])
        case .semi(let join): join.left.leaves + join.right.leaves
        case .project(let source, _), .lateral(let source, _, _), .repeated(let source, _): source.leaves
        case .union(let parts, _): parts.flatMap(\.leaves)
        }
    }
}

/// A relation read as it is.
struct Leaf: Hashable, Sendable {
    /// What changes are announced under; nil when it never changes.
    var source: String?
    /// SQL for a FROM clause: the rows after the change.
    var current: String
    /// SQL for a FROM clause: the change.
    var delta: String?
    /// The alias, unique within the view.
    var alias: String
    /// Unique names of the columns, in the order of the relation's own.
    var columns: [String]
    /// Types of the columns; empty when not known.
    var types: [String] = []
    /// What its rows refer to, by positions of columns.
    var references: [Reference] = []
    /// Columns, by position, that are never NULL.
    var neverNull: [Int] = []
    /// Columns, by position, of which no two rows have the same values.
    var uniqueKeys: [[Int]] = []
    /// Whether a function makes its rows: there may be more than can be kept, though few are read.
    var isGenerated = false

    /// The type of the column at a position; nil when it is not known.
    func type(at position: Int) -> String? { types.count == columns.count ? types[position] : nil }

    /// A foreign key.
    struct Reference: Hashable, Sendable {
        var columns: [Int]
        var source: String
        var target: [Int]
    }
}

/// A join that keeps unmatched rows.
struct OuterJoin: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case left
        case full
    }

    var kind: Kind
    var left: Relation
    var right: Relation
    var condition: JoinCondition
    /// The keys that the right side has, if they are kept; see `Translator.keptKeys(of:_:)`.
    var rightKeys: KeptKeys?
}

/// The values that the columns compared by a join have on one side, each once, kept as a node.
struct KeptKeys: Hashable, Sendable {
    var relation: Relation
    /// The kept columns, in the order of the join's equalities.
    var columns: [Expression]
}

/// A join that asks only whether there is a match.
struct SemiJoin: Hashable, Sendable {
    /// Whether rows without a match are wanted.
    var isAnti: Bool
    var left: Relation
    var right: Relation
    var condition: JoinCondition
}

/// A join's condition, taken apart.
struct JoinCondition: Hashable, Sendable {
    /// Equalities between an expression of the left and one of the right side.
    var equal: [KeyPair] = []
    /// Everything else.
    var residual: [Expression] = []

    /// The columns used.
    var columns: [String] {
        equal.flatMap { $0.left.columns + $0.right.columns } + residual.flatMap(\.columns)
    }

    /// Whether some equality holds for NULLs.
    var matchesNull: Bool { equal.contains(where: \.matchesNull) }

    /// The condition with its sides swapped.
    var swapped: Self {
        Self(
            equal: equal.map { KeyPair(left: $0.right, right: $0.left, matchesNull: $0.matchesNull) },
            residual: residual
        )
    }
}

/// The two sides of an equality.
struct KeyPair: Hashable, Sendable {
    var left: Expression
    var right: Expression
    /// Whether NULL is equal to NULL.
    var matchesNull = false

    /// The equality as a condition.
    var condition: Expression { .match(left, right, matchesNull: matchesNull) }
}
