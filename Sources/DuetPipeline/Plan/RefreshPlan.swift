/// What the declarative style means to do, dataset by dataset; printed by `duet plan` and walked by the executor.
public struct RefreshPlan: Sendable, Hashable {
    /// What is meant for one dataset.
    public enum Decision: Sendable, Hashable {
        /// It is up to date and nothing before it changes.
        case nothing
        /// It has never been made.
        case create
        /// It must be made anew.
        case rebuild
        /// Its inputs have changed; it takes the changes over.
        case takeChanges
        /// Something before it is refreshed; whether it changes is known only then.
        case ifInputsChange
    }

    /// One dataset's part.
    public struct Step: Sendable, Hashable {
        /// The dataset.
        public var dataset: DatasetName
        /// What kind it is.
        public var kind: Dataset.Kind
        /// The decision.
        public var decision: Decision
        /// Why, in words.
        public var reason: String
        /// The datasets it reads.
        public var inputs: [DatasetName]
        /// What the update is expected to do; nil when nobody asked.
        public var forecast: RefreshForecast?

        /// Creates a step.
        public init(
            dataset: DatasetName,
            kind: Dataset.Kind,
            decision: Decision,
            reason: String,
            inputs: [DatasetName]
        ) {
            self.dataset = dataset
            self.kind = kind
            self.decision = decision
            self.reason = reason
            self.inputs = inputs
        }
    }

    /// The pipeline's name.
    public var name: String
    /// The steps, each after its inputs.
    public var steps: [Step]

    /// Plans an update.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - graph: Its datasets in order.
    ///   - state: What the last updates left.
    ///   - selection: The datasets to refresh; nil for all.
    ///   - rebuild: The datasets to make anew whatever their state.
    public init(
        _ pipeline: Pipeline,
        graph: DatasetGraph,
        state: RefreshState,
        selection: Set<DatasetName>? = nil,
        rebuild: Set<DatasetName> = []
    ) {
        name = pipeline.name
        steps = []
        var changing: Set<DatasetName> = []
        for node in graph.nodes where selection?.contains(node.dataset.name) ?? true {
            let dataset = node.dataset
            var (decision, reason) = state.decision(for: node, rebuild: rebuild.contains(dataset.name))
            let refreshed = node.inputs.filter(changing.contains)
            if decision == .nothing, !refreshed.isEmpty {
                decision = .ifInputsChange
                reason = "reads \(refreshed.map(\.description).joined(separator: ", "))"
            }
            if decision != .nothing { changing.insert(dataset.name) }
            steps.append(
                Step(dataset: dataset.name, kind: dataset.kind, decision: decision, reason: reason, inputs: node.inputs)
            )
        }
    }
}

/// What the last updates left, as far as planning needs it.
public struct RefreshState: Sendable {
    /// One dataset's state.
    public struct DatasetState: Sendable, Hashable {
        /// The definition it was made from.
        public var definition: String
        /// The update in which its rows last changed.
        public var version: Int
        /// The update in which it was made with the columns it has; changes are known only from then on.
        public var base: Int
        /// For each input, the version of it that was taken over.
        public var seen: [DatasetName: Int]
        /// The source files that were taken over.
        public var files: Set<Int>
        /// Columns of which neither the rows nor any change since a version of it have had a NULL, by name in lower case.
        public var required: [String: Int]

        /// Creates a state.
        public init(
            definition: String,
            version: Int,
            base: Int,
            seen: [DatasetName: Int] = [:],
            files: Set<Int> = [],
            required: [String: Int] = [:]
        ) {
            self.definition = definition
            self.version = version
            self.base = base
            self.seen = seen
            self.files = files
            self.required = required
        }

        /// The declared columns of its dataset that a reader finds no NULL in.
        ///
        /// - Parameters:
        ///   - dataset: The dataset.
        ///   - seen: The version whose rows the reader has taken over; `Int.max` if it reads all rows anew.
        /// - Returns: Their names as they are declared.
        public func required(of dataset: Dataset, since seen: Int) -> [String] {
            dataset.columns.filter(\.isRequired).map(\.name).filter { name in
                required[name.lowercased()].map { $0 <= seen } ?? false
            }
        }
    }

    /// The datasets that exist.
    public var datasets: [DatasetName: DatasetState]
    /// The files each source has now, by number.
    public var files: [String: Set<Int>]

    /// Creates a state.
    public init(datasets: [DatasetName: DatasetState] = [:], files: [String: Set<Int>] = [:]) {
        self.datasets = datasets
        self.files = files
    }

    /// What is to be done for one dataset, going by what is recorded now.
    ///
    /// - Parameters:
    ///   - node: The dataset and its inputs.
    ///   - rebuild: Whether it is to be made anew whatever its state.
    /// - Returns: The decision and its reason in words.
    public func decision(for node: DatasetGraph.Node, rebuild: Bool = false) -> (RefreshPlan.Decision, String) {
        guard let own = datasets[node.dataset.name] else { return (.create, "it has never been made") }
        if rebuild { return (.rebuild, "a full refresh was asked for") }
        var reasons: [String] = []
        if own.definition != node.dataset.definition {
            guard node.dataset.keepsOldRows else { return (.rebuild, "its definition has changed") }
            reasons.append(
                "its definition has changed; rows made before are kept and not made anew, since its pipelines.reset.allowed "
                    + "is false"
            )
        }
        if node.dataset.isOnce { return (.nothing, "it runs once, and again only at a full refresh") }
        for source in node.sources {
            let current = files[source] ?? []
            let wanted = own.files
            let added = current.subtracting(wanted).count
            if added > 0 { reasons.append("\(added) new or changed file\(added == 1 ? "" : "s") of '\(source)'") }
        }
        let current = node.sources.reduce(into: Set<Int>()) { $0.formUnion(files[$1] ?? []) }
        let gone = own.files.subtracting(current).count
        if reasons.isEmpty, gone > 0 { reasons.append("\(gone) file\(gone == 1 ? " is" : "s are") gone") }
        for input in node.inputs {
            guard let state = datasets[input] else { continue }
            let seen = own.seen[input] ?? -1
            if seen < state.base { return (.rebuild, "\(input) was made anew") }
            if seen < state.version { reasons.append("\(input) has changed") }
        }
        if reasons.isEmpty, node.dataset.kind == .materializedView, node.shape.readsClock {
            reasons.append("it reads the clock")
        }
        return reasons.isEmpty
            ? (.nothing, "nothing it reads has changed") : (.takeChanges, reasons.joined(separator: "; "))
    }
}

extension Dataset {
    /// Whether a full refresh is allowed; the table property `pipelines.reset.allowed` forbids it.
    public var allowsReset: Bool {
        properties.last { $0.key.lowercased() == "pipelines.reset.allowed" }?.value.lowercased() != "false"
    }

    /// Whether rows stay as they were made when the query changes: a streaming table that may not be made anew.
    public var keepsOldRows: Bool { kind == .streamingTable && !isDerivedFromFlows && !allowsReset }

    /// How many updates' changes are kept to look back at, as its `duet.keepChanges` says; nil for none.
    public var keptChanges: Int? {
        properties.last { $0.key.lowercased() == "duet.keepchanges" }.flatMap { Int($0.value) }.flatMap {
            $0 > 0 ? $0 : nil
        }
    }

    /// The text that decides whether a dataset is still what it was made from: its kind, query, rules and file options.
    public var definition: String {
        var parts = [kind.rawValue]
        for flow in flows {
            parts.append(flow.query.text.text)
            for read in flow.query.fileReads {
                parts.append("\(read.relation) \(read.options.map { "\($0.name)=\($0.value)" }.joined(separator: ","))")
            }
        }
        if let columnFrame { parts.append(columnFrame.definition) }
        if let capture { parts.append(capture.definition) }
        if let models { parts.append(models) }
        parts += expectations.map { "\($0.name) \($0.action.rawValue) \($0.condition.text)" }
        parts += tableChecks.map { "\($0.name) \($0.action.rawValue) \($0.text)" }
        return parts.joined(separator: "\n")
    }

    /// A short name of the ``definition``, to tell versions of it apart in lists (FNV-1a, 64 bits).
    public var definitionVersion: String {
        let hash = definition.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3
        }
        return String(String(hash, radix: 16).suffix(8))
    }
}
