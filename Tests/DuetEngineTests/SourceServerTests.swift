import DuetEngine
import DuetEvents
import DuetFetch
import DuetPipeline
import DuetTestSupport
import Foundation
import Testing

/// Sources on servers that others have written, where `scripts/setup servers` has brought them.
@Suite(.timeLimit(.minutes(5)))
struct SourceServerTests {
    @Test(.enabled(if: ServerProcess.isThere("weed")))
    func `an S3 bucket of SeaweedFS is listed in pages, signed, and only what changed comes`() async throws {
        let folder = try TemporaryFolder()
        try folder.write(
            """
            {"identities": [{"name": "duet", "credentials": [{"accessKey": "AKDUET", "secretKey": "s3cr3t/with+signs"}],
              "actions": ["Admin", "Read", "Write", "List"]}]}
            """,
            to: "s3.json"
        )
        try folder.write("", to: "data/.keep")
        let ports = try ServerProcess.freePorts(8)
        let names = ["master.port", "volume.port", "filer.port", "s3.port"]
        let listening = zip(names, ports).map { "-\($0)=\($1)" } + zip(names, ports[4...]).map { "-\($0).grpc=\($1)" }
        let server = try ServerProcess(
            "weed",
            [
                "server", "-master.telemetry=false", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-dir=\(folder.path)/data",
                "-master.volumeSizeLimitMB=64", "-s3", "-s3.port.iceberg=0", "-s3.config=\(folder.path)/s3.json",
            ] + listening,
            in: folder.path
        )
        let base = "http://127.0.0.1:\(ports[3])"
        try await server.answers(base)
        let curl =
            "curl -sf --retry 50 --retry-all-errors --retry-delay 1 --aws-sigv4 aws:amz:us-east-1:s3 --user 'AKDUET:s3cr3t/with+signs'"
        _ = try await shell("\(curl) -X PUT \(base)/bucket", in: folder.path)
        // More than a page of a listing, and names that need quoting.
        try folder.write("a\n1\n", to: "one.csv")
        _ = try await shell(
            "for n in $(seq 1 1005); do echo \"url = \(base)/bucket/in/n$n.csv\"; echo 'upload-file = one.csv'; done > all;"
                + "\(curl) -K all",
            in: folder.path
        )
        try folder.write("a\n2\n", to: "two.csv")
        _ = try await shell("\(curl) -T two.csv '\(base)/bucket/in/sp%20%C3%BC%2B%26%20x%3D1.csv'", in: folder.path)
        var fixture = try SourceFixture(
            """
            location: s3://bucket/in/*.csv
            endpoint: \(base)
            credentials: {s3: {access_key: {env: KEY}, secret_key: {env: SECRET}}}
            """,
            environment: ["KEY": "AKDUET", "SECRET": "s3cr3t/with+signs"]
        )
        let first = try await fixture.read()
        #expect(first.files.count == 1006)
        #expect(try SourceFixture.texts(first).filter { $0 == "a\n2\n" }.count == 1)
        #expect(first.files.contains { $0.origin == "s3://bucket/in/sp ü+& x=1.csv" })
        let same = try await fixture.read(known: first)
        #expect(same.requests == 2, "two pages of the listing")
        #expect(same.files == first.files)
        _ = try await shell("\(curl) -T two.csv '\(base)/bucket/in/n7.csv'", in: folder.path)
        let changed = try await fixture.read(known: same)
        #expect(changed.changed == 1)
        #expect(changed.requests == 3)
        fixture.environment["SECRET"] = "wrong"
        #expect(await fixture.error()?.cause?.hasPrefix("FORBIDDEN") == true)
        withExtendedLifetime(server) {}
    }

    @Test(.enabled(if: ServerProcess.isThere("rclone")))
    func `a folder over sftp is listed and fetched, and its host must be known`() async throws {
        let folder = try TemporaryFolder()
        try folder.write("a\n1\n", to: "root/in/one.csv")
        try folder.write("a\n2\n", to: "root/in/two words.csv")
        try folder.write("no", to: "root/in/other.txt")
        _ = try await shell(
            "ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f user",
            in: folder.path
        )
        let port = try ServerProcess.freePorts(1)[0]
        let server = try ServerProcess(
            "rclone",
            [
                "serve", "sftp", "\(folder.path)/root", "--addr", "127.0.0.1:\(port)", "--key", "\(folder.path)/host",
                "--authorized-keys", "\(folder.path)/user.pub", "--config", "\(folder.path)/none", "--dir-cache-time",
                "0s",
            ],
            in: folder.path
        )
        let probe = try SourceFixture(
            "location: sftp://127.0.0.1:\(port)/in/*.csv\ncredentials: {ssh: {user: duet, key_file: \(folder.path)/user}}\n"
                + "tls: {known_hosts: \(folder.path)/known}\nlimits: {attempts: 100}"
        )
        try folder.write("", to: "known")
        try await server.listens(on: port)
        let unknown = await probe.error()
        #expect(unknown?.cause?.hasPrefix("CERTIFICATE_REJECTED") == true, "\(String(describing: unknown))")
        _ = try await shell("echo \"[127.0.0.1]:\(port) $(cut -d' ' -f1,2 host.pub)\" > known", in: folder.path)
        let first = try await probe.read()
        #expect(try SourceFixture.texts(first) == ["a\n1\n", "a\n2\n"])
        let same = try await probe.read(known: first)
        #expect(same.changed == 0)
        #expect(same.transfers.filesCached == 2)
        try folder.write("a\n22\n", to: "root/in/two words.csv")
        let changed = try await probe.read(known: same)
        #expect(changed.changed == 1)
        #expect(try SourceFixture.texts(changed) == ["a\n1\n", "a\n22\n"])
        let missing = try SourceFixture(
            "location: sftp://127.0.0.1:\(port)/in/none.csv\ncredentials: {ssh: {user: duet, key_file: \(folder.path)/user}}\n"
                + "tls: {known_hosts: \(folder.path)/known}"
        )
        #expect(await missing.error()?.cause?.hasPrefix("NOT_FOUND") == true)
        withExtendedLifetime(server) {}
    }

    @Test(.enabled(if: ServerProcess.isThere("nginx")))
    func `nginx serves ranges, conditions and resumes as the tests' own server does`() async throws {
        let folder = try TemporaryFolder()
        let port = try ServerProcess.freePorts(1)[0]
        try folder.write(
            """
            daemon off; master_process off; pid nginx.pid; error_log stderr; worker_processes 1;
            events {}
            http {
              access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4;
              scgi_temp_path t5;
              server { listen 127.0.0.1:\(port); root root; location /slow/ { alias root/; limit_rate 2m; } }
            }
            """,
            to: "nginx.conf"
        )
        let content = (0..<700_000).map { "\($0)\n" }.joined()
        try folder.write("a\n" + content, to: "root/big.csv")
        let server = try ServerProcess(
            "nginx",
            ["-p", folder.path, "-c", "nginx.conf", "-e", "stderr"],
            in: folder.path
        )
        let base = "http://127.0.0.1:\(port)"
        try await server.answers("\(base)/big.csv")
        let fixture = try SourceFixture("location: \(base)/big.csv\nlimits: {parallel: 4}\n")
        let first = try await fixture.read()
        #expect(try SourceFixture.texts(first) == ["a\n" + content])
        #expect(try await fixture.read(known: first).bytesTransferred == 0)
        // Cut off by its owner, and continued with If-Range.
        let fetcher = Fetcher(configuration: FetchConfiguration(proxy: ""))
        let target = "\(folder.path)/copy.csv"
        let task = Task {
            try? await fetcher.fetch(FetchRequest(url: "\(base)/slow/big.csv", destination: target))
        }
        let part = try await Self.grown(in: folder.path, beyond: 400_000)
        task.cancel()
        _ = await task.value
        #expect(part > 400_000)
        let response = try await fetcher.fetch(FetchRequest(url: "\(base)/slow/big.csv", destination: target))
        #expect(response.resumedAt > 0)
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "a\n" + content)
        withExtendedLifetime(server) {}
    }

    /// Waits until the partial file has so many bytes.
    private static func grown(in folder: String, beyond size: Int) async throws -> Int {
        while true {
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.contains(".part-") {
                let attributes = try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
                let found = (attributes?[.size] as? NSNumber)?.intValue ?? 0
                if found > size, !name.hasSuffix(".note") { return found }
            }
            await Task.yield()
        }
    }
}
