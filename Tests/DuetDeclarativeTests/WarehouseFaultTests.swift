import DuckKit
import DuetDeclarative
import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// Warehouses that cannot be used as they are: what is said, and that nothing is lost.
@Suite struct WarehouseFaultTests {
    private func fixture() async throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "sources: {s: {location: data/*.csv}}",
            sql: """
                CREATE STREAMING TABLE b.t AS SELECT * FROM STREAM read_files('${source.s}');
                CREATE MATERIALIZED VIEW g.t AS SELECT k, CASE WHEN v > 10 THEN error('too big') ELSE v END AS v FROM b.t;
                """
        )
        try fixture.drop("k,v\nx,1\n", "a.csv")
        return fixture
    }

    private func setFormat(_ format: String, of fixture: PipelineFixture) async throws {
        let path = fixture.home.warehouse(.declarative)
        try await offPool {
            _ = try Database(path: path).connect()
                .execute("UPDATE duet.meta SET value = '\(format)' WHERE key = 'format'")
        }
    }

    private func refusal(_ fixture: PipelineFixture) async throws -> DuetError {
        do {
            let outcome = try await fixture.run(.declarative)
            return try #require(outcome.errors.first)
        } catch let error as DuetError {
            return error
        }
    }

    @Test func `a warehouse of a newer duet is not to be moved away first`() async throws {
        let fixture = try await fixture()
        try await fixture.run(.declarative)
        try await setFormat("999", of: fixture)
        let error = try await refusal(fixture)
        #expect(error.code == .warehouse)
        #expect(error.hint?.hasPrefix("a newer duet made it; use that one") == true)
        try await setFormat("1", of: fixture)
        #expect(try await refusal(fixture).hint?.hasPrefix("move the file away") == true)
        #expect(try fixture.rows("SELECT * FROM g.t") == [["x", "1"]])
    }

    @Test func `a file that may not be written is not said to be of another version`() {
        for text in ["Permission denied", "Read-only file system", "Operation not permitted"] {
            let cause = DuckDBError(operation: .open, kind: .io, message: "Cannot open file \"/w\": \(text)")
            let error = Warehouse.openError(cause, path: "/w")
            #expect(error.message == "the warehouse '/w' may not be written")
            #expect(error.hint?.contains("move it away") == false)
        }
    }

    @Test func `a file in place of the folder is named`() async throws {
        let fixture = try await fixture()
        try fixture.folder.write("", to: "home")
        let error = try await refusal(fixture)
        #expect(error.code == .warehouse)
        #expect(error.cause == "'\(fixture.folder.path)/home' is a file")
    }

    @Test func `in production mode each failed attempt is told with its number and the wait`() async throws {
        let fixture = try await fixture()
        let later = "\(fixture.folder.path)/later.csv"
        try fixture.rewrite(sql: "CREATE MATERIALIZED VIEW g.later AS SELECT * FROM read_csv('\(later)');")
        var update = UpdateOptions(mode: .production)
        update.secondsBetweenTries = 0.001
        let outcome = try await fixture.run(.declarative, update: update)
        let told = outcome.events.filter { $0.kind == .stepRetried }.map(\.message)
        #expect(told.map { $0.prefix { $0 != "," } } == ["attempt 1 of 3 failed", "attempt 2 of 3 failed"])
        #expect(told.allSatisfy { $0.contains("the next one comes in 0.001 s") })
        #expect(outcome.measures(of: "g.later")?.attempts == 3)
        #expect(try await fixture.run(.declarative).events.allSatisfy { $0.kind != .stepRetried })
    }

    @Test func `what may pass is tried again until it has passed`() async throws {
        let fixture = try await fixture()
        let later = "\(fixture.folder.path)/later.csv"
        try fixture.rewrite(sql: "CREATE MATERIALIZED VIEW g.later AS SELECT * FROM read_csv('\(later)');")
        var update = UpdateOptions(mode: .production)
        update.secondsBetweenTries = 0.001
        let late = LateFile { try fixture.folder.write("a\n5\n", to: "later.csv") }
        let outcome = try await fixture.run(.declarative, update: update, sinks: [late])
        #expect(outcome.isSuccess)
        #expect(outcome.measures(of: "g.later")?.attempts == 2)
        #expect(try fixture.rows("SELECT * FROM g.later") == [["5"]])
    }

    static let lasting = [
        "SELECT error('no') AS e FROM b.t", "SELECT v::TINYINT + 127::TINYINT AS v FROM b.t",
        "SELECT k::INTEGER AS k FROM b.t", "SELECT (v * 1000)::TINYINT AS v FROM b.t",
    ]

    @Test(arguments: lasting)
    func `what fails alike each time is not tried again`(_ query: String) async throws {
        let fixture = try await fixture()
        try await fixture.run(.declarative)
        try fixture.rewrite(
            sql: "CREATE STREAMING TABLE b.t AS SELECT * FROM STREAM read_files('${source.s}');\n"
                + "CREATE MATERIALIZED VIEW g.t AS \(query);"
        )
        let outcome = try await fixture.run(.declarative, update: UpdateOptions(mode: .production))
        #expect(outcome.errors.count == 1)
        #expect(outcome.measures(of: "g.t")?.attempts == 1)
        #expect(outcome.events.allSatisfy { $0.kind != .stepRetried })
        let isRange = query.contains("TINYINT")
        #expect(
            (outcome.errors.first?.hint?.contains("a type that holds") == true
                || outcome.errors.first?.hint?.contains("a wider one") == true) == isRange
        )
    }

    @Test func `what wants memory, a lock, a file or a server may pass, and nothing else`() {
        func mayPass(_ kind: DuckDBError.Kind, _ message: String = "m") -> Bool {
            ErrorTranslation.mayPass(DuckDBError(operation: .execute, kind: kind, message: message))
        }
        #expect([.io, .outOfMemory, .transaction, .http].allSatisfy { mayPass($0) })
        #expect(mayPass(.invalidInput, "failed to allocate data of size 32.0 MiB"))
        let lasting: [DuckDBError.Kind] = [
            .parser, .binder, .catalog, .constraint, .conversion, .invalidInput, .outOfRange, .notImplemented, .fatal,
        ]
        #expect(!lasting.contains { mayPass($0) })
        #expect(!mayPass(.io, "Could not write: No space left on device"))
    }
}

/// Does something when a step is about to be tried again.
private final class LateFile: EventSink {
    private let make: @Sendable () throws -> Void

    init(_ make: @escaping @Sendable () throws -> Void) { self.make = make }

    func record(_ event: RunEvent) {
        guard event.kind == .stepRetried else { return }
        do {
            try make()
        } catch {
            Issue.record(error)
        }
    }
}
