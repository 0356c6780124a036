/// Follows columns through the transformations of a mapping data flow's script.
struct DataFlowLineage {
    typealias Origin = FactoryLineage.Origin

    /// What flows between two transformations.
    struct Stream {
        struct Column {
            var name: String
            var origins: Set<Origin>
            /// The streams it has come through, in lower case, for `Stream@column`.
            var streams: Set<String>
        }

        var columns: [Column] = []
        var rows: Set<Origin> = []
        /// Why the columns are not known; nil when they are.
        var unknown: String?
    }

    /// What a sink writes.
    struct Sink {
        var place: String
        var columns: [FactoryLineage.Column]
        var rows: Set<Origin>
        var unknown: String?
    }

    /// A flowlet's script, with the flowlets that it runs itself.
    struct Flowlet {
        var order: [DataFlowScript.Step]
        var flowlets: [String: Flowlet]
    }

    private let places: [String: String]
    /// By the transformations that run them, in lower case.
    let flowlets: [String: Flowlet]
    private var streams: [String: Stream] = [:]

    /// - Parameters:
    ///   - places: The datasets of sources and sinks, by their names in lower case.
    ///   - flowlets: The flowlets, by the transformations that run them, in lower case.
    init(places: [String: String], flowlets: [String: Flowlet] = [:]) {
        self.places = places
        self.flowlets = flowlets
    }

    /// The sinks of a script with their columns.
    mutating func sinks(of order: [DataFlowScript.Step]) -> [Sink] {
        var found: [Sink] = []
        for step in order {
            if step.kind == "compose" {
                streams.merge(composed(step)) { _, new in new }
                continue
            }
            var stream = flowing(step)
            let name = step.name.lowercased()
            if step.kind.lowercased() == "sink" {
                if let mapping = call("mapColumn", step) { stream = selected(stream, mapping) }
                found.append(
                    Sink(
                        place: places[name] ?? step.name,
                        columns: stream.unknown == nil
                            ? stream.columns.map { .init(name: $0.name, origins: $0.origins) } : [],
                        rows: stream.rows,
                        unknown: stream.unknown
                    )
                )
                continue
            }
            for index in stream.columns.indices { stream.columns[index].streams.insert(name) }
            streams[name] = stream
            for branch in step.branches { streams["\(name)@\(branch.lowercased())"] = stream }
        }
        return found
    }

    /// What a stream carries.
    func known(_ name: String) -> Stream { streams[name.lowercased()] ?? Stream(unknown: "'\(name)' is not known") }

    /// Says what flows into an input.
    mutating func feed(_ input: String, _ stream: Stream) {
        var stream = stream
        for index in stream.columns.indices { stream.columns[index].streams.insert(input.lowercased()) }
        streams[input.lowercased()] = stream
    }

    // MARK: - Transformations

    private func flowing(_ step: DataFlowScript.Step) -> Stream {
        let inputs = step.inputs.map(known)
        var stream = inputs.first ?? Stream()
        switch step.kind.lowercased() {
        case "source": return source(step)
        case "sink", "assert": return stream
        case "select": return call("mapColumn", step).map { selected(stream, $0) } ?? stream
        case "derive", "cast", "stringify", "parse":
            assign(step.arguments, to: &stream, from: stream, kind: "transformation")
        case "filter", "alterrow", "split":
            for value in values(step) { stream.rows.formUnion(used(value, stream, "filter")) }
        case "sort": for value in values(step) { stream.rows.formUnion(used(value, stream, "sort")) }
        case "join", "lookup", "exists":
            let isExists = step.kind.lowercased() == "exists"
            let both = joined(inputs)
            stream = isExists ? stream : both
            stream.rows = both.rows
            for value in values(step) { stream.rows.formUnion(used(value, both, "join")) }
        case "union": stream = united(inputs, byName: isTrue("byName", step))
        case "aggregate": return aggregated(stream, step)
        case "window":
            let input = stream
            var over: Set<Origin> = []
            for value in values(step) { over.formUnion(used(value, input, "window")) }
            let before = stream.columns.count
            assign(step.arguments, to: &stream, from: input, kind: "aggregation")
            for index in stream.columns.indices where index >= before { stream.columns[index].origins.formUnion(over) }
        case "rank", "keygenerate":
            var over: Set<Origin> = []
            for value in values(step) where !isCall("output", value) { over.formUnion(used(value, stream, "window")) }
            for argument in call("output", step) ?? [] {
                guard case .typed(let name, _) = argument else { continue }
                stream.columns.append(.init(name: name, origins: over, streams: []))
            }
        case "call": called(step, &stream)
        default: stream.unknown = stream.unknown ?? "the transformation '\(step.kind)' has no rule"
        }
        return stream
    }

    private func source(_ step: DataFlowScript.Step) -> Stream {
        let place = places[step.name.lowercased()] ?? step.name
        let columns = (call("output", step) ?? []).compactMap { argument -> Stream.Column? in
            guard case .typed(let name, _) = argument else { return nil }
            return .init(name: name, origins: [Origin(place: place, column: name, kind: "identity")], streams: [])
        }
        return Stream(
            columns: columns,
            unknown: columns.isEmpty ? "the source '\(step.name)' declares no columns" : nil
        )
    }

    func selected(_ input: Stream, _ mapping: [DataFlowArgument]) -> Stream {
        var stream = Stream(rows: input.rows, unknown: input.unknown)
        for argument in mapping {
            switch argument {
            case .value(let value):
                guard case .column(let name, _) = value.kind, let found = column(value, input) else {
                    stream.unknown = stream.unknown ?? "columns are chosen by a pattern"
                    continue
                }
                stream.columns.append(.init(name: name, origins: found.origins, streams: []))
            case .assignment(let target, let value):
                guard case .column(let name, _) = target.kind else {
                    stream.unknown = stream.unknown ?? "columns are chosen by a pattern"
                    continue
                }
                let origins = column(value, input)?.origins ?? used(value, input, "transformation")
                stream.columns.append(.init(name: name, origins: origins, streams: []))
            default: continue
            }
        }
        return stream
    }

    private func joined(_ inputs: [Stream]) -> Stream {
        var stream = inputs.first ?? Stream()
        for other in inputs.dropFirst() {
            stream.columns += other.columns
            stream.rows.formUnion(other.rows)
            stream.unknown = stream.unknown ?? other.unknown
        }
        return stream
    }

    private func united(_ inputs: [Stream], byName: Bool) -> Stream {
        var stream = inputs.first ?? Stream()
        for other in inputs.dropFirst() {
            stream.rows.formUnion(other.rows)
            stream.unknown = stream.unknown ?? other.unknown
            for (index, column) in other.columns.enumerated() {
                let place =
                    byName
                    ? stream.columns.firstIndex { $0.name.lowercased() == column.name.lowercased() }
                    : stream.columns.indices.contains(index) ? index : nil
                if let place {
                    stream.columns[place].origins.formUnion(column.origins)
                } else {
                    stream.columns.append(column)
                }
            }
        }
        return stream
    }

    private func aggregated(_ input: Stream, _ step: DataFlowScript.Step) -> Stream {
        var stream = Stream(rows: input.rows, unknown: input.unknown)
        for argument in call("groupBy", step) ?? [] {
            switch argument {
            case .value(let value):
                guard let found = column(value, input) else { continue }
                stream.columns.append(.init(name: found.name, origins: found.origins, streams: []))
                stream.rows.formUnion(used(value, input, "group_by"))
            case .assignment(let target, let value):
                guard case .column(let name, _) = target.kind else { continue }
                stream.columns.append(.init(name: name, origins: used(value, input, "transformation"), streams: []))
                stream.rows.formUnion(used(value, input, "group_by"))
            default: continue
            }
        }
        assign(step.arguments, to: &stream, from: input, kind: "aggregation")
        return stream
    }

    /// Adds the columns of assignments, or puts them in the place of those of the same name.
    private func assign(_ arguments: [DataFlowArgument], to stream: inout Stream, from input: Stream, kind: String) {
        var before = input
        for argument in arguments {
            let pair: (DataFlowExpression, DataFlowExpression)
            switch argument {
            case .assignment(let target, let value): pair = (target, value)
            case .converted(let target, let value, _): pair = (target, value)
            case .value(let value):
                // A pattern writes columns that only a run knows; grouping and sorting are calls too.
                if isCall("each", value) { stream.unknown = stream.unknown ?? "columns are made by a pattern" }
                if isCall("output", value), kind == "transformation", case .call(_, let typed, _) = value.kind {
                    for case .typed(let name, _) in typed {
                        guard let at = stream.columns.firstIndex(where: { $0.name.lowercased() == name.lowercased() })
                        else { continue }
                        stream.columns[at].origins = computed(stream.columns[at].origins, kind)
                    }
                }
                continue
            default: continue
            }
            guard case .column(let name, _) = pair.0.kind else {
                stream.unknown = stream.unknown ?? "columns are made by a pattern"
                continue
            }
            let origins = column(pair.1, before)?.origins ?? used(pair.1, before, kind)
            if let at = stream.columns.firstIndex(where: { $0.name.lowercased() == name.lowercased() }) {
                stream.columns[at].origins = origins
            } else {
                stream.columns.append(.init(name: name, origins: origins, streams: []))
            }
            // Later columns of a derive see earlier ones.
            if kind == "transformation" { before = stream }
        }
    }

    // MARK: - Expressions

    /// The column that an expression names; nil for any other expression.
    private func column(_ expression: DataFlowExpression, _ stream: Stream) -> Stream.Column? {
        guard case .column(let name, let from) = expression.kind else { return nil }
        return stream.columns.first {
            $0.name.lowercased() == name.lowercased() && (from.map { $0.lowercased() }.map($0.streams.contains) ?? true)
        }
    }

    /// What an expression depends on; its values count as computed in the given way, its conditions as conditions.
    private func used(_ expression: DataFlowExpression, _ stream: Stream, _ kind: String) -> Set<Origin> {
        switch expression.kind {
        case .column: return computed(column(expression, stream)?.origins ?? [], kind)
        case .call(let name, let arguments, _):
            var found: Set<Origin> = []
            for (index, argument) in arguments.enumerated() {
                let isCondition =
                    ["iif", "case"].contains(name.lowercased()) && index % 2 == 0
                    && index + 1 < arguments.count
                for part in parts(argument) { found.formUnion(used(part, stream, isCondition ? "conditional" : kind)) }
            }
            return found
        case .member(let inner, _), .unary(_, let inner): return used(inner, stream, kind)
        case .index(let a, let b), .binary(_, let a, let b):
            return used(a, stream, kind).union(used(b, stream, kind))
        case .array(let list), .interpolation(let list):
            return list.reduce(into: []) { $0.formUnion(used($1, stream, kind)) }
        case .structure(let members):
            return members.reduce(into: []) { $0.formUnion(used($1.value, stream, kind)) }
        default: return []
        }
    }

    /// Values that are computed with are no more than that; what only decided stays as it was.
    func computed(_ origins: Set<Origin>, _ kind: String) -> Set<Origin> {
        Set(
            origins.map { origin in
                var origin = origin
                let rank = ["identity", "transformation", "aggregation"]
                guard let own = rank.firstIndex(of: origin.kind) else { return origin }
                guard let new = rank.firstIndex(of: kind) else {
                    origin.kind = kind
                    return origin
                }
                origin.kind = rank[max(own, new)]
                return origin
            }
        )
    }

    private func parts(_ argument: DataFlowArgument) -> [DataFlowExpression] {
        switch argument {
        case .value(let value), .property(_, let value): [value]
        case .assignment(_, let value), .converted(_, let value, _): [value]
        case .typed: []
        }
    }

    private func values(_ step: DataFlowScript.Step) -> [DataFlowExpression] {
        step.arguments.compactMap { if case .value(let value) = $0 { value } else { nil } }
    }

    private func isCall(_ name: String, _ value: DataFlowExpression) -> Bool {
        if case .call(let found, _, _) = value.kind { found.lowercased() == name.lowercased() } else { false }
    }

    func call(_ name: String, _ step: DataFlowScript.Step) -> [DataFlowArgument]? {
        for value in values(step) where isCall(name, value) {
            if case .call(_, let arguments, _) = value.kind { return arguments }
        }
        return nil
    }

    private func isTrue(_ name: String, _ step: DataFlowScript.Step) -> Bool {
        step.arguments.contains { argument in
            if case .property(name, let value) = argument, case .boolean(true) = value.kind { true } else { false }
        }
    }
}
