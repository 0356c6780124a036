import DuetFetch
import DuetServe
import Foundation
import Testing

/// The `openssl` command serves; certificates are made on the spot.
@Suite(.timeLimit(.minutes(1)))
struct TLSTests {
    /// Starts `openssl s_server` with a certificate for some names, and gives its port and the certificate's file.
    private func serving(
        names: String,
        days: Int = 2,
        further: [String] = [],
        _ work: (_ port: Int, _ certificate: String) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("duet-tls-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let certificate = "\(folder)/cert.pem"
        let key = "\(folder)/key.pem"
        _ = try await run(
            "sh",
            "-c",
            "cd '\(folder)' && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem"
                + " -out request.pem -subj /CN=duet -addext subjectAltName=\(names) 2>/dev/null"
                + " && openssl x509 -req -in request.pem -signkey key.pem -copy_extensions copy -days \(days)"
                + " -out cert.pem 2>/dev/null"
        )
        let server = Process()
        server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        server.arguments = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", certificate, "-key", key]
        server.arguments?.append(contentsOf: further)
        let output = Pipe()
        server.standardOutput = output
        server.standardError = FileHandle.nullDevice
        try server.run()
        // The process may have been started with SIGTERM blocked, and would then outlive the tests.
        defer { kill(server.processIdentifier, SIGKILL) }
        var text = ""
        while !text.contains("ACCEPT 127.0.0.1:") || !text.hasSuffix("\n") {
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { break }
            text += String(decoding: data, as: UTF8.self)
        }
        let word = try #require(
            text.split(separator: "\n").first { $0.hasPrefix("ACCEPT ") }?.split(separator: ":").last
        )
        try await work(try #require(Int(word)), certificate)
    }

    private func fetch(_ url: String, _ configuration: FetchConfiguration) async -> (FetchResponse?, FetchError?) {
        let fetcher = Fetcher(configuration: configuration)
        do throws(FetchError) {
            return (try await fetcher.data(FetchRequest(url: url, retry: .never)).0, nil)
        } catch {
            return (nil, error)
        }
    }

    @Test func `a server of a known authority and the right name is trusted, others are not`() async throws {
        try await serving(names: "DNS:localhost,IP:127.0.0.1") { port, certificate in
            let known = FetchConfiguration(certificateAuthorities: certificate, proxy: "")
            let (good, _) = await fetch("https://127.0.0.1:\(port)/", known)
            #expect(good?.status == 200)
            #expect((good?.timings.tls ?? 0) > 0)
            let (_, unknown) = await fetch("https://127.0.0.1:\(port)/", FetchConfiguration(proxy: ""))
            #expect(unknown?.code == .certificateRejected)
            let (careless, _) = await fetch(
                "https://127.0.0.1:\(port)/",
                FetchConfiguration(verifiesServer: false, proxy: "")
            )
            #expect(careless?.status == 200)
        }
    }

    @Test func `a certificate for another name is refused`() async throws {
        try await serving(names: "DNS:elsewhere.example") { port, certificate in
            let configuration = FetchConfiguration(certificateAuthorities: certificate, proxy: "")
            let (_, error) = await fetch("https://127.0.0.1:\(port)/", configuration)
            #expect(error?.code == .certificateRejected)
            #expect(error?.message.contains("127.0.0.1") == true)
        }
    }

    @Test func `an expired certificate is refused`() async throws {
        try await serving(names: "IP:127.0.0.1", days: -1) { port, certificate in
            let configuration = FetchConfiguration(certificateAuthorities: certificate, proxy: "")
            let (_, error) = await fetch("https://127.0.0.1:\(port)/", configuration)
            #expect(error?.code == .certificateRejected)
            #expect(error?.message.contains("expired") == true, "\(error?.message ?? "no error")")
        }
    }

    @Test func `a server without encryption is told from one with a bad certificate`() async throws {
        let space = try await Workspace()
        let url = space.url("a").replacingOccurrences(of: "http:", with: "https:")
        let (_, error) = await fetch(url, FetchConfiguration(proxy: ""))
        #expect(error?.code == .tlsFailed)
        await space.stop()
    }

    @Test func `a missing file of authorities is told`() async throws {
        try await serving(names: "IP:127.0.0.1") { port, _ in
            let configuration = FetchConfiguration(certificateAuthorities: "/no/such/file.pem", proxy: "")
            let (_, error) = await fetch("https://127.0.0.1:\(port)/", configuration)
            #expect(error?.code == .certificateRejected)
        }
    }

    @Test func `one request's own authority, and its own wish not to check, are for it alone`() async throws {
        try await serving(names: "IP:127.0.0.1") { (port, certificate) async throws -> Void in
            let fetcher = Fetcher(configuration: FetchConfiguration(proxy: ""))
            var request = FetchRequest(url: "https://127.0.0.1:\(port)/", retry: .never)
            for transport in [Transport(certificateAuthorities: certificate), Transport(verifiesServer: false)] {
                request.transport = transport
                #expect(try await fetcher.data(request).0.status == 200)
                // The connection that is open by now is not for those who would check.
                request.transport = nil
                let wanted = request
                let refused = await failure { () throws(FetchError) in try await fetcher.data(wanted) }
                #expect(refused?.code == .certificateRejected)
            }
            fetcher.shutdown()
        }
    }

    @Test func `a client certificate is shown to a server that asks for one`() async throws {
        try await serving(names: "IP:127.0.0.1", further: ["-Verify", "1", "-verify_quiet"]) {
            (port, certificate) async throws -> Void in
            let fetcher = Fetcher(configuration: FetchConfiguration(proxy: ""))
            var request = FetchRequest(url: "https://127.0.0.1:\(port)/", retry: .never)
            request.transport = Transport(certificateAuthorities: certificate)
            let nameless = request
            #expect(await failure { () throws(FetchError) in try await fetcher.data(nameless) } != nil)
            request.transport?.clientCertificate = certificate
            request.transport?.clientKey = certificate.replacingOccurrences(of: "cert.pem", with: "key.pem")
            let (_, page) = try await fetcher.data(request)
            #expect(String(decoding: page, as: UTF8.self).contains("Client certificate"))
            fetcher.shutdown()
        }
    }

    @Test func `a proxy is asked for what is meant for the server`() async throws {
        let proxy = FaultServer { request, connection in
            connection.answer(200, body: "\(request.method) \(request.target)".utf8)
            return .keepAlive
        }
        let fetcher = Fetcher(configuration: FetchConfiguration(proxy: ""))
        var request = FetchRequest(url: "http://nowhere.example/a.csv", retry: .never)
        request.transport = Transport(proxy: "http://127.0.0.1:\(try proxy.start())")
        let (_, body) = try await fetcher.data(request)
        #expect(String(decoding: body, as: UTF8.self) == "GET http://nowhere.example/a.csv")
        fetcher.shutdown()
        proxy.stop()
    }
}
