import DuetEngine
import DuetEvents
import DuetPipeline
import DuetServe
import DuetTestSupport
import Testing

/// Servers that fail, in all the ways that servers do: the warehouse stays as it was.
@Suite struct BadTransferTests {
    private static let definition = """
        parameters: {base: "http://127.0.0.1:1"}
        sources:
          orders: {location: "${base}/orders.csv"}
          parts: {manifest: "${base}/parts/SHA256SUMS", format: csv}
        """
    private static let sql = """
        CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE STREAMING TABLE bronze.parts AS SELECT * FROM STREAM read_files('${source.parts}');
        CREATE MATERIALIZED VIEW gold.total AS SELECT count(*) AS n, sum(amount) AS total FROM bronze.orders;
        CREATE MATERIALIZED VIEW gold.parts AS SELECT count(*) AS n FROM bronze.parts;
        """

    private struct Site {
        let fixture: PipelineFixture
        let server: FileServer
        let port: Int

        var base: [String: String] { ["base": "http://127.0.0.1:\(port)"] }
    }

    private func site() async throws -> Site {
        let fixture = try PipelineFixture(Self.definition, sql: Self.sql)
        try fixture.drop("id,amount\n1,10\n2,20\n", "orders.csv")
        try fixture.drop("x\n1\n", "parts/one.csv")
        try fixture.drop("x\n2\n", "parts/two.csv")
        try writeSums(fixture)
        let server = FileServer(root: "\(fixture.folder.path)/data")
        return Site(fixture: fixture, server: server, port: try await server.start())
    }

    private func writeSums(_ fixture: PipelineFixture) throws {
        let lines = try fixture.digests("data/parts/*.csv").map { "\($0.digest)  \($0.name)" }
        try fixture.drop(lines.joined(separator: "\n") + "\n", "parts/SHA256SUMS")
    }

    /// Spoils the server, runs both styles, and gives the errors; the tables must be as before.
    private func fail(_ site: Site, _ spoil: (Site) async throws -> Void) async throws -> [DuetError] {
        let before = try Style.allCases.map { try site.fixture.content($0) }
        try await spoil(site)
        var errors: [DuetError] = []
        for style in Style.allCases {
            let outcome = try await site.fixture.run(style, parameters: site.base)
            #expect(EventLogValidator.faults(in: outcome.events).isEmpty)
            errors.append(try #require(outcome.errors.first, "\(style) did not fail"))
        }
        #expect(try Style.allCases.map { try site.fixture.content($0) } == before)
        return errors
    }

    private func recovers(_ site: Site) async throws {
        site.server.setFaults([])
        for style in Style.allCases {
            let outcome = try await site.fixture.run(style, parameters: site.base)
            #expect(outcome.isSuccess, "\(outcome.errors)")
        }
        #expect(try site.fixture.differences().isEmpty)
    }

    /// A file with something in it that nobody has had yet.
    private func renew(_ file: String, _ site: Site) throws {
        if file == "orders.csv" {
            let rows = (0..<50).map { "\($0),\(Int.random(in: 1...9999))" }
            try site.fixture.drop("id,amount\n\(rows.joined(separator: "\n"))\n", file)
        } else {
            try site.fixture.drop("x\n\(Int.random(in: 1...999_999_999))\n", "parts/three.csv")
            try writeSums(site.fixture)
        }
    }

    @Test func `a server that fails is named and nothing changes`() async throws {
        let site = try await site()
        try await recovers(site)
        // What is asked for, what the server does wrong, and what the message must say.
        let faults: [(file: String, effect: FaultRule.Effect, word: String)] = [
            ("orders.csv", .status(404, retryAfter: nil), "404"),
            ("orders.csv", .status(403, retryAfter: nil), "403"),
            ("orders.csv", .status(500, retryAfter: nil), "500"),
            ("orders.csv", .cut(afterBytes: 5), "TRUNCATED"),
            ("orders.csv", .falseLength(by: 1000), "TRUNCATED"),
            ("orders.csv", .redirect(to: "/orders.csv", status: 302), "redirect"),
            ("parts/SHA256SUMS", .status(404, retryAfter: nil), "404"),
            ("parts/three.csv", .status(404, retryAfter: nil), "404"),
        ]
        for (file, effect, word) in faults {
            try await recovers(site)
            let errors = try await fail(site) { site in
                try renew(file, site)
                site.server.setFaults([FaultRule(effect, path: "/\(file)")])
            }
            for error in errors {
                let place = "\(file), \(effect): \(error)"
                #expect(error.code == .fetchFailed, "\(place)")
                #expect(error.description.contains(word) && error.description.contains(file), "\(place)")
                #expect(error.location?.file.hasSuffix("pipeline.yml") == true, "\(place)")
                #expect(error.location?.line ?? 0 > 0, "\(place)")
            }
        }
        try await recovers(site)
        await site.server.stop()
    }

    @Test func `a server that is not there is named and nothing changes`() async throws {
        let site = try await site()
        try await recovers(site)
        let errors = try await fail(site) { await $0.server.stop() }
        for error in errors {
            #expect(error.code == .fetchFailed)
            #expect(error.description.contains("127.0.0.1"))
        }
    }

    @Test func `a file whose checksum is not the list's is refused`() async throws {
        let site = try await site()
        try await recovers(site)
        let errors = try await fail(site) { site in
            try site.fixture.drop("x\n3\n", "parts/three.csv")
            try writeSums(site.fixture)
            try site.fixture.drop("x\n4\n", "parts/three.csv")
        }
        for error in errors {
            #expect(error.code == .fetchFailed)
            #expect(error.description.contains("three.csv"))
            #expect(error.cause?.contains("CHECKSUM_MISMATCH") == true)
        }
        try writeSums(site.fixture)
        try await recovers(site)
    }

    @Test func `a page in place of the file is refused`() async throws {
        let site = try await site()
        try await recovers(site)
        let errors = try await fail(site) {
            try $0.fixture.drop("<html><body>log in first</body></html>", "orders.csv")
        }
        for error in errors {
            #expect(error.code == .badFormat)
            #expect(error.message.contains("HTML") && error.message.contains("/orders.csv"))
        }
        try site.fixture.drop("id,amount\n7,70\n", "orders.csv")
        try await recovers(site)
    }

    @Test func `an empty answer is refused`() async throws {
        let site = try await site()
        try await recovers(site)
        let errors = try await fail(site) { try $0.fixture.drop("", "orders.csv") }
        for error in errors { #expect(error.code == .badFormat) }
        try site.fixture.drop("id,amount\n7,70\n", "orders.csv")
        try await recovers(site)
    }
}
