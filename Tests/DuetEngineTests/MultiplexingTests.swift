import DuetFetch
import DuetTestSupport
import Foundation
import Testing

/// HTTP/2 with nginx over TLS; needs `scripts/setup servers`.
@Suite(.enabled(if: ServerProcess.isThere("nginx")))
struct MultiplexingTests {
    /// What the server's log says of a request.
    private struct Entry {
        var connection: String
        var protocolName: String
        /// When it began and ended, in seconds.
        var start: Double
        var end: Double
    }

    /// Fetches sixty files at once, up to sixteen at a time, and gives what the server saw.
    private func fetchAll(
        _ settings: String,
        allowsHTTP2: Bool = true
    ) async throws -> [Entry] {
        let folder = try TemporaryFolder()
        let port = try ServerProcess.freePorts(1)[0]
        _ = try await shell(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2"
                + " -subj /CN=duet -addext subjectAltName=IP:127.0.0.1 2>/dev/null",
            in: folder.path
        )
        try folder.write(
            """
            daemon off; master_process off; pid nginx.pid; error_log stderr; worker_processes 1;
            events {}
            http {
              log_format seen '$connection $server_protocol $msec $request_time';
              access_log seen.log seen;
              client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
              ssl_certificate cert.pem; ssl_certificate_key key.pem;
              server { listen 127.0.0.1:\(port) ssl http2; root root; \(settings) }
            }
            """,
            to: "nginx.conf"
        )
        let text = { (number: Int) in String(repeating: "file \(number)\n", count: 2000) }
        for number in 0..<60 { try folder.write(text(number), to: "root/\(number)") }
        let server = try ServerProcess(
            "nginx",
            ["-p", folder.path, "-c", "nginx.conf", "-e", "stderr"],
            in: folder.path
        )
        try await server.answers("https://127.0.0.1:\(port)/none")
        let fetcher = Fetcher(
            configuration: FetchConfiguration(
                maximumConnectionsPerHost: 16,
                allowsHTTP2: allowsHTTP2,
                certificateAuthorities: "\(folder.path)/cert.pem",
                proxy: ""
            )
        )
        let results = await fetcher.fetchAll(
            (0..<60).map { number in
                FetchRequest(
                    url: "https://127.0.0.1:\(port)/\(number)",
                    destination: "\(folder.path)/landed-\(number)",
                    synchronize: false
                )
            }
        )
        fetcher.shutdown()
        for (number, result) in results.enumerated() {
            let response = try result.get()
            #expect(response.attempts == 1 && response.size == text(number).utf8.count)
            #expect(try String(contentsOfFile: "\(folder.path)/landed-\(number)", encoding: .utf8) == text(number))
        }
        withExtendedLifetime(server) {}
        let log = try String(contentsOfFile: "\(folder.path)/seen.log", encoding: .utf8)
        return log.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 4, let end = Double(words[2]), let took = Double(words[3]) else { return nil }
            return Entry(connection: words[0], protocolName: words[1], start: end - took, end: end)
        }
    }

    @Test func `sixty transfers share one connection, many at the same time`() async throws {
        // Slow enough that the first are not over when the next are asked for.
        let entries = try await fetchAll("limit_rate 12k;")
        #expect(entries.count == 60 && entries.allSatisfy { $0.protocolName == "HTTP/2.0" })
        #expect(Set(entries.map(\.connection)).count == 1)
        let most = entries.map { entry in entries.count { $0.start <= entry.start && entry.start < $0.end } }.max()
        #expect((most ?? 0) > 4)
    }

    @Test func `a server that ends connections after some requests loses none`() async throws {
        let entries = try await fetchAll("keepalive_requests 15;")
        #expect(entries.count >= 60 && entries.allSatisfy { $0.protocolName == "HTTP/2.0" })
        #expect(Set(entries.map(\.connection)).count >= 4)
    }

    @Test func `who does not want HTTP 2 gets a connection for each transfer at once`() async throws {
        let entries = try await fetchAll("limit_rate 200k;", allowsHTTP2: false)
        #expect(entries.count == 60 && entries.allSatisfy { $0.protocolName == "HTTP/1.1" })
        #expect((2...16).contains(Set(entries.map(\.connection)).count))
    }
}
