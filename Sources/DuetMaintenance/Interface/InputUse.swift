/// What a view reads of an input, by which a change that does not concern the view is known before rules follow it.
///
/// A row that is replaced by one with the same values in all columns that are read takes itself back, and a row that
/// fails a condition of the query makes no row, before and after (J. A. Blakeley, N. Coburn and P.-Å. Larson, "Updating
/// Derived Relations: Detecting Irrelevant and Autonomously Computable Updates", ACM TODS 14(3), 1989).
public struct InputUse: Hashable, Sendable {
    /// The leaves that read the input.
    private let leaves: [Leaf]
    /// The positions of the columns that some rule uses.
    let read: Set<Int>
    /// What a row must meet to make any row where each leaf reads it; none when some leaf takes all rows.
    private let conditions: [String]
    /// Whether changed rows are looked up in other rows or go through several blocks, so that it is worth while to know
    /// first that there are none.
    private let isJoined: Bool
    /// The temporary table that holds the part of a change that is read, unquoted.
    private let table: String

    /// A look at one change.
    public struct Look: Hashable, Sendable {
        /// A query of one row: the entries that are left of the change, their least and greatest weight, and how many of
        /// them meet the query's conditions.
        public var query: String
        /// The statement that keeps what is left in `table`.
        public var keep: String
        /// The temporary table, quoted, which stands for the change then.
        public var table: String
        /// The statement that drops it.
        public var cleanup: String

        /// What the query's row says.
        ///
        /// - Parameters:
        ///   - row: The entries, the weights and the entries that meet the conditions.
        ///   - rows: The entries of the change itself.
        /// - Returns: What to do with the change.
        public func finding(_ row: [Int?], of rows: Int) -> Finding {
            guard row.count == 4, let left = row[0], left > 0, row[3] != 0, let least = row[1], let greatest = row[2]
            else { return .nothing }
            // A table of its own is worth its statement where there are far fewer rows to follow.
            return left * 2 <= rows ? .part(ChangeKind(least: least, greatest: greatest), rows: left) : .all
        }

        /// Whether the row says that the change takes itself back in the columns that are read, whatever the conditions.
        func findsNothingLeft(_ row: [Int?]) -> Bool { row.count == 4 && row[0] == 0 }
    }

    /// How much of a change concerns a view.
    public enum Finding: Hashable, Sendable {
        /// Nothing: the input is as it was for the view.
        case nothing
        /// Few of its rows; it is worth while to keep them and to follow these.
        case part(ChangeKind, rows: Int)
        /// All of it, or so much that it may as well be followed as it is.
        case all
    }

    /// How to look at a change; nil when all that can be in it concerns the view.
    ///
    /// - Parameters:
    ///   - kind: The kind of the change. Where rows only come or only go, none take each other back.
    ///   - delta: SQL for a FROM clause: the change, if it is not where the rules look for it.
    /// - Returns: The look, to be taken before rules follow the change.
    public func look(at kind: ChangeKind, delta: String? = nil) -> Look? {
        guard kind == .mixed, isJoined, let leaf = leaves.first, let own = leaf.delta,
            read.count < leaf.columns.count || !conditions.isEmpty
        else { return nil }
        let names = read.sorted().map { leaf.columns[$0] }
        let weight = NamedText("CAST(sum(__w) AS BIGINT)", as: "__w")
        let item = (delta ?? own) + SQLText.alias(leaf.alias, leaf.columns + ["__w"])
        func left(_ columns: [NamedText]) -> String {
            var suffix = ["HAVING sum(__w) <> 0"]
            if !names.isEmpty { suffix.insert("GROUP BY \(SQLText.list(names))", at: 0) }
            return SelectText(columns: columns + [weight], from: [item], suffix: suffix).text
        }
        let meeting =
            conditions.isEmpty ? "count(*)" : "count(*) FILTER (WHERE \(conditions.joined(separator: " OR ")))"
        // Each leaf has names of its own for the same columns; one that several blocks read is the same in all.
        var seen: Set<String> = [leaf.alias]
        let others = conditions.isEmpty ? [] : leaves.filter { seen.insert($0.alias).inserted }
        let renamed = others.flatMap { other in
            read.sorted().map { NamedText(SQLText.identifier(leaf.columns[$0]), as: other.columns[$0]) }
        }
        var rows = left(names.map { NamedText(column: $0) })
        if !renamed.isEmpty { rows = SelectText(columns: [.all] + renamed, from: ["(\(rows))"]).text }
        let all = leaf.columns.indices.map { index in
            read.contains(index)
                ? NamedText(column: leaf.columns[index]) : NamedText("NULL", as: leaf.columns[index])
        }
        return Look(
            query: "SELECT count(*), min(__w), max(__w), \(meeting)\nFROM (\(rows))",
            keep: SQLText.makeTemporary(table, as: left(all)),
            table: SQLText.temporary(table),
            cleanup: "DROP TABLE IF EXISTS \(SQLText.temporary(table))"
        )
    }
}

extension InputUse {
    /// What the nodes of a view read of each of the inputs that they read by rules alone, by the inputs' names.
    static func all(of inputs: Set<String>, _ nodes: [NodePlan], _ texts: [String], prefix: String) -> [String: Self] {
        var readings: [String: [(leaf: Leaf, conditions: [Expression])]] = [:]
        var read: [String: Set<Int>] = [:]
        var joined: Set<String> = []
        var unknown: Set<String> = []
        for node in nodes {
            guard let relation = node.input, let needed = node.neededColumns else {
                unknown.formUnion(node.sources)
                continue
            }
            let all = relation.readings
            for reading in all {
                guard let source = reading.leaf.source, inputs.contains(source) else { continue }
                readings[source, default: []].append(reading)
                let columns = reading.leaf.columns
                read[source, default: []].formUnion(columns.indices.filter { needed.contains(columns[$0]) })
                if all.count > 1 || nodes.count > 1 || node.recomputesGroups { joined.insert(source) }
            }
        }
        let renderer = RelationRenderer(texts: texts)
        var uses: [String: Self] = [:]
        for (source, all) in readings where !unknown.contains(source) {
            let asked = all.map { $0.conditions.map { renderer.text($0) } }
            uses[source] = Self(
                leaves: all.map(\.leaf),
                read: read[source] ?? [],
                conditions: asked.contains([]) ? [] : asked.map { SQLText.and($0) },
                isJoined: joined.contains(source),
                table: "\(prefix)_of_\(source)"
            )
        }
        return uses
    }
}

extension NodePlan {
    /// Whether groups or partitions are computed anew from their rows.
    fileprivate var recomputesGroups: Bool {
        switch kind {
        case .bag, .opaque: false
        case .aggregate(let plan): plan.hasExtremes
        case .partition: true
        }
    }
}

extension Relation {
    /// All leaves, as often as they occur, with what inner joins and filters ask of their rows alone.
    fileprivate var readings: [(leaf: Leaf, conditions: [Expression])] {
        switch self {
        case .leaf(let leaf): [(leaf, [])]
        case .join(let parts, let predicates):
            parts.flatMap { part in
                guard case .leaf(let leaf) = part else { return part.readings }
                let own = predicates.filter { predicate in
                    !predicate.columns.isEmpty && predicate.refusal == nil && !predicate.multipliesRows
                        && predicate.columns.allSatisfy(leaf.columns.contains)
                }
                return [(leaf, own)]
            }
        case .outer(let join): join.left.readings + join.right.readings + (join.rightKeys?.relation.readings ?? [])
        case .semi(let join): join.left.readings + join.right.readings
        case .project(let source, _), .lateral(let source, _, _), .repeated(let source, _): source.readings
        case .union(let parts, _): parts.flatMap(\.readings)
        }
    }
}
