import DuetFetch
import DuetServe
import Foundation
import Glibc
import Testing

@Suite(.timeLimit(.minutes(1)))
struct RequestTests {
    /// Sends one request and gives what the server saw.
    private func seen(_ change: (inout FetchRequest) throws -> Void) async throws -> FaultServer.Request? {
        let recorder = Recorder<FaultServer.Request>()
        let server = FaultServer { request, connection in
            recorder.add(request)
            connection.answer(200)
            return .keepAlive
        }
        let space = try await Workspace()
        var request = FetchRequest(url: "http://127.0.0.1:\(try server.start())/x")
        try change(&request)
        _ = try await space.fetcher.fetch(request)
        server.stop()
        await space.stop()
        return recorder.all.first
    }

    @Test func `basic credentials are sent, from the request or the URL`() async throws {
        let expected = "Basic \(Data("ada:s3 cret".utf8).base64EncodedString())"
        let first = try await seen { $0.credentials = .basic(user: "ada", password: "s3 cret") }
        #expect(first?.headers["authorization"] == expected)
        let second = try await seen { $0.url = $0.url.replacingOccurrences(of: "//", with: "//ada:s3%20cret@") }
        #expect(second?.headers["authorization"] == expected)
    }

    @Test func `a bearer token, a secret header and further headers are sent`() async throws {
        let first = try await seen { $0.credentials = .bearer("abc") }
        #expect(first?.headers["authorization"] == "Bearer abc")
        let second = try await seen {
            $0.credentials = .header("X-API-Key", "k")
            $0.headers = [("Accept", "text/csv"), ("X-Empty", "")]
        }
        #expect(second?.headers["x-api-key"] == "k")
        #expect(second?.headers["accept"] == "text/csv")
        #expect(second?.headers["x-empty"] == "")
        #expect(second?.headers["user-agent"]?.hasPrefix("duet/") == true)
    }

    @Test func `netrc is read, unless others can read it`() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("netrc-\(UUID().uuidString)").path
        try "machine 127.0.0.1 login ada password s3cret\n".write(toFile: file, atomically: false, encoding: .utf8)
        defer { unlink(file) }
        chmod(file, 0o600)
        let request = try await seen { $0.credentials = .netrc(file: file) }
        #expect(request?.headers["authorization"] == "Basic \(Data("ada:s3cret".utf8).base64EncodedString())")
        chmod(file, 0o644)
        await #expect(throws: FetchError.self) { try await seen { $0.credentials = .netrc(file: file) } }
    }

    @Test func `a POST sends its body, also an empty one`() async throws {
        let body = [UInt8](0...255) + [UInt8](repeating: 7, count: 100_000)
        let request = try await seen {
            $0.method = .post(body)
            $0.headers = [("Content-Type", "application/json")]
        }
        #expect(request?.method == "POST")
        #expect(request?.body == body)
        #expect(request?.headers["content-type"] == "application/json")
        let empty = try await seen { $0.method = .post([]) }
        #expect(empty?.method == "POST")
        #expect(empty?.headers["content-length"] == "0")
    }

    @Test func `a PUT sends its file`() async throws {
        let body = [UInt8](repeating: 9, count: 300_000)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("put-\(UUID().uuidString)").path
        try Data(body).write(to: URL(fileURLWithPath: file))
        defer { unlink(file) }
        let request = try await seen { $0.method = .put(file: file) }
        #expect(request?.method == "PUT")
        #expect(request?.body == body)
        await #expect(throws: FetchError.self) { try await seen { $0.method = .put(file: "\(file).none") } }
    }

    @Test(
        arguments: [
            ("", FetchError.Code.invalidURL), ("data.csv", .invalidURL), ("http://", .invalidURL),
            ("http://host:99999/", .invalidURL), ("file:///etc/passwd", .unsupportedScheme),
            ("ftp://host/x", .unsupportedScheme), ("HTTP://[::1", .invalidURL),
        ]
    )
    func `what is no http URL is refused`(url: String, code: FetchError.Code) async throws {
        let fetcher = Fetcher()
        let error = await failure { () throws(FetchError) in try await fetcher.fetch(FetchRequest(url: url)) }
        #expect(error?.code == code)
        #expect(error?.attempts == 0)
    }

    @Test func `a value that would smuggle in a header is refused, and not repeated`() async throws {
        let fetcher = Fetcher()
        for request in [
            FetchRequest(url: "http://127.0.0.1:1/", headers: [("X-A", "s3cret\r\nX-B: 1")]),
            FetchRequest(url: "http://127.0.0.1:1/", headers: [("X A", "s3cret")]),
            FetchRequest(url: "http://127.0.0.1:1/", credentials: .bearer("s3cret\n")),
            FetchRequest(url: "http://127.0.0.1:1/", credentials: .header("X-A", "s3cret\u{0}")),
            FetchRequest(url: "http://127.0.0.1:1/", validators: Validators(etag: "s3cret\r\n")),
        ] {
            let error = await failure { () throws(FetchError) in try await fetcher.fetch(request) }
            #expect(error?.code == .invalidRequest)
            #expect(error?.description.contains("s3cret") == false)
        }
    }

    @Test(
        arguments: [
            ("http://ada:s3cret@127.0.0.1:1/a", "http://127.0.0.1:1/a"),
            ("http://127.0.0.1:1/a?sig=s3cret&date=2024-01-31", "http://127.0.0.1:1/a?sig=…&date=2024-01-31"),
            ("http://127.0.0.1:1/a?sv=2024-11-04&sr=s3cret", "http://127.0.0.1:1/a?sv=2024-11-04&sr=…"),
            ("http://127.0.0.1:1/a?X-Amz-Signature=123&page=7#s3cret", "http://127.0.0.1:1/a?X-Amz-Signature=…&page=7"),
            ("http://127.0.0.1:1/a?s3cret", "http://127.0.0.1:1/a?…"),
            ("s3cret://ada:s3cret@host", "s3cret://…"), ("ada:s3cret@host/a b", "(not a URL)"),
        ]
    )
    func `an error shows where, but no secret`(url: String, shown: String) async throws {
        let fetcher = Fetcher()
        let request = FetchRequest(url: url, retry: .never)
        let error = await failure { () throws(FetchError) in try await fetcher.fetch(request) }
        #expect(error?.url == shown)
        let text = String(describing: error) + String(reflecting: error)
        #expect(text.contains("ada") == false)
    }

    @Test func `credentials show their kind and nothing else`() {
        for credentials in [
            Credentials.basic(user: "s3cret", password: "s3cret"), .bearer("s3cret"), .header("X-Key", "s3cret"),
            .awsSigV4(accessKey: "s3cret", secretKey: "s3cret", sessionToken: "s3cret", region: "eu"),
        ] {
            var dumped = ""
            dump(credentials, to: &dumped)
            dump(FetchRequest(url: "http://h", credentials: credentials), to: &dumped)
            let text = "\(credentials) \(String(reflecting: credentials)) \(dumped)"
            #expect(text.contains("s3cret") == false)
        }
    }
}
