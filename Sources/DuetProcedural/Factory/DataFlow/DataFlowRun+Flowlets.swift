internal import DuckKit
internal import DuetFactory

/// `compose(composition: 'name')`: a flowlet, run within the flow that uses it.
///
/// Source: concepts-data-flow-flowlet, data-flow-flowlet; the form of the script is that of public factories.
extension DataFlowRun {
    func compose(_ step: DataFlowScript.Step) throws {
        let name = step.text("composition") ?? step.name
        guard let flow = surroundings.flow.flowlets[step.name.lowercased()] else {
            throw DataFlowError(
                "the factory has no flowlet '\(name)'",
                at: step.offset,
                hint: "define it as a data flow of the type Flowlet"
            )
        }
        let inner: DataFlowRun
        do {
            let (script, order) = try flow.source.parsed()
            inner = DataFlowRun(
                connection,
                script,
                order: order,
                .init(flow, surroundings.call, surroundings.environment),
                prefix: "\(prefix)\(newNumber())_",
                record: record
            )
        } catch let error {
            throw DataFlowHandler.failure(error, flow)
        }
        let feeds = try feeds(step, inner)
        let outputs: [(name: String, stream: DataFlowStream)]
        do {
            try inner.setParameters(flow.parameters, in: self)
            outputs = try inner.perform(feeds)
        } catch let error as DataFlowError {
            throw DataFlowHandler.failure(flow.source.error(error), flow)
        }
        try hand(outputs, to: step, of: name)
    }

    /// What flows into each input of the flowlet: the columns, and where they come from.
    private func feeds(_ step: DataFlowScript.Step, _ inner: DataFlowRun) throws -> [String: Feed] {
        let inputs = inner.inOrder("input")
        guard inputs.count == step.inputs.count else {
            throw DataFlowError(
                "'\(step.name)' is given \(step.inputs.count) streams, its flowlet has \(inputs.count) inputs",
                at: step.offset
            )
        }
        let mapping = step.clause("mapcolumn") ?? []
        var feeds: [String: Feed] = [:]
        for (input, name) in zip(inputs, step.inputs) {
            let stream = try stream(name, for: step)
            let own = mapping.compactMap { Self.argument($0, for: input, among: inputs) }
            let items = own.isEmpty ? items(stream) : try assigned(own, stream, writer(stream))
            feeds[input.name.lowercased()] = Feed(items: items, relation: stream.relation)
        }
        return feeds
    }

    private struct Feed {
        var items: [DataFlowItem]
        var relation: String
    }

    /// The part of a mapping that is an input's: `input@column = value`, or, without the input, a column it declares.
    private static func argument(
        _ argument: DataFlowArgument,
        for input: DataFlowScript.Step,
        among inputs: [DataFlowScript.Step]
    ) -> DataFlowArgument? {
        let target: DataFlowExpression
        switch argument {
        case .assignment(let name, _): target = name
        case .value(let name): target = name
        default: return argument
        }
        guard case .column(let name, let stream) = target.kind else { return argument }
        if let stream, case .assignment(_, let value) = argument {
            guard stream.lowercased() == input.name.lowercased() else { return nil }
            return .assignment(.init(kind: .column(name, stream: nil), offset: target.offset), value)
        }
        let isOwn = inputs.count == 1 || input.declared.contains { $0.name.lowercased() == name.lowercased() }
        return isOwn ? argument : nil
    }

    private func inOrder(_ kind: String) -> [DataFlowScript.Step] {
        script.steps.enumerated().filter { $0.element.kind == kind }
            .sorted { ($0.element.number("order") ?? 0, $0.offset) < ($1.element.number("order") ?? 0, $1.offset) }
            .map(\.element)
    }

    /// Runs the flowlet's own transformations.
    private func perform(_ feeds: [String: Feed]) throws -> [(name: String, stream: DataFlowStream)] {
        for step in order {
            switch step.kind {
            case "input":
                if let feed = feeds[step.name.lowercased()] { try take(feed, as: step) }
            case "output": try give(step)
            case "source", "sink":
                throw DataFlowError(
                    "'\(step.name)' is a \(step.kind) within a flowlet, which duet does not run",
                    at: step.offset,
                    hint: "a flowlet takes its rows from inputs and gives them to outputs"
                )
            default: try transform(step)
            }
        }
        return try inOrder("output").map { ($0.name, try stream($0.name, for: $0)) }
    }

    /// The declared columns by their names, null where the stream has none, and what else flows in.
    private func take(_ feed: Feed, as step: DataFlowScript.Step) throws {
        var items: [DataFlowItem] = []
        var used: Set<Int> = []
        for (name, type) in step.declared {
            let place = feed.items.firstIndex { !$0.isHidden && $0.name.lowercased() == name.lowercased() }
            if let place { used.insert(place) }
            items.append(
                DataFlowItem(
                    name: name,
                    sql: DataFlowTypes.cast(place.map { feed.items[$0].sql } ?? "NULL", to: type)
                )
            )
        }
        let isOpen = step.declared.isEmpty || step.flag("allowSchemaDrift") != false
        for (number, item) in feed.items.enumerated() where !used.contains(number) {
            if isOpen || item.isHidden { items.append(item) }
        }
        try define(step.name, items, "FROM \(feed.relation)", step: step)
    }

    private func give(_ step: DataFlowScript.Step) throws {
        guard let input = step.inputs.first else {
            throw DataFlowError("the output '\(step.name)' reads no stream", at: step.offset)
        }
        let stream = try stream(input, for: step)
        let mapping = step.clause("mapcolumn") ?? []
        let items = mapping.isEmpty ? items(stream) : try assigned(mapping, stream, writer(stream))
        try define(step.name, items, "FROM \(stream.relation)", step: step)
    }

    /// Makes the flowlet's outputs streams of this flow: `Step@output`, or the step itself when there is but one.
    private func hand(
        _ outputs: [(name: String, stream: DataFlowStream)],
        to step: DataFlowScript.Step,
        of flowlet: String
    ) throws {
        func define(_ name: String, _ stream: DataFlowStream) throws {
            try self.define(name, items(stream), "FROM \(stream.relation)", step: step)
        }
        if step.branches.isEmpty, let only = outputs.first, outputs.count == 1 {
            return try define(step.name, only.stream)
        }
        for branch in step.branches {
            guard let output = outputs.first(where: { $0.name.lowercased() == branch.lowercased() }) else {
                throw DataFlowError(
                    "the flowlet '\(flowlet)' has no output '\(branch)'",
                    at: step.offset,
                    hint: "it has: \(outputs.map(\.name).joined(separator: ", "))"
                )
            }
            try define("\(step.name)@\(branch)", output.stream)
        }
    }
}
