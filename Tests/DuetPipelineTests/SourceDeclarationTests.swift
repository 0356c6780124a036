import DuetPipeline
import DuetTestSupport
import Testing

@Suite struct SourceDeclarationTests {
    /// The one source of a pipeline.yml.
    private func source(_ text: String, parameters: [String: String] = [:]) throws -> Source {
        let folder = try TemporaryFolder()
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)" }
        try folder.write(
            "name: p\nparameters: {day: '1'}\nsources:\n  s:\n\(lines.joined(separator: "\n"))\n",
            to: "pipeline.yml"
        )
        try folder.write("CREATE MATERIALIZED VIEW a.b AS SELECT 1 AS x;", to: "transformations/a.sql")
        let pipeline = try Pipeline.load(folder: folder.path, overrides: parameters)
        return try #require(pipeline.source(named: "s"))
    }

    private func error(_ text: String) -> String {
        do {
            _ = try source(text)
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func `a template gives one URL for each combination of its values`() throws {
        let source = try source(
            """
            location: https://example.org/{day}/{kind}-{page}.csv
            each:
              day: {from: 2024-02-28, to: 2024-03-01, write: yyyyMMdd}
              kind: [a, b]
              page: {from: 1, to: 3, step: 2}
            """
        )
        guard case .template(let template) = source.origin else { throw TestFailure("no template") }
        let urls = template.expanded(today: CalendarDay(number: 0))
        #expect(urls.count == 12)
        #expect(urls.first == "https://example.org/20240228/a-1.csv")
        #expect(urls.last == "https://example.org/20240301/b-3.csv")
        #expect(urls.contains("https://example.org/20240229/b-1.csv"))
    }

    @Test func `months go on to today, and a day that is none is told`() throws {
        let source = try source(
            "location: https://example.org/{m}.csv\neach: {m: {from: 2023-11, to: yesterday, step: month}}"
        )
        guard case .template(let template) = source.origin else { throw TestFailure("no template") }
        let today = try #require(CalendarDay("2024-02-01"))
        #expect(
            template.expanded(today: today)
                == ["2023-11", "2023-12", "2024-01"].map { "https://example.org/\($0).csv" }
        )
        #expect(CalendarDay("2023-02-29") == nil)
        for number in stride(from: -800_000, through: 800_000, by: 977) {
            let day = CalendarDay(number: number)
            if number >= 0 { #expect(CalendarDay(number: day.number) == day) }
        }
        #expect(
            error("location: https://e.org/{m}.csv\neach: {m: {from: 2023-02-30, to: today}}").contains("2023-02-30")
        )
    }

    @Test(arguments: [
        ("s3://bucket/a/*.csv", "a/x.csv", true), ("s3://bucket/a/*.csv", "a/b/x.csv", false),
        ("s3://bucket/a/**.csv", "a/b/x.csv", true), ("s3://bucket/a/", "a/b/x", true),
        ("s3://bucket/a/x.csv", "a/x.csv", true), ("s3://bucket/a/x.csv", "a/x.csv.gz", false),
        ("s3://bucket/a/[0-9]?.csv", "a/1x.csv", true), ("s3://bucket/a/[!0-9]?.csv", "a/1x.csv", false),
    ])
    func `an object store's pattern means keys as a shell would`(address: String, key: String, isMeant: Bool) throws {
        let source = try source("location: '\(address)'\nformat: csv")
        guard case .objects(let prefix) = source.origin else { throw TestFailure("no objects") }
        #expect(prefix.matches(key) == isMeant)
        #expect(key.hasPrefix(prefix.prefix) || !isMeant)
    }

    @Test func `an Azure location has account and container`() throws {
        let source = try source("location: az://account/container/logs/2024\nformat: jsonl\nregion: x")
        guard case .objects(let prefix) = source.origin else { throw TestFailure("no objects") }
        #expect((prefix.account, prefix.container, prefix.pattern) == ("account", "container", "logs/2024"))
        #expect(error("location: az://container\nformat: csv").contains("az://account/container/prefix"))
    }

    @Test(arguments: [
        "credentials: {bearer: abc}", "credentials: {basic: {user: u, password: abc}}",
        "headers: {Authorization: Bearer abc}", "credentials: {s3: {access_key: {env: A}, secret_key: abc}}",
    ])
    func `a secret in pipeline.yml itself is refused, and not repeated`(line: String) {
        let message = error("location: https://example.org/a.csv\n\(line)")
        #expect(message.contains("secrets are named, not written: {env: NAME} or {file: path}"))
        #expect(!message.contains("abc"))
    }

    @Test func `a password in a URL is refused, and not repeated`() {
        let message = error("location: https://user:abc@example.org/a.csv")
        #expect(message.contains("holds a password"))
        #expect(!message.contains("abc"))
    }

    @Test func `what is not verified needs a reason in words`() throws {
        let text = "location: https://example.org/a.csv\ntls: {unverified: "
        #expect(error(text + "'true'}").contains("must say in words"))
        #expect(
            try source(text + "the gateway has no certificate}").access.unverified == "the gateway has no certificate"
        )
    }

    @Test func `limits have units`() throws {
        let limits = try source(
            """
            location: https://example.org/a.csv
            limits: {size: 10 GiB, unpacked_size: 5 MB, time: 2 min, requests_per_second: 2.5, connections: 3, parallel: 4}
            """
        ).access.limits
        #expect(limits.bytes == 10 << 30)
        #expect(limits.unpackedBytes == 5_000_000)
        #expect(limits.seconds == 120)
        #expect(limits.requestsPerSecond == 2.5)
        #expect(limits.connections == 3)
        #expect(limits.parallel == 4)
        #expect(error("location: https://e.org/a.csv\nlimits: {size: 10 elephants}").contains("must be like '500 MiB'"))
    }

    @Test(arguments: [
        ("location: data/a.csv\ncredentials: {bearer: {env: A}}", "is for remote sources"),
        ("location: https://e.org/a.csv\nmember: b.csv", "is no archive"),
        ("location: https://e.org/a.zip\nmember: b.csv\ngrows: true", "plain files"),
        ("location: https://e.org/a.csv\nregion: x", "is for s3:// and az:// locations only"),
        ("location: https://e.org/a.csv\nsheet: x", "is for format: xlsx"),
        ("location: https://e.org/a.csv\nlocations: [b.csv]", "both a location and a locations"),
        ("location: https://e.org/a.csv\neach: {x: [1]}", "the location has no {x}"),
        ("api: {url: https://e.org/a, paging: {cursor: $.c}}", "needs the 'parameter'"),
        ("api: {url: https://e.org/a, rows: data}", "is no JSON path"),
        ("location: s3://b/a", "has no format"),
    ])
    func `what does not belong together is told`(text: String, message: String) {
        #expect(error(text).contains(message))
    }
}
