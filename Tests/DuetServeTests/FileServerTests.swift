import DuetServe
import Foundation
import Testing

/// The `curl` command is the oracle: what it makes of an answer is what the answer is.
@Suite(.timeLimit(.minutes(1)))
struct FileServerTests {
    private func serving(
        _ files: [String: String],
        options: FileServerOptions = .init(),
        _ work: (FileServer, String, URL) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("duet-serve-\(UUID().uuidString)")
        let root = folder.appendingPathComponent("root")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            let url = root.appendingPathComponent(name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: url)
        }
        try Data("outside".utf8).write(to: folder.appendingPathComponent("outside.txt"))
        let server = FileServer(root: root.path, options: options)
        let base = "http://127.0.0.1:\(try await server.start())"
        try await work(server, base, root)
        await server.stop()
    }

    @Test func `a file comes whole, with what it is known by`() async throws {
        try await serving(["sub/a b.csv": "a,b\n1,2\n"]) { server, base, _ in
            let head = try await curl("-I", "\(base)/sub/a%20b.csv")
            #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
            for field in [
                "Content-Length: 8", "Content-Type: text/csv; charset=utf-8", "Accept-Ranges: bytes", "ETag: \"",
                "Last-Modified: ", "Date: ",
            ] {
                #expect(head.contains("\r\n\(field)"), "\(field)")
            }
            #expect(try await curl("\(base)/sub/a%20b.csv") == "a,b\n1,2\n")
            #expect(server.log.entries.map(\.method) == ["HEAD", "GET"])
            #expect(server.log.entries.map(\.bytesSent) == [0, 8])
            #expect(server.log.bytesSent == 8)
        }
    }

    @Test(
        arguments: [
            ("0-0", "206", "a"), ("2-4", "206", "cde"), ("8-", "206", "ij"), ("-3", "206", "hij"),
            ("-99", "206", "abcdefghij"),
            ("5-999", "206", "fghij"), ("10-", "416", "the file ends before\n"),
            ("-0", "416", "the file ends before\n"),
            ("4-2", "200", "abcdefghij"), ("0-1,3-4", "200", "abcdefghij"), ("x", "200", "abcdefghij"),
        ]
    )
    func `a range gives its bytes`(range: String, status: String, body: String) async throws {
        try await serving(["a.txt": "abcdefghij"]) { _, base, _ in
            let found = try await curl("-H", "Range: bytes=\(range)", "-w", " %{http_code}", "\(base)/a.txt")
            #expect(found == "\(body) \(status)")
        }
    }

    @Test func `curl continues a partial file`() async throws {
        try await serving(["a.txt": "abcdefghij"]) { server, base, root in
            let part = root.path + "-part"
            try Data("abcd".utf8).write(to: URL(fileURLWithPath: part))
            _ = try await curl("-C", "-", "-o", part, "\(base)/a.txt")
            #expect(try String(contentsOfFile: part, encoding: .utf8) == "abcdefghij")
            #expect(server.log.bytesSent == 6)
        }
    }

    private func status(_ url: String, _ field: String, _ more: String...) async throws -> String {
        try await curl(["-o", "/dev/null", "-H", field, "-w", "%{http_code} %{size_download}", url] + more)
    }

    @Test func `conditions are kept`() async throws {
        try await serving(["a.txt": "abcdefghij"]) { server, base, root in
            let url = "\(base)/a.txt"
            let tags = root.path + "-etag"
            _ = try await curl("--etag-save", tags, url)
            let etag = try String(contentsOfFile: tags, encoding: .utf8).trimmingCharacters(in: .newlines)
            let date = try #require(try await field("Last-Modified", in: curl("-I", url)))
            #expect(try await curl("--etag-compare", tags, "-w", "%{http_code}", url) == "304")
            #expect(try await status(url, "If-None-Match: \(etag)") == "304 0")
            #expect(try await status(url, "If-None-Match: \"x\", W/\(etag)") == "304 0")
            #expect(try await status(url, "If-None-Match: *") == "304 0")
            #expect(try await status(url, "If-None-Match: \"x\"", "-H", "If-Modified-Since: \(date)") == "200 10")
            #expect(try await status(url, "If-Modified-Since: \(date)") == "304 0")
            #expect(try await status(url, "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT") == "200 10")
            #expect(try await status(url, "If-Modified-Since: yesterday") == "200 10")
            #expect(try await status(url, "If-Range: \(etag)", "-r", "4-") == "206 6")
            #expect(try await status(url, "If-Range: \(date)", "-r", "4-") == "206 6")
            #expect(try await status(url, "If-Range: \"x\"", "-r", "4-") == "200 10")
            #expect(server.log.entries.last?.isConditional == false)
        }
    }

    @Test func `the ETag changes with every change of content, however quick, and only then`() async throws {
        try await serving(["a.txt": "0000"]) { _, base, root in
            let file = root.appendingPathComponent("a.txt")
            var seen: Set<String> = []
            for number in 0..<30 {
                try Data(String(format: "%04d", number).utf8).write(to: file)
                seen.insert(try #require(try await field("ETag", in: curl("-I", "\(base)/a.txt"))))
            }
            #expect(seen.count == 30)
            try Data("0000".utf8).write(to: file)
            seen.insert(try #require(try await field("ETag", in: curl("-I", "\(base)/a.txt"))))
            #expect(seen.count == 30, "the same content has the same ETag")
        }
    }

    @Test(
        arguments: [
            "../outside.txt", "%2e%2e/outside.txt", "sub/../../outside.txt", "..%2foutside.txt", "link.txt",
            "linked/outside.txt",
            "sub", "", "a.txt%00", "no.txt",
        ]
    )
    func `nothing outside the folder is served`(path: String) async throws {
        try await serving(["a.txt": "a", "sub/b.txt": "b"]) { _, base, root in
            let manager = FileManager.default
            try manager.createSymbolicLink(atPath: root.path + "/link.txt", withDestinationPath: "../outside.txt")
            try manager.createSymbolicLink(atPath: root.path + "/linked", withDestinationPath: "..")
            let found = try await curl("--path-as-is", "-w", " %{http_code}", "\(base)/\(path)")
            #expect(found.hasSuffix(" 404") || found == " 000", "\(found)")
            #expect(found.contains("outside\n") == false && found.hasPrefix("outside") == false)
        }
    }

    private func code(_ url: String, _ arguments: String...) async throws -> String {
        try await curl(arguments + ["-o", "/dev/null", "-w", "%{http_code} %{size_download} %{exitcode}", url])
    }

    @Test func `faults are what they say`() async throws {
        try await serving(["a.txt": "abcdefghij"]) { server, base, _ in
            let url = "\(base)/a.txt"
            server.setFaults([FaultRule(.cut(afterBytes: 4), times: 1)])
            let first = try await code(url)
            #expect(first == "200 4 18")
            #expect(try await code(url) == "200 10 0")
            server.setFaults([FaultRule(.falseLength(by: 5))])
            #expect(try await code(url) == "200 10 18")
            server.setFaults([FaultRule(.ignoresRanges)])
            #expect(try await code(url, "-r", "4-") == "200 10 0")
            server.setFaults([FaultRule(.stall(afterBytes: 3))])
            #expect(try await code(url, "-m", "2") == "200 3 28")
            server.setFaults([FaultRule(.trickle(bytes: 4, every: .milliseconds(1)))])
            #expect(try await code(url) == "200 10 0")
            server.setFaults([FaultRule(.status(429, retryAfter: "9"), path: "/a.txt")])
            #expect(try await curl("-I", "\(base)/a.txt").contains("Retry-After: 9\r\n"))
            #expect(try await curl("-w", "%{http_code}", "-o", "/dev/null", "\(base)/b.txt") == "404")
            server.setFaults([FaultRule(.headers([("Content-MD5", "x"), ("ETag", "\"mine\"")]))])
            #expect(try await field("ETag", in: curl("-I", "\(base)/a.txt")) == "\"mine\"")
            server.setFaults([FaultRule(.noValidators)])
            #expect(try await field("ETag", in: curl("-I", "\(base)/a.txt")) == nil)
            server.setFaults([FaultRule(.redirect(to: "/a.txt", status: 302))])
            #expect(try await code(url, "-L", "--max-redirs", "3").hasSuffix(" 47"))
        }
    }

    @Test func `a handler answers what is no file`() async throws {
        let options = FileServerOptions(handler: { request in
            guard request.path == "/api" else { return nil }
            let text = "\(request.method) \(request.query) \(String(decoding: request.body, as: UTF8.self))"
            return ServedReply(status: 201, headers: [("X-A", "1")], body: Array(text.utf8))
        })
        try await serving(["a.txt": "a"], options: options) { _, base, _ in
            #expect(try await curl("-d", "hello", "-w", " %{http_code}", "\(base)/api?p=2") == "POST p=2 hello 201")
            let file = try await curl("\(base)/a.txt")
            #expect(file == "a")
            #expect(try await curl("-X", "DELETE", "-w", "%{http_code}", "\(base)/a.txt").hasSuffix("405"))
        }
    }

    @Test func `a missing folder and a taken port are told`() async throws {
        await #expect(throws: ServeError.self) { try await FileServer(root: "/no/such/folder").start() }
        try await serving([:]) { server, base, root in
            let port = try #require(UInt16(base.split(separator: ":").last ?? ""))
            await #expect(throws: ServeError.self) { try await FileServer(root: root.path).start(port: port) }
            await #expect(throws: ServeError.self) { try await server.start() }
        }
    }
}
