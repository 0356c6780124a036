/// What a node's change rule reads besides the changes themselves.
struct NodeWork: Hashable, Sendable {
    /// Relations read to find matches of changes, once for each time.
    var probed: [String] = []
    /// Relations of which groups, partitions or everything is computed anew.
    var recomputed: [String] = []
    /// Whether touched rows are looked for in the state.
    var readsState = true
    /// How many statements are run, about.
    var statements = 6
}

extension NodePlan {
    /// What the rule reads when these inputs and nodes changed.
    func work(_ changed: Set<String>) -> NodeWork {
        switch kind {
        case .bag(let plan):
            var work = NodeWork(statements: 4)
            plan.relation.addProbes(changed, &work)
            return work
        case .aggregate(let plan):
            var work = NodeWork(statements: 7)
            plan.input.addProbes(changed, &work)
            return work
        case .partition(let plan):
            var work = NodeWork(statements: 8)
            if plan.keys.isEmpty {
                work.recomputed = plan.input.leaves.compactMap(\.source)
            } else {
                plan.input.addProbes(changed, &work)
                work.probed += plan.input.leaves.compactMap(\.source)
            }
            return work
        case .opaque(let plan): return NodeWork(recomputed: plan.sources, statements: 5)
        }
    }
}

extension Relation {
    func isTouched(by changed: Set<String>) -> Bool {
        leaves.contains { $0.source.map(changed.contains) ?? false }
    }

    /// Notes the relations that are read to find what a change matches.
    fileprivate func addProbes(_ changed: Set<String>, _ work: inout NodeWork) {
        switch self {
        case .leaf: break
        case .join(let parts, _):
            let touched = parts.indices.filter { parts[$0].isTouched(by: changed) }
            for index in touched { parts[index].addProbes(changed, &work) }
            // Each changed part is joined with the rows of all others.
            for index in touched {
                for other in parts.indices where other != index {
                    work.probed += parts[other].leaves.compactMap(\.source)
                }
            }
        case .outer(let join):
            join.left.addProbes(changed, &work)
            join.right.addProbes(changed, &work)
            if join.left.isTouched(by: changed) { work.probed += join.right.leaves.compactMap(\.source) }
            if join.right.isTouched(by: changed) {
                // Matches once for the joined rows, and keys and rows once for those without a match.
                work.probed += (join.left.leaves + join.left.leaves + join.right.leaves).compactMap(\.source)
                work.statements += 2
            }
        case .semi(let join):
            join.left.addProbes(changed, &work)
            join.right.addProbes(changed, &work)
            if join.left.isTouched(by: changed) { work.probed += join.right.leaves.compactMap(\.source) }
            if join.right.isTouched(by: changed) {
                work.probed += (join.left.leaves + join.right.leaves).compactMap(\.source)
                work.statements += 2
            }
        case .project(let source, _), .lateral(let source, _, _), .repeated(let source, _):
            source.addProbes(changed, &work)
        case .union(let parts, _): for part in parts { part.addProbes(changed, &work) }
        }
    }
}
