internal import Foundation

/// A pipeline's datasets with what each reads: no unknown names, no cycle, in an order in which each comes after its inputs.
public struct DatasetGraph: Sendable {
    /// A dataset and its inputs.
    public struct Node: Sendable {
        /// The dataset.
        public var dataset: Dataset
        /// What its query reads and uses.
        public var shape: QueryShape
        /// The datasets it reads, each once, in the order of the text.
        public var inputs: [DatasetName]
        /// Those of the inputs that it reads as streams.
        public var streamedInputs: Set<DatasetName>
        /// The sources it reads, each once.
        public var sources: [String]
    }

    /// The nodes, each after its inputs; otherwise in the order of the files.
    public let nodes: [Node]
    /// Datasets whose texts may be compared by a collation: COLLATE stands in their query, or in that of something they
    /// read, and DuckDB hands it on with the columns.
    public let collated: Set<DatasetName>
    private let indices: [DatasetName: Int]

    /// The node of a dataset.
    public subscript(_ name: DatasetName) -> Node? { indices[name].map { nodes[$0] } }

    /// The datasets that read this one directly, in order.
    public func readers(of name: DatasetName) -> [DatasetName] {
        nodes.filter { $0.inputs.contains(name) }.map(\.dataset.name)
    }

    /// The given datasets and everything downstream of them.
    public func downstream(of names: Set<DatasetName>) -> Set<DatasetName> {
        var reached = names
        for node in nodes where node.inputs.contains(where: reached.contains) { reached.insert(node.dataset.name) }
        return reached
    }

    /// Connects the datasets of a pipeline.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - shapes: The shape of each dataset's query.
    /// - Throws: ``DuetErrors`` for names that nothing defines and for cycles, with the place of each.
    public init(_ pipeline: Pipeline, shapes: [DatasetName: QueryShape]) throws(DuetErrors) {
        var builder = GraphBuilder(pipeline: pipeline, shapes: shapes)
        builder.connect()
        let ordered = builder.ordered()
        guard builder.errors.isEmpty else { throw DuetErrors(builder.errors) }
        nodes = ordered
        var collated: Set<DatasetName> = []
        for node in ordered {
            let isWritten = node.dataset.flows.contains {
                $0.query.text.text.range(of: "collate", options: .caseInsensitive) != nil
            }
            if isWritten || node.inputs.contains(where: collated.contains) { collated.insert(node.dataset.name) }
        }
        self.collated = collated
        indices = Dictionary(uniqueKeysWithValues: ordered.enumerated().map { ($1.dataset.name, $0) })
    }
}

private struct GraphBuilder {
    let pipeline: Pipeline
    let shapes: [DatasetName: QueryShape]
    var nodes: [DatasetGraph.Node] = []
    var errors: [DuetError] = []

    init(pipeline: Pipeline, shapes: [DatasetName: QueryShape]) {
        self.pipeline = pipeline
        self.shapes = shapes
    }

    mutating func connect() {
        let names = Set(pipeline.datasets.map(\.name))
        for dataset in pipeline.datasets {
            guard let query = dataset.flows.first?.query, let shape = shapes[dataset.name] else { continue }
            var node = DatasetGraph.Node(dataset: dataset, shape: shape, inputs: [], streamedInputs: [], sources: [])
            let fileRelations = Set(query.fileReads.map(\.relation))
            for reference in shape.references where !fileRelations.contains(reference.table) {
                let schema = reference.schema.isEmpty ? pipeline.defaultSchema : reference.schema
                let name = DatasetName(schema: schema, table: reference.table)
                guard names.contains(name) else {
                    errors.append(unknown(name, reference: reference, query: query, dataset: dataset, names: names))
                    continue
                }
                if !node.inputs.contains(name) { node.inputs.append(name) }
                if let offset = reference.offset, query.streamOffsets.contains(offset) {
                    node.streamedInputs.insert(name)
                }
            }
            for read in query.fileReads where !node.sources.contains(read.source) { node.sources.append(read.source) }
            check(node, query: query)
            nodes.append(node)
        }
    }

    private mutating func check(_ node: DatasetGraph.Node, query: Query) {
        let dataset = node.dataset
        // A flow that runs once reads a batch, and what follows from flows reads those.
        guard dataset.kind == .streamingTable, query.streamOffsets.isEmpty, !dataset.isOnce,
            !dataset.isDerivedFromFlows
        else { return }
        errors.append(
            DuetError(
                .unsupported,
                "the streaming table '\(node.dataset.name)' reads nothing as a stream",
                hint: "read its main input with STREAM(...), or make it a MATERIALIZED VIEW",
                at: node.dataset.location
            )
        )
    }

    private func unknown(
        _ name: DatasetName,
        reference: QueryShape.Reference,
        query: Query,
        dataset: Dataset,
        names: Set<DatasetName>
    ) -> DuetError {
        let message = "'\(dataset.name)' reads '\(name)', which no dataset of the pipeline defines"
        // A forgotten schema is the likelier slip than a wrong letter.
        let namesake = names.sorted().first { $0.table.lowercased() == name.table.lowercased() }
        let hint =
            namesake.map { "did you mean '\($0)'?" }
            ?? Suggestion.hint(for: name.description, among: names.map(\.description), noun: "datasets")
        guard let offset = reference.offset else {
            return DuetError(.unknownTable, message, hint: hint, at: dataset.location)
        }
        return query.text.error(.unknownTable, message, hint: hint, at: offset)
    }

    /// Kahn's algorithm, always taking the first dataset that is ready, so that the order is the same at every run.
    mutating func ordered() -> [DatasetGraph.Node] {
        let known = Set(nodes.map(\.dataset.name))
        var waiting = nodes.map { Set($0.inputs.filter { known.contains($0) }) }
        var readers: [DatasetName: [Int]] = [:]
        for (index, node) in nodes.enumerated() {
            for input in Set(node.inputs) { readers[input, default: []].append(index) }
        }
        var ready = nodes.indices.filter { waiting[$0].isEmpty }
        var order: [DatasetGraph.Node] = []
        var next = 0
        while next < ready.count {
            let index = ready[next]
            next += 1
            order.append(nodes[index])
            for reader in readers[nodes[index].dataset.name] ?? [] {
                waiting[reader].remove(nodes[index].dataset.name)
                if waiting[reader].isEmpty { ready.append(reader) }
            }
        }
        if order.count < nodes.count, errors.isEmpty {
            errors.append(cycle(among: nodes.indices.filter { !waiting[$0].isEmpty }))
        }
        return order
    }

    /// Follows inputs among the datasets left over until one repeats: that is the circle to show.
    private func cycle(among left: [Int]) -> DuetError {
        let remaining = Dictionary(uniqueKeysWithValues: left.map { (nodes[$0].dataset.name, nodes[$0]) })
        var path: [DatasetName] = []
        var current = left.first.map { nodes[$0].dataset.name }
        while let name = current, !path.contains(name) {
            path.append(name)
            current = remaining[name]?.inputs.first { remaining[$0] != nil }
        }
        guard let name = current, let start = path.firstIndex(of: name) else {
            return DuetError(.internalFault, "a cycle was expected and not found")
        }
        let circle = path[start...] + [name]
        return DuetError(
            .cycle,
            "datasets read each other in a circle: \(circle.map(\.description).joined(separator: " reads "))",
            hint: "break the circle: a dataset cannot depend on itself",
            at: remaining[name]?.dataset.location
        )
    }
}
