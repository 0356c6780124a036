import DuckKit
import DuetEvents
import DuetFetch
import DuetPipeline
import DuetServe
import DuetTestSupport
import Synchronization

@testable import DuetInference

/// A model's server that answers as a test tells it, and SQL over a pipeline that asks it.
final class EndpointFixture: Sendable {
    let folder: TemporaryFolder
    let server: FaultServer
    let port: Int
    let seen: Seen

    /// Starts a server whose answers are written by a closure that gets a request's number, from 1, and its text.
    init(_ answer: @escaping @Sendable (Int, String, FaultConnection) -> FaultServer.Next) throws {
        folder = try TemporaryFolder()
        let seen = Seen()
        server = FaultServer { request, connection in
            let body = seen.note(request)
            let list = body["input"]?.array?.compactMap(\.string).joined(separator: "|")
            let content = body["messages"]?.array?.last?["content"]?.string ?? list ?? body["input"]?.string ?? ""
            return answer(request.number, content, connection)
        }
        port = try server.start()
        self.seen = seen
    }

    final class Seen: Sendable {
        let requests = Mutex<[(target: String, headers: [String: String], body: JSONValue)]>([])

        func note(_ request: FaultServer.Request) -> JSONValue {
            let body = parse(request.body)
            requests.withLock { $0.append((request.target, request.headers, body)) }
            return body
        }

        private func parse(_ body: [UInt8]) -> JSONValue {
            do { return try JSONValue(parsing: String(decoding: body, as: UTF8.self)) } catch { return .null }
        }
    }

    var model: ModelDeclaration {
        var model = ModelDeclaration(name: "m", backend: .endpoint, model: "tiny")
        model.url = "http://127.0.0.1:\(port)/v1"
        model.isStreamed = false
        model.attempts = 3
        model.timeout = 20
        return model
    }

    struct Result: Sendable {
        var rows: [[String]] = []
        var measures = InferenceMeasures()
        var failures: [InferenceMeter.Failure] = []
        var error: DuetError?
    }

    /// Runs a query whose functions ask the server.
    func run(
        _ sql: String,
        _ model: ModelDeclaration? = nil,
        environment: [String: String] = [:],
        mode: InferenceMode = .answer,
        clock: PaceClock = PaceClock()
    ) async throws -> Result {
        var options = InferenceOptions(store: "\(folder.path)/s.duckdb") {
            Fetcher(configuration: FetchConfiguration(sleep: { _ in }))
        }
        options.environment = environment
        options.mode = mode
        options.clock = clock
        let service = InferenceService(models: [model ?? self.model], folder: folder.path, options: options)
        return try await offPool {
            let database = try Database()
            try database.register(service.functions)
            let connection = try database.connect()
            let meter = service.meter(connection: try connection.identifier)
            var result = Result()
            do {
                result.rows = try connection.rows(sql).map { $0.map(\.description) }
            } catch {
                result.error = meter.error
                if meter.error == nil { throw error }
            }
            result.measures = meter.measures
            result.failures = meter.failures
            try service.close()
            return result
        }
    }
}

extension FaultConnection {
    /// Answers as a model that writes this text.
    func say(_ text: String, ending: String = "stop") -> FaultServer.Next {
        let value: JSONValue = [
            "choices": [["message": ["content": .string(text)], "finish_reason": .string(ending)]],
            "usage": ["prompt_tokens": 20, "completion_tokens": 3],
        ]
        _ = answer(200, ["Content-Type: application/json"], body: Array(value.text().utf8))
        return .keepAlive
    }
}

/// Time that passes only when somebody waits, and then at once.
final class VirtualTime: Sendable {
    private let time = Mutex(Duration.zero)

    var now: Duration { time.withLock { $0 } }

    /// Lets time pass.
    func pass(_ wait: Duration) { time.withLock { $0 += wait } }

    var clock: PaceClock {
        var clock = PaceClock()
        clock.now = { self.now }
        clock.sleep = { self.pass($0) }
        return clock
    }
}
