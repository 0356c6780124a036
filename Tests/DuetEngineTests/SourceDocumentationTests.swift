import DuetEngine
import DuetFetch
import DuetPipeline
import DuetServe
import DuetTestSupport
import Foundation
import Testing

/// The examples of docs/sources.md, run as they stand there but for the servers' names.
@Suite(.timeLimit(.minutes(3)))
struct SourceDocumentationTests {
    /// The examples by name.
    private static func examples() throws -> [String: String] {
        let text = try String(contentsOfFile: "docs/sources.md", encoding: .utf8)
        var examples: [String: String] = [:]
        for block in text.components(separatedBy: "```yaml example=").dropFirst() {
            let lines = block.components(separatedBy: "```")[0].split(separator: "\n", omittingEmptySubsequences: false)
            examples[String(lines[0])] = lines.dropFirst().joined(separator: "\n")
        }
        return examples
    }

    /// How many files each example finds.
    private static let counts = [
        "file": 1, "glob": 2, "list": 2, "template": 6, "manifest": 2, "s3": 2, "azure": 2, "sftp": 1, "api-next": 3,
        "api-cursor": 3, "api-page": 3, "api-offset": 3, "api-link": 3, "archive": 1, "xlsx": 1, "grows": 1,
        "headers": 1,
        "tls": 1, "limits": 1,
    ]

    @Test func `every example is listed here`() throws {
        #expect(Set(try Self.examples().keys) == Set(Self.counts.keys))
    }

    /// A server of all files and APIs that the examples name.
    private static func world() async throws -> (
        served: ServedFolder, base: String, blobs: BlobServer, endpoint: String
    ) {
        let paged = PagedAPI()
        let served = try ServedFolder { request in
            switch request.path {
            case "/customers": return Self.api(paged, request, as: "/next")
            case "/events": return Self.api(paged, request, as: "/cursor", renaming: "after")
            case "/products": return Self.api(paged, request, as: "/number")
            case "/stock": return Self.api(paged, request, as: "/offset")
            case "/issues": return Self.api(paged, request, as: "/link")
            case "/bucket": return Self.listing(request)
            default: return nil
            }
        }
        let folder = served.folder
        for name in [
            "planes.csv", "orders-eu.csv", "orders-us.csv", "flights/1.csv", "flights/2.csv", "bucket/clicks/1.csv",
            "bucket/clicks/2.csv", "in/rates.csv", "log.csv", "prices.csv", "plant.csv", "feed.csv",
        ] {
            try folder.write("a\n1\n", to: name)
        }
        for region in ["eu", "us"] {
            for day in 1...3 { try folder.write("a\n\(day)\n", to: "\(region)/2024030\(day).csv") }
        }
        try Workbook.write(to: "\(folder.path)/book")
        _ = try await shell(
            "cd flights && sha256sum *.csv > SHA256SUMS && cd ../in && zip -q ../rates.zip rates.csv && cd ../book && zip -qr ../targets.xlsx .",
            in: folder.path
        )
        let blobs = BlobServer(account: "account", key: Data("key".utf8).base64EncodedString())
        for name in ["meters/1.csv", "meters/2.csv", "other/3.csv"] {
            blobs.put("container", name, Array("a\n1\n".utf8))
        }
        return (served, try await served.start(), blobs, try await blobs.start())
    }

    private static func api(
        _ paged: PagedAPI,
        _ request: ServedRequest,
        as path: String,
        renaming: String? = nil
    ) -> ServedReply? {
        var request = request
        let own = request.path
        request.path = path
        if let renaming { request.query = request.query.replacing("\(renaming)=", with: "from=") }
        guard var reply = paged.answer(request) else { return nil }
        reply.body = Array(String(decoding: reply.body, as: UTF8.self).replacing("\"\(path)?", with: "\"\(own)?").utf8)
        reply.headers = reply.headers.map { ($0.0, $0.1.replacing("<\(path)?", with: "<\(own)?")) }
        return reply
    }

    private static func listing(_ request: ServedRequest) -> ServedReply? {
        guard request.headers["authorization"]?.hasPrefix("AWS4-HMAC-SHA256 Credential=AK/") == true else {
            return ServedReply(status: 403)
        }
        let items = (1...2).map { "<Contents><Key>clicks/\($0).csv</Key><Size>4</Size></Contents>" }.joined()
        return ServedReply(body: Array("<ListBucketResult>\(items)</ListBucketResult>".utf8))
    }

    @Test(arguments: counts.keys.sorted()) func `the example works`(name: String) async throws {
        if name == "xlsx", !FileManager.default.fileExists(atPath: ".deps/duckdb/extensions") { return }
        if name == "sftp", !ServerProcess.isThere("rclone") { return }
        let example = try #require(try Self.examples()[name])
        let (served, base, blobs, endpoint) = try await Self.world()
        let folder = try TemporaryFolder()
        var address = ""
        var server: ServerProcess?
        if name == "sftp" { (server, address) = try await Self.sftp(folder) }
        let text = example.replacing("https://example.org", with: base).replacing("https://s3.example.org", with: base)
            .replacing("https://account.blob.example.org/account", with: endpoint)
            .replacing("sftp://files.example.org", with: address)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }
        try folder.write("name: p\nsources:\n\(lines.joined(separator: "\n"))\n", to: "pipeline.yml")
        try folder.write("CREATE MATERIALIZED VIEW a.b AS SELECT 1 AS x;", to: "transformations/a.sql")
        for number in 1...2 { try folder.write("a\n\(number)\n", to: "data/orders-\(number).csv") }
        let pipeline = try Pipeline.load(folder: folder.path, overrides: [:])
        let source = try #require(pipeline.sources.first)
        let reader = SourceReader(
            fetcher: LazyFetcher { Fetcher(configuration: FetchConfiguration(proxy: "")) },
            landing: "\(folder.path)/landing",
            folder: folder.path,
            environment: [
                "AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "secret", "AZURE_STORAGE_KEY": blobs.key,
                "TOKEN": "token", "TENANT": "tenant",
            ]
        )
        let sync = try await reader.read(source, known: [], mode: .conditional)
        #expect(sync.files.count == Self.counts[name])
        withExtendedLifetime(server) {}
        await served.server.stop()
        await blobs.stop()
    }

    private static func sftp(_ folder: TemporaryFolder) async throws -> (ServerProcess, String) {
        try folder.write("a\n1\n", to: "root/out/statement.csv")
        _ = try await shell(
            "mkdir keys; ssh-keygen -q -t ed25519 -N '' -f keys/id_ed25519; ssh-keygen -q -t ed25519 -N '' -f host",
            in: folder.path
        )
        let port = try ServerProcess.freePorts(1)[0]
        _ = try await shell(
            "echo \"[127.0.0.1]:\(port) $(cut -d' ' -f1,2 host.pub)\" > keys/known_hosts",
            in: folder.path
        )
        let server = try ServerProcess(
            "rclone",
            [
                "serve", "sftp", "root", "--addr", "127.0.0.1:\(port)", "--key", "host", "--authorized-keys",
                "keys/id_ed25519.pub", "--config", "none",
            ],
            in: folder.path
        )
        try await server.listens(on: port)
        return (server, "sftp://127.0.0.1:\(port)")
    }
}
