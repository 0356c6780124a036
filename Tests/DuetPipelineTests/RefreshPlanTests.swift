import DuetPipeline
import DuetTestSupport
import Testing

/// What is decided from a graph and a state, without a database.
@Suite struct RefreshPlanTests {
    private static let sql = """
        CREATE STREAMING TABLE b.raw AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE MATERIALIZED VIEW s.clean AS SELECT * FROM b.raw;
        CREATE MATERIALIZED VIEW g.total AS SELECT * FROM s.clean;
        CREATE MATERIALIZED VIEW g.other AS SELECT 1 AS x;
        """
    private let pipeline: Pipeline
    private let graph: DatasetGraph

    init() throws {
        let folder = try TemporaryFolder()
        try folder.write("name: a\nsources: {orders: {location: x.csv}}\n", to: "pipeline.yml")
        try folder.write(Self.sql, to: "transformations/all.sql")
        pipeline = try Pipeline.load(folder: folder.path)
        let reads = ["s.clean": ("b", "raw"), "g.total": ("s", "clean")]
        var shapes: [DatasetName: QueryShape] = [:]
        for dataset in pipeline.datasets {
            let read = reads[dataset.name.description].map { QueryShape.Reference(schema: $0.0, table: $0.1) }
            shapes[dataset.name] = QueryShape(references: read.map { [$0] } ?? [], functions: [])
        }
        graph = try DatasetGraph(pipeline, shapes: shapes)
    }

    private func name(_ text: String) -> DatasetName {
        let parts = text.split(separator: ".").map(String.init)
        return DatasetName(schema: parts[0], table: parts[1])
    }

    /// Everything made once from file 1, each dataset in the update of its number.
    private var settled: RefreshState {
        var state = RefreshState(files: ["orders": [1]])
        for (number, node) in graph.nodes.enumerated() {
            let version = number + 1
            state.datasets[node.dataset.name] = .init(
                definition: node.dataset.definition,
                version: version,
                base: version,
                seen: Dictionary(uniqueKeysWithValues: node.inputs.map { ($0, state.datasets[$0]?.version ?? 0) }),
                files: node.sources.isEmpty ? [] : [1]
            )
        }
        return state
    }

    private func decisions(_ state: RefreshState, rebuild: Set<DatasetName> = []) -> [String: RefreshPlan.Decision] {
        let plan = RefreshPlan(pipeline, graph: graph, state: state, rebuild: rebuild)
        return Dictionary(uniqueKeysWithValues: plan.steps.map { ($0.dataset.description, $0.decision) })
    }

    private func reason(_ state: RefreshState, _ dataset: String) throws -> String {
        state.decision(for: try #require(graph[name(dataset)])).1
    }

    @Test func `with no state everything is made`() {
        #expect(decisions(RefreshState()).values.allSatisfy { $0 == .create })
    }

    @Test func `with nothing changed there is nothing to do`() {
        #expect(decisions(settled).values.allSatisfy { $0 == .nothing })
    }

    @Test func `a new file reaches what reads it and no more`() throws {
        var state = settled
        state.files["orders"] = [1, 2, 3]
        #expect(
            decisions(state) == [
                "b.raw": .takeChanges, "s.clean": .ifInputsChange, "g.total": .ifInputsChange, "g.other": .nothing,
            ]
        )
        #expect(try reason(state, "b.raw") == "2 new or changed files of 'orders'")
        state.files["orders"] = [1, 2]
        #expect(try reason(state, "b.raw") == "1 new or changed file of 'orders'")
    }

    @Test func `a file that is gone is a change`() throws {
        var state = settled
        state.files["orders"] = []
        #expect(decisions(state)["b.raw"] == .takeChanges)
        #expect(try reason(state, "b.raw") == "1 file is gone")
    }

    @Test func `another definition means making anew`() throws {
        var state = settled
        state.datasets[name("s.clean")]?.definition = "something else"
        #expect(decisions(state)["s.clean"] == .rebuild)
        #expect(decisions(state)["g.total"] == .ifInputsChange)
        #expect(decisions(state)["b.raw"] == .nothing)
        #expect(try reason(state, "s.clean") == "its definition has changed")
    }

    @Test func `a version that was not seen is taken over, a base that was not seen means making anew`() throws {
        var state = settled
        state.datasets[name("s.clean")]?.version = 9
        #expect(decisions(state)["g.total"] == .takeChanges)
        #expect(try reason(state, "g.total") == "s.clean has changed")
        state.datasets[name("s.clean")]?.base = 9
        #expect(decisions(state)["g.total"] == .rebuild)
        #expect(try reason(state, "g.total") == "s.clean was made anew")
    }

    @Test func `what is asked for is made anew, and a selection is kept to`() {
        #expect(decisions(settled, rebuild: [name("g.other")])["g.other"] == .rebuild)
        let plan = RefreshPlan(
            pipeline,
            graph: graph,
            state: RefreshState(),
            selection: [name("b.raw"), name("g.total")]
        )
        #expect(plan.steps.map(\.dataset.description) == ["b.raw", "g.total"])
    }

    @Test func `the procedural plan copies the sources in use and makes each dataset after its inputs`() {
        let plan = ProceduralPlan(pipeline, graph: graph, copyPolicy: .init(retry: 4))
        #expect(
            plan.activities.map(\.name) == [
                "Copy orders", "Make b_raw", "Make g_other", "Make s_clean", "Make g_total",
            ]
                || plan.activities.map(\.name) == [
                    "Copy orders", "Make b_raw", "Make s_clean", "Make g_total", "Make g_other",
                ]
        )
        let after = Dictionary(uniqueKeysWithValues: plan.activities.map { ($0.name, $0.dependsOn) })
        #expect(after["Make b_raw"] == ["Copy orders"] && after["Make g_total"] == ["Make s_clean"])
        #expect(after["Copy orders"] == [] && after["Make g_other"] == [])
        #expect(plan.activities.first?.policy.retry == 4 && plan.activities.last?.policy.retry == 0)
    }

    @Test func `readers and what lies downstream are found`() {
        #expect(graph.readers(of: name("b.raw")) == [name("s.clean")])
        #expect(graph.downstream(of: [name("b.raw")]) == [name("b.raw"), name("s.clean"), name("g.total")])
        #expect(graph.downstream(of: []).isEmpty)
    }
}
