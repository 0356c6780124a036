import DuetEngine
import DuetEvents
import DuetPipeline
import DuetServe
import DuetTestSupport
import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5)))
struct SourceStoreTests {
    private static let key = Data("a key of an account, for tests".utf8).base64EncodedString()

    private func azure() async throws -> (server: BlobServer, endpoint: String) {
        let server = BlobServer(account: "duet", key: Self.key)
        let endpoint = try await server.start()
        return (server, endpoint)
    }

    private func fixture(_ endpoint: String, _ more: String) throws -> SourceFixture {
        try SourceFixture(
            "location: az://duet/data/in/*.csv\nendpoint: \(endpoint)\n\(more)",
            environment: ["KEY": Self.key]
        )
    }

    @Test func `an Azure container is listed page by page, and only what changed comes`() async throws {
        let (server, endpoint) = try await azure()
        for number in 0..<12 { server.put("data", "in/file \(number)+ü.csv", Array("a\n\(number)\n".utf8)) }
        server.put("data", "in/other.txt", [1])
        server.put("data", "out/x.csv", [1])
        let fixture = try fixture(endpoint, "credentials: {azure_key: {account: duet, key: {env: KEY}}}")
        let first = try await fixture.read()
        #expect(first.files.count == 12)
        #expect(first.requests == 13)
        let same = try await fixture.read(known: first)
        #expect(same.files == first.files)
        #expect(same.requests == 1, "the listing tells")
        server.put("data", "in/file 3+ü.csv", Array("a\n33\n".utf8))
        server.remove("data", "in/file 4+ü.csv")
        let changed = try await fixture.read(known: same)
        #expect(changed.requests == 2)
        #expect(changed.files.count == 11)
        #expect(try SourceFixture.texts(changed).contains("a\n33\n"))
        await server.stop()
    }

    @Test func `a wrong key, or none, is refused by Azure's rules`() async throws {
        let (server, endpoint) = try await azure()
        server.put("data", "in/a.csv", Array("a\n1\n".utf8))
        for credentials in ["", "credentials: {azure_key: {account: duet, key: {env: WRONG}}}"] {
            var fixture = try fixture(endpoint, credentials)
            fixture.environment["WRONG"] = Data("wrong".utf8).base64EncodedString()
            let error = await fixture.error()
            #expect(error?.cause?.hasPrefix("FORBIDDEN") == true)
        }
        await server.stop()
    }

    /// Microsoft's own client, where `scripts/setup azure` has brought it.
    private static let python = ".deps/python-azure"

    @Test(.enabled(if: FileManager.default.fileExists(atPath: SourceStoreTests.python)))
    func `Microsoft's client and duet find the same in the test server`() async throws {
        let (server, endpoint) = try await azure()
        let client = """
            import sys, datetime
            from azure.storage.blob import (BlobServiceClient, generate_container_sas, ContainerSasPermissions,
                generate_account_sas, AccountSasPermissions, ResourceTypes)
            endpoint, key, out = sys.argv[1:]
            service = BlobServiceClient(endpoint, credential={"account_name": "duet", "account_key": key})
            container = service.create_container("data")
            container.upload_blob("in/small.csv", b"a\\n1\\n")
            big = b"a\\n" + b"1234567\\n" * 200000
            # In blocks, which is how the client uploads what is big.
            blob = container.get_blob_client("in/big.csv")
            blob.upload_blob(big, max_concurrency=1, blob_type="BlockBlob")
            blocks = service.get_blob_client("data", "in/blocks.csv")
            from azure.storage.blob import BlobBlock
            blocks.stage_block("aa", b"a\\n"); blocks.stage_block("bb", b"7\\n")
            blocks.commit_block_list([BlobBlock("aa"), BlobBlock("bb")])
            for n in range(7): container.upload_blob(f"pages/{n}", b"x")
            pages = container.list_blobs(name_starts_with="pages/", results_per_page=3).by_page()
            sizes = [len(list(page)) for page in pages]
            assert sizes == [3, 3, 1], sizes
            assert blob.download_blob(offset=2, length=7).readall() == b"1234567"
            assert blob.download_blob().readall() == big
            assert blob.get_blob_properties().size == len(big)
            try:
                BlobServiceClient(endpoint, credential={"account_name": "duet", "account_key": "d3Jvbmc="}).get_container_client("data").upload_blob("x", b"x")
                raise SystemExit("a wrong key was let in")
            except Exception as error:
                assert "AuthenticationFailed" in str(error), error
            ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
            sas = generate_container_sas("duet", "data", account_key=key, expiry=ends,
                permission=ContainerSasPermissions(read=True, list=True))
            whole = generate_account_sas("duet", account_key=key, expiry=ends, resource_types=ResourceTypes(container=True, object=True),
                permission=AccountSasPermissions(read=True, list=True))
            assert len(list(BlobServiceClient(endpoint, credential=sas).get_container_client("data").list_blobs())) == 10
            print(sas); print(whole)
            """
        let folder = try TemporaryFolder()
        try folder.write(client, to: "client.py")
        let python = "\(FileManager.default.currentDirectoryPath)/\(Self.python)"
        let output = try await shell(
            "PYTHONPATH='\(python)' python3 client.py '\(endpoint)' '\(Self.key)' out",
            in: folder.path
        )
        let signatures = output.split(separator: "\n").map(String.init)
        #expect(signatures.count == 2)
        var results: [[String]] = []
        for credentials in [
            "azure_key: {account: duet, key: {env: KEY}}", "azure_sas: {env: SAS}", "azure_sas: {env: WHOLE}",
        ] {
            var fixture = try fixture(endpoint, "credentials: {\(credentials)}")
            fixture.environment["SAS"] = signatures.first
            fixture.environment["WHOLE"] = signatures.last
            let sync = try await fixture.read()
            #expect(sync.files.map { $0.origin.split(separator: "/").last } == ["big.csv", "blocks.csv", "small.csv"])
            #expect(sync.files.map(\.size) == [1_600_002, 4, 4])
            results.append(sync.files.map(\.content))
            #expect(!sync.files.map { "\($0)" }.joined().contains("sig="))
        }
        #expect(Set(results).count == 1)
        await server.stop()
    }

    @Test func `200,000 objects are listed, and none of them asked for when none has changed`() async throws {
        let count = 200_000
        let served = try ServedFolder { request in
            let query = BlobQuery.parameters(request.query)
            guard query["list-type"] == "2" else { return ServedReply(status: 500) }
            let first = Int(query["continuation-token"] ?? "0") ?? 0
            let last = min(count, first + 1000)
            var text = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            text += "<IsTruncated>\(last < count)</IsTruncated><EncodingType>url</EncodingType>"
            if last < count { text += "<NextContinuationToken>\(last)</NextContinuationToken>" }
            for number in first..<last {
                text += "<Contents><Key>in/file+\(number)%26.csv</Key><ETag>&quot;e\(number)&quot;</ETag>"
                text += "<Size>4</Size><StorageClass>STANDARD</StorageClass></Contents>"
            }
            return ServedReply(body: Array((text + "</ListBucketResult>").utf8))
        }
        let base = try await served.start()
        let fixture = try SourceFixture("location: s3://bucket/in/*.csv\nendpoint: \(base)")
        let path = try fixture.folder.write("a\n1\n", to: "one.csv")
        let known = (0..<count).map { number in
            LandedFile(
                source: "s",
                origin: "s3://bucket/in/file \(number)&.csv",
                path: path,
                content: "c",
                size: 4,
                etag: "\"e\(number)\""
            )
        }
        let sync = try await fixture.reader().read(fixture.source, known: known, mode: .conditional)
        #expect(sync.files.count == count)
        #expect(sync.files == known)
        #expect(sync.requests == 200)
        #expect(sync.transfers.filesCached == count)
        await served.server.stop()
    }

    @Test func `a listing that never ends, or is none, is refused`() async throws {
        for (text, reason) in [
            (
                "<ListBucketResult><NextContinuationToken>x</NextContinuationToken></ListBucketResult>",
                "the same continuation twice"
            ),
            ("<html>hello</html>", "no list of a bucket"),
        ] {
            let served = try ServedFolder { _ in ServedReply(body: Array(text.utf8)) }
            let base = try await served.start()
            let error = await (try SourceFixture("location: s3://b/\nendpoint: \(base)\nformat: csv")).error()
            #expect(error?.message.contains(reason) == true)
            await served.server.stop()
        }
    }
}

enum BlobQuery {
    static func parameters(_ query: String) -> [String: String] {
        var parameters: [String: String] = [:]
        for pair in query.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            parameters[String(halves[0])] = String(halves.last ?? "").removingPercentEncoding ?? ""
        }
        return parameters
    }
}
