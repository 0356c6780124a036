/// Columns through flowlets and external calls.
extension DataFlowLineage {
    /// What an answer holds depends on all that was sent.
    func called(_ step: DataFlowScript.Step, _ stream: inout Stream) {
        let input = stream
        let sent = call("mapColumn", step).map { selected(input, $0) } ?? input
        stream.unknown = stream.unknown ?? sent.unknown
        let origins = computed(sent.columns.reduce(into: []) { $0.formUnion($1.origins) }, "transformation")
        let declared = (call("output", step) ?? []).compactMap { argument -> String? in
            if case .typed(let name, _) = argument { name } else { nil }
        }
        for name in declared.isEmpty ? ["body"] : declared {
            stream.columns.removeAll { $0.name.lowercased() == name.lowercased() }
            stream.columns.append(.init(name: name, origins: origins, streams: []))
        }
    }

    /// The streams that a flowlet's outputs are in the flow that runs it.
    func composed(_ step: DataFlowScript.Step) -> [String: Stream] {
        let name = step.name.lowercased()
        let names = step.branches.isEmpty ? [name] : step.branches.map { "\(name)@\($0.lowercased())" }
        guard let flowlet = flowlets[name] else {
            let unknown = Stream(unknown: "the flowlet of '\(step.name)' is not known")
            return Dictionary(names.map { ($0, unknown) }, uniquingKeysWith: { first, _ in first })
        }
        let inputs = Self.inOrder(flowlet.order.filter { $0.kind == "input" })
        var inner = DataFlowLineage(places: [:], flowlets: flowlet.flowlets)
        let mapping = call("mapColumn", step) ?? []
        for (input, given) in zip(inputs, step.inputs) {
            var stream = known(given)
            if inputs.count == 1, !mapping.isEmpty { stream = selected(stream, mapping) }
            if inputs.count > 1, !mapping.isEmpty {
                stream.unknown = stream.unknown ?? "columns of several inputs are mapped"
            }
            inner.feed(input, stream)
        }
        let outputs = inner.outputs(flowlet.order)
        var streams: [String: Stream] = [:]
        for (branch, name) in zip(step.branches.isEmpty ? [outputs.keys.first ?? ""] : step.branches, names) {
            var stream = outputs[branch.lowercased()] ?? Stream(unknown: "the flowlet has no output '\(branch)'")
            for index in stream.columns.indices { stream.columns[index].streams = [step.name.lowercased()] }
            streams[name] = stream
        }
        return streams
    }

    private static func inOrder(_ inputs: [DataFlowScript.Step]) -> [String] {
        inputs.enumerated().sorted { ($0.element.place, $0.offset) < ($1.element.place, $1.offset) }
            .map(\.element.name)
    }

    private mutating func outputs(_ order: [DataFlowScript.Step]) -> [String: Stream] {
        var found: [String: Stream] = [:]
        for step in order where step.kind != "input" {
            guard step.kind == "output" else {
                _ = sinks(of: [step])
                continue
            }
            var stream = known(step.inputs.first ?? "")
            if let mapping = call("mapColumn", step) { stream = selected(stream, mapping) }
            found[step.name.lowercased()] = stream
        }
        return found
    }
}

extension DataFlowScript.Step {
    /// What `order:` says of an input or output.
    fileprivate var place: Int64 {
        for case .property("order", let value) in arguments {
            if case .integer(let number) = value.kind { return number }
        }
        return 0
    }
}
