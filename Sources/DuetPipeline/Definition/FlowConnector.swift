/// Connects flows with the tables they feed.
///
/// A flow beside others becomes a dataset of its own, hidden behind its table. So it has its own position in what it reads,
/// fails and is retried on its own, and both styles treat it as they treat any dataset; the table is what follows from its
/// flows' rows.
struct FlowConnector {
    private(set) var errors: [DuetError] = []
    private(set) var result: [Dataset] = []
    private let datasets: [Dataset]
    private let flows: [FlowStatement]

    init(datasets: [Dataset], flows: [FlowStatement]) {
        self.datasets = datasets
        self.flows = flows
    }

    mutating func connect() {
        let names = Set(datasets.map(\.name))
        for flow in flows where !names.contains(flow.target) {
            let known = datasets.filter { $0.kind == .streamingTable }.map(\.name.description)
            complain(
                .unknownTable,
                "no table '\(flow.target)' is declared for this flow",
                hint: Suggestion.hint(for: flow.target.description, among: known, noun: "streaming tables")
                    ?? "add: CREATE STREAMING TABLE \(flow.target);",
                at: flow
            )
        }
        for dataset in datasets { connect(dataset, with: flows.filter { $0.target == dataset.name }) }
    }

    private mutating func connect(_ dataset: Dataset, with flows: [FlowStatement]) {
        guard !flows.isEmpty else {
            if dataset.flows.isEmpty {
                errors.append(
                    DuetError(
                        .sqlSyntax,
                        "the streaming table '\(dataset.name)' has neither a query nor a flow",
                        hint: "add AS and a query, or: CREATE FLOW name AS INSERT INTO \(dataset.name) BY NAME query",
                        at: dataset.location
                    )
                )
            }
            result.append(dataset)
            return
        }
        guard dataset.kind == .streamingTable else {
            complain(
                .unsupported,
                "'\(dataset.name)' is a \(dataset.kind.rawValue); flows feed streaming tables",
                hint: "declare it as STREAMING TABLE",
                at: flows[0]
            )
            return
        }
        let captures = flows.filter { $0.capture != nil }
        if let capture = captures.first, captures.count > 1, captures.count == flows.count, dataset.flows.isEmpty {
            connect(dataset, captures: captures, first: capture)
        } else if let capture = captures.first {
            connect(dataset, capture: capture, isAlone: flows.count == 1 && dataset.flows.isEmpty)
        } else {
            connect(dataset, appends: flows)
        }
    }

    private mutating func connect(_ dataset: Dataset, capture flow: FlowStatement, isAlone: Bool) {
        guard isAlone else {
            complain(
                .unsupported,
                "'\(dataset.name)' has a flow of rows besides change events",
                hint: "bring the events together first: one table with several flows, and AUTO CDC INTO from that",
                at: flow
            )
            return
        }
        var dataset = dataset
        dataset.capture = flow.capture
        if flow.readsDataset {
            dataset.flows = [Flow(name: dataset.name.description, query: flow.query, location: flow.location)]
        } else {
            let events = hidden(flow, named: flow.name ?? "events", of: dataset)
            result.append(events)
            dataset.flows = [uniting([events.name], of: dataset, for: flow)]
        }
        result.append(dataset)
    }

    /// Several flows of change events: their events together, and the table from those.
    private mutating func connect(_ dataset: Dataset, captures flows: [FlowStatement], first: FlowStatement) {
        guard let capture = first.capture else { return }
        if let other = flows.first(where: { $0.capture?.definition != capture.definition }) {
            complain(
                .unsupported,
                "the change flows into '\(dataset.name)' differ in more than what they read",
                hint:
                    "give all of them the same KEYS, SEQUENCE BY and other clauses; rename columns in FROM (SELECT ...)",
                at: other
            )
            return
        }
        var events = hidden(first, named: "events", of: dataset)
        events.isOnce = false
        events.flows = []
        let inner = result.count
        let plain = flows.enumerated().map { index, flow in
            var flow = flow
            flow.name = flow.name ?? "\(index + 1)"
            flow.capture = nil
            return flow
        }
        connect(events, appends: plain)
        for index in inner..<result.count {
            result[index].flowTarget = dataset.name
            // Events that are read without STREAM(...) are all the rows there are.
            if result[index].unitedFlows.isEmpty, result[index].flows.first?.query.streamOffsets.isEmpty == true,
                !result[index].isOnce
            {
                result[index].kind = .materializedView
            }
        }
        var dataset = dataset
        dataset.capture = capture
        dataset.flows = [uniting([events.name], of: dataset, for: first)]
        result.append(dataset)
    }

    private mutating func connect(_ dataset: Dataset, appends flows: [FlowStatement]) {
        var dataset = dataset
        if dataset.flows.isEmpty, flows.count == 1, !flows[0].isOnce {
            let name = flows[0].name ?? dataset.name.description
            dataset.flows = [Flow(name: name, query: flows[0].query, location: flows[0].location)]
            dataset.isFedByName = true
            result.append(dataset)
            return
        }
        var names: [DatasetName] = []
        if let own = dataset.flows.first {
            let statement = FlowStatement(
                target: dataset.name,
                query: own.query,
                location: own.location,
                targetLocation: dataset.location,
                excerpt: ""
            )
            result.append(hidden(statement, named: dataset.name.table, of: dataset))
            names.append(result[result.count - 1].name)
        }
        for flow in flows {
            let made = hidden(flow, named: flow.name ?? "flow", of: dataset)
            if names.contains(made.name) {
                complain(
                    .duplicateName,
                    "'\(dataset.name)' has two flows named '\(flow.name ?? "")'",
                    hint: "give each flow a name of its own; the table's query has the table's name",
                    at: flow
                )
                continue
            }
            names.append(made.name)
            result.append(made)
        }
        dataset.unitedFlows = names
        dataset.isFedByName = true
        dataset.flows = [uniting(names, of: dataset, for: flows[0])]
        result.append(dataset)
    }

    /// A flow as a dataset; `@` keeps its name apart from those that users write.
    private func hidden(_ flow: FlowStatement, named name: String, of target: Dataset) -> Dataset {
        var dataset = target
        dataset.name = DatasetName(schema: target.name.schema, table: "\(target.name.table)@\(name)")
        dataset.visibility = .private
        dataset.columns = []
        dataset.isFedByName = false
        dataset.expectations = []
        dataset.tableChecks = []
        dataset.comment = "a flow into \(target.name)"
        dataset.flows = [Flow(name: dataset.name.description, query: flow.query, location: flow.location)]
        dataset.location = flow.location
        dataset.flowTarget = target.name
        dataset.capture = nil
        dataset.isOnce = flow.isOnce
        return dataset
    }

    /// What the graph is drawn from; the query that runs is written when the flows' columns are known.
    private func uniting(_ names: [DatasetName], of dataset: Dataset, for flow: FlowStatement) -> Flow {
        let selects = names.map { "SELECT * FROM \"\(Self.doubled($0.schema))\".\"\(Self.doubled($0.table))\"" }
        let select = selects.joined(separator: " UNION ALL BY NAME ")
        let query = Query(
            text: flow.query.text.replaced(by: select),
            streamOffsets: [],
            fileReads: [],
            original: flow.query.original
        )
        return Flow(name: dataset.name.description, query: query, location: dataset.location)
    }

    private static func doubled(_ name: String) -> String {
        name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
    }

    private mutating func complain(
        _ code: DuetError.Code,
        _ message: String,
        hint: String,
        at flow: FlowStatement
    ) {
        errors.append(DuetError(code, message, hint: hint, at: flow.targetLocation, excerpt: flow.excerpt))
    }
}
