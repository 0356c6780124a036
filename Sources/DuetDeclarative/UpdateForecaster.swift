internal import DuckKit
internal import DuetEngine
internal import DuetMaintenance
internal import DuetPipeline

/// Says what an update will do to each dataset, with the rules and the cost model the update itself goes by.
struct UpdateForecaster {
    let request: RunRequest
    let graph: DatasetGraph
    let state: RefreshState
    /// The rows each dataset has now.
    let rows: [DatasetName: Int]
    let connection: Connection
    /// The datasets that are told of whatever the number of others; nil for the first ones that come.
    var wanted: Set<DatasetName>?
    /// Whether the statements are told too.
    var tellsSQL = false
    /// The datasets with rows that are refreshed before others: what they change is not known yet.
    var changing: Set<DatasetName> = []
    /// How many views' rules are worked out when all datasets are asked for: each takes milliseconds.
    var mostCompiled = 100

    private var compiled = 0
    private var scratch: Scratch?
    var aggregates: Set<String>?
    private var records: [String: ViewRecords]?

    /// A database in memory with an empty table for each dataset that could be bound.
    private struct Scratch {
        var connection: Connection
        var known: Set<DatasetName>
    }

    init(
        _ request: RunRequest,
        graph: DatasetGraph,
        state: RefreshState,
        rows: [DatasetName: Int],
        connection: Connection
    ) {
        self.request = request
        self.graph = graph
        self.state = state
        self.rows = rows
        self.connection = connection
    }

    /// The forecast for a step of a plan.
    mutating func forecast(_ step: RefreshPlan.Step) throws -> RefreshForecast {
        guard let node = graph[step.dataset] else { return RefreshForecast(.nothing, why: step.reason) }
        if step.decision == .nothing { return RefreshForecast(.nothing, why: step.reason) }
        if step.kind == .view {
            return RefreshForecast(.nothing, why: "a view is a name for its query, which runs when it is read")
        }
        switch step.decision {
        case .create: return try anew(node, step, "there are no rows yet that changes could be taken into")
        case .rebuild: return try anew(node, step, reasonToRebuild(node))
        default: break
        }
        if step.kind == .materializedView || !node.dataset.unitedFlows.isEmpty { return try ofView(node, step) }
        return try ofStream(node, step)
    }

    // MARK: - Anew

    private mutating func anew(
        _ node: DatasetGraph.Node,
        _ step: RefreshPlan.Step,
        _ whyNot: String
    ) throws -> RefreshForecast {
        var forecast = RefreshForecast(.full, why: step.reason, whyNotCheaper: whyNot)
        let inputs = node.inputs.map { rows[$0] }
        if node.sources.isEmpty, inputs.allSatisfy({ $0 != nil }) {
            forecast.rowsToRead = inputs.compactMap { $0 }.reduce(0, +)
        }
        if let view = try compile(node, isAnew: true)?.view {
            describe(view, into: &forecast)
            if tellsSQL { forecast.statements = view.program.nodes.flatMap(\.create) }
            return forecast
        }
        if node.dataset.kind == .streamingTable, node.dataset.unitedFlows.isEmpty {
            let later = try ofStream(node, step)
            forecast.blocks = later.strategy == .full ? [] : later.blocks
            if later.strategy == .full { forecast.issues = [later.whyNotCheaper].compactMap { $0 } }
        }
        if tellsSQL, let text = node.dataset.flows.first?.query.text.text { forecast.statements = [text] }
        return forecast
    }

    private func reasonToRebuild(_ node: DatasetGraph.Node) -> String {
        guard let own = state.datasets[node.dataset.name] else { return "it has no rows yet" }
        if own.definition != node.dataset.definition {
            return "rows that the old definition made cannot be told from those that the new one would make"
        }
        if let input = node.inputs.first(where: { (own.seen[$0] ?? -1) < state.datasets[$0]?.base ?? -1 }) {
            return "\(input) was made anew with other columns, so there is no change of it to take"
        }
        return "you asked for it"
    }

    // MARK: - Views

    private mutating func ofView(_ node: DatasetGraph.Node, _ step: RefreshPlan.Step) throws -> RefreshForecast {
        let dataset = node.dataset
        guard let (query, view) = try compile(node, isAnew: false) else {
            return RefreshForecast(
                .incremental,
                why: step.reason,
                whyNotCheaper: "its rules were not looked at, since many datasets are to be refreshed; --dataset "
                    + "\(dataset.name) tells them"
            )
        }
        guard let view else {
            var forecast = RefreshForecast(
                .full,
                why: step.reason,
                whyNotCheaper: "it reads files in full at every update; a streaming table reads each file once"
            )
            if tellsSQL { forecast.statements = [query.text.text] }
            return forecast
        }
        let unknown = node.inputs.first { view.deltas[$0] == nil && graph[$0]?.dataset.kind != .view }
        var (known, kinds, passedOver) = try concerning(view, dataset, unknown)
        let difference = WayChoice.passingOver(passedOver.map(\.description))
        if let difference, known.isEmpty, unknown == nil, changing.isDisjoint(with: view.deltas.keys) {
            return RefreshForecast(.nothing, why: "\(step.reason); \(difference)")
        }
        // What is not known yet is asked about as the smallest change there can be: where it flips is told with it.
        var changes = known
        if step.decision == .ifInputsChange || known.isEmpty {
            for name in view.deltas.keys where changes[name.key] == nil { changes[name.key] = 1 }
        }
        let choice: WayChoice
        do {
            choice = try WayChoice(
                dataset,
                view,
                unknown: unknown,
                changes: changes,
                kinds: kinds,
                rows: { rows[$0] },
                records: try records(of: dataset.name),
                self.connection
            )
        } catch let error as DuetError {
            return RefreshForecast(.full, why: "the update will fail: \(error.message)", whyNotCheaper: error.hint)
        }
        let why = [step.reason, difference].compactMap { $0 }.joined(separator: "; ")
        // A policy may ask for changes where there is no rule for them; the query then runs over everything.
        let isIncremental = choice.way == .incremental && view.program.isIncremental
        var forecast = RefreshForecast(isIncremental ? .incremental : .full, why: why)
        forecast.changes = Dictionary(
            known.compactMap { key, rows in view.deltas.keys.first { $0.key == key }.map { ($0.description, rows) } }
        ) { first, _ in first }
        forecast.flipsAt = choice.cost?.flipsAt
        describe(view, into: &forecast)
        if isIncremental {
            forecast.rowsToRead = changing.isDisjoint(with: view.deltas.keys) ? known.values.reduce(0, +) : nil
            forecast.whyNotCheaper = forecast.issues.first ?? choice.again
        } else {
            forecast.rowsToRead = view.deltas.keys.reduce(0) { $0 + (rows[$1] ?? 0) }
            let why =
                choice.way == .incremental
                ? forecast.issues.first : choice.cost.map { Self.text($0, view.program, known) } ?? choice.reason
            forecast.whyNotCheaper = choice.again.map { "\(why ?? ""); \($0)" } ?? why
        }
        if tellsSQL {
            if kinds.isEmpty { kinds = Dictionary(view.program.inputs.map { ($0, .mixed) }) { first, _ in first } }
            let isRead = graph.nodes.contains { $0.inputs.contains(step.dataset) }
            forecast.statements = Self.statements(
                try changesAsTables(view, state.datasets[dataset.name], choice),
                view,
                choice,
                kinds,
                readsChange: DatasetUpdate.readsChange(of: dataset, hasReaders: isRead),
                rows: rows[step.dataset]
            )
        }
        return forecast
    }

    /// The changes that wait for a view and make a difference to it, by input, and the inputs whose changes make none.
    private mutating func concerning(
        _ view: MaintainedView,
        _ dataset: Dataset,
        _ unknown: DatasetName?
    ) throws -> (rows: [String: Int], kinds: [String: ChangeKind], passedOver: [DatasetName]) {
        let own = state.datasets[dataset.name]
        var waiting: [(name: DatasetName, seen: Int, rows: Int, kind: ChangeKind)] = []
        for name in view.deltas.keys.sorted() {
            let seen = own?.seen[name] ?? 0
            guard let change = try pending(name, since: seen), change.rows > 0 else { continue }
            waiting.append((name, seen, change.rows, change.kind))
        }
        var sizes = Dictionary(waiting.map { ($0.name.key, $0.rows) }) { first, _ in first }
        var kinds = Dictionary(waiting.map { ($0.name.key, $0.kind) }) { first, _ in first }
        // Where the policy has everything computed, or looks have not helped before, an update does not look either.
        guard dataset.refreshPolicy != .full else { return (sizes, kinds, []) }
        if unknown == nil {
            let early = try WayChoice.withoutLook(
                dataset,
                view,
                changes: sizes,
                kinds: kinds,
                rows: { rows[$0] },
                records: try records(of: dataset.name),
                connection
            )
            if early != nil { return (sizes, kinds, []) }
        }
        var passedOver: [DatasetName] = []
        for change in waiting where try !concerns(view, change.name, (change.rows, change.kind), since: change.seen) {
            passedOver.append(change.name)
            sizes[change.name.key] = nil
            kinds[change.name.key] = nil
        }
        return (sizes, kinds, passedOver)
    }

    /// Whether a change that waits makes a difference to a view, as far as that can be known now; see `InputUse`.
    private func concerns(
        _ view: MaintainedView,
        _ name: DatasetName,
        _ change: (rows: Int, kind: ChangeKind),
        since version: Int
    ) throws -> Bool {
        guard let input = graph[name]?.dataset, !changing.contains(name), let use = view.program.uses[name.key] else {
            return true
        }
        let store = DatasetStore(dataset: input, connection: connection)
        let columns = try store.visibleColumns(of: store.published).map(\.name)
        let delta = "(\(store.changeQuery(since: version, columns: columns)))"
        guard let look = use.look(at: change.kind, delta: delta) else { return true }
        let row = try connection.rows(look.query).first?.map(\.int) ?? []
        return look.finding(row, of: change.rows) != .nothing
    }

    private mutating func records(of dataset: DatasetName) throws -> ViewRecords {
        let all = try records ?? ViewRecords.load(connection)
        records = all
        return all[dataset.description] ?? ViewRecords()
    }

    /// Why computing everything is expected to cost less, in words that hold before the size of the change is known.
    private static func text(_ cost: CostChoice, _ program: ViewProgram, _ known: [String: Int]) -> String {
        guard program.isIncremental else { return cost.reason }
        let count = known.values.reduce(0, +)
        let what = known.isEmpty ? "even one changed row" : "\(count) changed row\(count == 1 ? "" : "s")"
        return
            "taking \(what) over is expected to take \(Self.milliseconds(cost.incrementalSeconds)), computing everything "
            + Self.milliseconds(cost.fullSeconds)
    }

    private static func milliseconds(_ seconds: Double) -> String {
        let tenths = Int((seconds * 10_000).rounded())
        return "\(tenths / 10).\(tenths % 10) ms"
    }

    private func describe(_ view: MaintainedView, into forecast: inout RefreshForecast) {
        forecast.blocks = view.program.blocks.map(RefreshForecast.Block.init)
        forecast.issues = view.program.issues
    }

    /// The rows of a change that waits in the log; nil when the input itself is not made yet.
    func pending(_ name: DatasetName, since version: Int) throws -> (rows: Int, kind: ChangeKind)? {
        guard let input = state.datasets[name], let dataset = graph[name]?.dataset else { return nil }
        guard input.version > version else { return (0, .insertsOnly) }
        let store = DatasetStore(dataset: dataset, connection: connection)
        let columns = try store.visibleColumns(of: store.published)
        let row =
            try connection.rows(
                "SELECT count(*), min(__w)::BIGINT, max(__w)::BIGINT "
                    + "FROM (\(store.changeQuery(since: version, columns: columns.map(\.name))))"
            ).first ?? []
        guard row.count == 3, let least = row[1].int, let greatest = row[2].int else { return (0, .insertsOnly) }
        return (row[0].int ?? 0, ChangeKind(least: least, greatest: greatest))
    }

    // MARK: - Rules

    /// A dataset's change rules, bound to the warehouse's tables or to empty ones with the same columns.
    ///
    /// - Returns: The query, the connection it was bound on, and the rules (nil when there can be none); nil when the
    ///   columns of what it reads are not known, or enough rules were worked out.
    private mutating func compile(
        _ node: DatasetGraph.Node,
        isAnew: Bool
    ) throws -> (query: Query, view: MaintainedView?)? {
        if wanted == nil {
            guard compiled < mostCompiled else { return nil }
            compiled += 1
        }
        let needed = graph.resolvedInputs(of: node)
        let isMade = needed.allSatisfy { state.datasets[$0] != nil }
        let connection: Connection
        if isMade {
            connection = self.connection
        } else {
            let scratch = try self.scratch ?? makeScratch()
            self.scratch = scratch
            guard needed.allSatisfy(scratch.known.contains) else { return nil }
            connection = scratch.connection
        }
        guard let query = try DerivedQuery.query(of: node.dataset, connection) else { return nil }
        try ColumnCheck(node.dataset, connection).checkReserved(query)
        let compiler = ViewCompiler(
            pipeline: request.pipeline,
            graph: graph,
            connection: connection,
            state: state,
            isAnew: isAnew
        )
        return (query, try compiler.compile(node, query))
    }

    private func makeScratch() throws -> Scratch {
        let files = try WarehouseState.files(connection).files
        let (scratch, known) = try Validation.scratch(of: request.pipeline, files: files)
        return Scratch(connection: scratch, known: known)
    }
}

extension RefreshForecast.Block {
    /// A block as the compiler of change rules tells of it.
    init(_ block: BlockReport) {
        // A block without groups, windows or joins is a filter or some expressions over what it reads.
        let rule = block.rule == "rows of another node" ? "filter and expressions" : block.rule
        // The table of a block has `__` in its name where the compiler writes `#`.
        let name = block.node.split(separator: "#", omittingEmptySubsequences: false).joined(separator: "__")
        self.init(name: name, rule: rule, strategy: block.strategy.rawValue, reason: block.reason)
    }
}
