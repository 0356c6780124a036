import DuetPipeline
import DuetTestSupport
import Foundation
import Testing

@testable import DuetInference

@Suite struct StoreTests {
    private func answer(_ text: String) -> StoredAnswer { StoredAnswer(text: text, tokensIn: 3, tokensOut: 1) }

    @Test func `answers are found again by another store on the same file`() throws {
        let folder = try TemporaryFolder()
        let keys = (0..<3000).map { ResultKey(["input \($0)"]) }
        let first = try ResultStore(path: "\(folder.path)/s.duckdb")
        try first.keep(keys.map { ($0, answer("label of \($0.short)")) }, model: "m")
        try first.keep([(ResultKey(["v"]), StoredAnswer(vector: [0.25, -1, 3]))], model: "m")
        #expect(try first.find(keys).count == 3000)
        try first.close()
        let second = try ResultStore(path: "\(folder.path)/s.duckdb")
        let found = try second.find(keys + [ResultKey(["v"]), ResultKey(["never asked"])])
        #expect(found.count == 3001)
        #expect(found[keys[7]]?.text == "label of \(keys[7].short)")
        #expect(found[keys[7]]?.tokensIn == 3)
        #expect(found[ResultKey(["v"])]?.vector == [0.25, -1, 3])
        try second.close()
    }

    @Test func `a process that ends without closing leaves its answers in the journal`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/s.duckdb"
        let line = answer("kept").line(key: ResultKey(["a"]), model: "m")
        try folder.write(line + line.prefix(20), to: "s.duckdb.journal")
        let store = try ResultStore(path: path)
        #expect(try store.find([ResultKey(["a"])])[ResultKey(["a"])]?.text == "kept")
        try store.close()
        #expect(try Data(contentsOf: URL(fileURLWithPath: path + ".journal")).isEmpty)
        let again = try ResultStore(path: path)
        #expect(try again.find([ResultKey(["a"])]).count == 1)
        try again.close()
    }

    @Test func `a store that another run has is refused with what to do`() throws {
        let folder = try TemporaryFolder()
        let store = try ResultStore(path: "\(folder.path)/s.duckdb")
        let error = #expect(throws: DuetError.self) { try ResultStore(path: "\(folder.path)/s.duckdb") }
        #expect(error?.code == .warehouse)
        #expect(error?.message.contains("in use by another run") == true)
        try store.close()
    }

    @Test func `keys tell apart what only looks alike when it is put together`() {
        #expect(ResultKey(["ab", "c"]) != ResultKey(["a", "bc"]))
        #expect(ResultKey(["a", ""]) != ResultKey(["a"]))
        let key = ResultKey(["a"])
        #expect(ResultKey(hexadecimal: key.hexadecimal) == key)
    }

    @Test func `equal requests of several threads are made once`() async throws {
        let store = try ResultStore(path: nil)
        let book = AnswerBook(store: store)
        let keys = (0..<200).map { ResultKey(["\($0)"]) }
        let requests = Dictionary(uniqueKeysWithValues: keys.map { ($0, 1) })
        let made = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await offPool {
                        try book.answers(requests) { missing in
                            try store.keep(missing.map { ($0.key, StoredAnswer(text: "x")) }, model: "m")
                        }.made
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(made == 200)
        try store.close()
    }

    @Test func `pipelines that declare a model alike share its answers and each has its own failures`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/s.duckdb"
        let pipelines = try ["shop", "desk"].map { name in
            try folder.write(
                """
                name: \(name)
                models:
                  judge: {backend: endpoint, model: one-model, url: "http://127.0.0.1:1/v1"}
                """,
                to: "\(name)/pipeline.yml"
            )
            try folder.write("CREATE MATERIALIZED VIEW t AS SELECT 1 AS x;", to: "\(name)/transformations/t.sql")
            return try Pipeline.load(folder: "\(folder.path)/\(name)")
        }
        let model = try InferenceService(models: pipelines[0].models, folder: pipelines[0].folder, store: path)
            .storedIdentity(of: try #require(pipelines[0].models.first))
        let keys = (0..<20).map { ResultKey(["asked", "\($0)"]) }
        func opened<T>(_ pipeline: String, _ body: (ResultStore) throws -> T) throws -> T {
            let store = try ResultStore(path: path, pipeline: pipeline)
            let result = try body(store)
            try store.close()
            return result
        }
        let failed = StoredAnswer(error: "no answer")
        // Both fail for all inputs; each is found within the run, by the journal and in the tables.
        for name in ["shop", "desk"] {
            try opened(name) { store in
                #expect(try store.find(keys).isEmpty, "\(name)")
                try store.keep(keys.map { ($0, failed) }, model: model)
                #expect(try store.find(keys).values.allSatisfy { $0.error != nil })
            }
            #expect(try opened(name) { try $0.find(keys).count } == 20)
        }
        let administration = StoreAdministration(path: path)
        #expect(try administration.entries().map(\.failed) == [40])
        #expect(try administration.forgetFailures(of: pipelines[0]) == 20)
        #expect(try opened("shop") { try $0.find(keys).count } == 0)
        #expect(try opened("desk") { try $0.find(keys).count } == 20)
        // What one is answered the other finds, before its own failure.
        try opened("shop") { try $0.keep([(keys[0], answer("yes")), (keys[1], failed)], model: model) }
        #expect(
            try opened("desk") { try $0.find([keys[0], keys[1]]).map { $0.value.text ?? "-" }.sorted() } == [
                "-", "yes",
            ]
        )
        #expect(try administration.forgetFailures(of: pipelines[0]) == 1)
        // An answer of its own takes the place of a failure.
        try opened("desk") { try $0.keep([(keys[1], answer("no"))], model: model) }
        #expect(try administration.entries().map(\.answers) == [2])
        #expect(try administration.entries().map(\.failed) == [19])
    }

    @Test func `failures that were kept without a pipeline are found by all, and forgotten by a retry`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/s.duckdb"
        let key = ResultKey(["old"])
        let old = try ResultStore(path: path)
        try old.keep([(key, StoredAnswer(error: "no answer"))], model: "m")
        try old.close()
        let store = try ResultStore(path: path, pipeline: "shop")
        #expect(try store.find([key])[key]?.error == "no answer")
        try store.close()
    }

    @Test func `only failures of the pipeline's own models are forgotten, of all that share the store`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/s.duckdb"
        let pipelines = try ["shop", "desk"].map { name in
            try folder.write(
                """
                name: \(name)
                models:
                  judge: {backend: endpoint, model: \(name)-model, url: "http://127.0.0.1:1/v1"}
                """,
                to: "\(name)/pipeline.yml"
            )
            try folder.write("CREATE MATERIALIZED VIEW t AS SELECT 1 AS x;", to: "\(name)/transformations/t.sql")
            return try Pipeline.load(folder: "\(folder.path)/\(name)")
        }
        let store = try ResultStore(path: path)
        let failed = StoredAnswer(error: "no answer")
        for pipeline in pipelines {
            let service = InferenceService(models: pipeline.models, folder: pipeline.folder, store: path)
            let identity = try service.storedIdentity(of: try #require(pipeline.models.first))
            let keys = ["a", "b", "c"].map { ResultKey([pipeline.name, $0]) }
            try store.keep([(keys[0], failed), (keys[1], failed), (keys[2], answer("yes"))], model: identity)
        }
        try store.close()
        let administration = StoreAdministration(path: path)
        #expect(try administration.forgetFailures(of: pipelines[0]) == 2)
        let left = try administration.entries()
        #expect(left.map(\.answers) == [1, 1] && left.map(\.failed).sorted() == [0, 2], "\(left)")
        #expect(try administration.forgetFailures(of: pipelines[0]) == 0)
        #expect(try administration.forgetFailures(of: pipelines[1]) == 2)
    }
}
