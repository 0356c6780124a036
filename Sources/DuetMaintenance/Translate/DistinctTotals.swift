import DuetPipeline

/// Totals over everything with aggregates of DISTINCT values.
///
/// The distinct values are rows that are kept and counted, and the total is one over those. Without it the one group there
/// is would be computed anew at every change.
struct DistinctTotals {
    private struct Part {
        var argument: JSONValue
        var filter: JSONValue
        var calls: [(name: String, tree: JSONValue)] = []
    }

    private var plain: [(name: String, tree: JSONValue)] = []
    private var parts: [Part] = []

    /// Sorts calls; nil when none is about distinct values, or for one whose order or arguments matter.
    init?(_ calls: [(name: String, tree: JSONValue)]) {
        for call in calls {
            guard call.tree["distinct"]?.bool == true else {
                plain.append(call)
                continue
            }
            guard let arguments = call.tree["children"]?.array, arguments.count == 1,
                (call.tree["order_bys"]?["orders"]?.array ?? []).isEmpty
            else { return nil }
            let filter = call.tree["filter"] ?? .null
            if let index = parts.firstIndex(where: { $0.argument == arguments[0] && $0.filter == filter }) {
                parts[index].calls.append(call)
            } else {
                parts.append(Part(argument: arguments[0], filter: filter, calls: [call]))
            }
        }
        if parts.isEmpty { return nil }
    }

    /// The totals, each a kept row, side by side.
    ///
    /// - Parameters:
    ///   - translator: Keeps them.
    ///   - input: A reading of the rows under names of its own, and what turns expressions into ones over it.
    /// - Returns: A relation of one row with a column for each call, under the call's name.
    /// - Throws: `Unsupported` for what cannot be kept.
    func relation(
        _ translator: Translator,
        input: () -> (relation: Relation, rename: (JSONValue) -> JSONValue)
    ) throws -> Relation {
        var sides: [Relation] = []
        if !plain.isEmpty {
            let (relation, rename) = input()
            let groups = try translator.group(relation, keys: [], calls: plain.map { ($0.name, rename($0.tree)) })
            sides.append(groups.renamed(keys: [], calls: plain.map(\.name)))
        }
        for part in parts {
            let (relation, rename) = input()
            let filters = part.filter.present.map { [translator.pool.intern(rename($0))] } ?? []
            let values = try translator.group(
                .joined([relation], filters),
                keys: [("value", rename(part.argument))],
                calls: [],
                rule: "distinct values of an aggregate"
            )
            let calls = part.calls.map { call in (call.name, Self.over(values.keys[0], call.tree)) }
            let groups = try translator.group(
                values.relation,
                keys: [],
                calls: calls,
                rule: "totals of distinct values"
            )
            sides.append(groups.renamed(keys: [], calls: part.calls.map(\.name)))
        }
        return .joined(sides)
    }

    /// The call over rows that are distinct already.
    private static func over(_ column: String, _ call: JSONValue) -> JSONValue {
        guard case .object(var object) = call else { return call }
        object["distinct"] = false
        object["filter"] = .null
        object["children"] = .array([SyntaxTree.column(column)])
        return .object(object)
    }
}

extension Translator.Groups {
    /// The groups under other names of their columns.
    func renamed(keys: [String], calls: [String]) -> Relation {
        guard case .leaf(var leaf) = relation else { return relation }
        leaf.columns = keys + calls
        return .leaf(leaf)
    }
}
