import DuckKit
import DuetEngine
import DuetTestSupport
import Foundation
import Testing

/// What the machine may lack: room, the right to write, a free warehouse.
///
/// The warehouse stays as it was.
@Suite struct BadMachineTests {
    /// A query that makes far more rows than the limit has room for.
    private static let large = """
        CREATE MATERIALIZED VIEW gold.large AS
          SELECT id, hash(id, range) AS h, repeat(md5(range::VARCHAR), 4) AS t FROM silver.orders, range(200000);
        """

    private func fixture() async throws -> CommandFixture {
        let fixture = try CommandFixture()
        for style in Style.allCases {
            let result = try await fixture.duet("run", "pipeline", CommandFixture.style(style))
            try #require(result.status == 0, "\(result.errors)")
        }
        try fixture.folder.write(Self.large, to: "pipeline/transformations/large.sql")
        return fixture
    }

    private func expectDiskFull(
        _ fixture: CommandFixture,
        _ style: Style,
        home: String = ".duet",
        under wrapper: [String]
    ) async throws {
        let result = try await fixture.duet(
            "run",
            "pipeline",
            "--home=\(home)",
            "--memory=200",
            CommandFixture.style(style),
            under: wrapper
        )
        #expect(result.status == 1, "\(style): \(result)")
        #expect(result.errors.contains("DISK_FULL"), "\(style): \(result.errors)")
    }

    @Test(arguments: Style.allCases)
    func `a file that may not grow leaves the warehouse as it was`(_ style: Style) async throws {
        let fixture = try await fixture()
        let before = try fixture.content(style)
        // The signal that comes with the limit is ignored, so that the write fails as on a full disk. 4 MiB in blocks.
        try await expectDiskFull(
            fixture,
            style,
            under: ["sh", "-c", "trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\""]
        )
        #expect(try fixture.content(style).contains("silver"))
        #expect(try fixture.content(style) == before)
        // There is room again.
        try fixture.folder.remove("pipeline/transformations/large.sql")
        #expect(try await fixture.duet("run", "pipeline", CommandFixture.style(style)).status == 0)
    }

    @Test(arguments: Style.allCases)
    func `a full disk leaves the warehouse as it was`(_ style: Style) async throws {
        let fixture = try await fixture()
        let mounting = ["unshare", "-Urm", "sh", "-c"]
        let script = """
            mkdir -p small && mount -t tmpfs -o size=12m tmpfs small || exit 77
            cp -r .duet/. small/ && "$0" "$@"; status=$?
            cp -r small/. kept/; exit $status
            """
        try FileManager.default.createDirectory(
            atPath: "\(fixture.folder.path)/kept",
            withIntermediateDirectories: true
        )
        let trial = try await fixture.command.run(["--version"], in: fixture.folder, under: mounting + [script])
        guard trial.status == 0 else {
            print("not tested: this machine allows no file system of one's own (\(trial.errors))")
            return
        }
        let before = try fixture.content(style)
        try await expectDiskFull(fixture, style, home: "small", under: mounting + [script])
        #expect(try PipelineFixture.content(of: fixture.home("kept").warehouse(style)) == before)
    }

    @Test(arguments: Style.allCases)
    func `a warehouse that another process has open is in use`(_ style: Style) async throws {
        let fixture = try await fixture()
        let other = try Database(path: fixture.home().warehouse(style)).connect()
        let result = try await fixture.duet("run", "pipeline", CommandFixture.style(style))
        #expect(result.status == 1)
        #expect(result.errors.contains("is in use by another process"))
        #expect(result.errors.contains("\(style.rawValue).duckdb"))
        #expect(try other.scalar("SELECT count(*) FROM silver.orders").int == 2)
    }

    @Test func `a file that is no database is named`() async throws {
        let fixture = try CommandFixture()
        try fixture.folder.write("no database", to: ".duet/fixture/declarative.duckdb")
        let result = try await fixture.duet("run", "pipeline")
        #expect(result.status == 1 && result.errors.contains("error[WAREHOUSE]"))
        #expect(result.errors.contains("declarative.duckdb") && result.errors.contains("hint:"))
    }

    @Test func `a server that is not there is named with the source's place`() async throws {
        let fixture = try CommandFixture()
        // Port 1 is no service's; nothing listens there.
        let result = try await fixture.duet(
            "run",
            "pipeline",
            "-p",
            "base=http://127.0.0.1:1",
            under: ["timeout", "60"]
        )
        #expect(result.status == 1)
        #expect(
            result.errors.contains("pipeline/pipeline.yml:5:10: error[FETCH_FAILED]: source 'names'"),
            "\(result.errors)"
        )
    }
}
