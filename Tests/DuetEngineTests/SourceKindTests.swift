import DuetEvents
import DuetPipeline
import DuetServe
import DuetTestSupport
import Foundation
import Testing

@testable import DuetEngine

@Suite(.timeLimit(.minutes(3)))
struct SourceKindTests {
    @Test func `a template's files are fetched, and only what changed comes again`() async throws {
        let served = try ServedFolder()
        let base = try await served.start()
        for day in 3...5 { try served.folder.write("a\n\(day)\n", to: "2024-03-0\(day).csv") }
        let fixture = try SourceFixture(
            "location: \(base)/{day}.csv\neach: {day: {from: 2024-03-03, to: today}}"
        )
        let first = try await fixture.read()
        #expect(try SourceFixture.texts(first) == ["a\n3\n", "a\n4\n", "a\n5\n"])
        #expect(first.changed == 3)
        try served.folder.write("a\n44\n", to: "2024-03-04.csv")
        let second = try await fixture.read(known: first)
        #expect(try SourceFixture.texts(second) == ["a\n3\n", "a\n44\n", "a\n5\n"])
        #expect(second.changed == 1)
        #expect(second.bytesTransferred == 5)
        #expect(second.transfers.filesCached == 2)
        #expect(second.transfers.bytesSaved == 8)
        await served.server.stop()
    }

    @Test func `a list of places is one source`() async throws {
        let served = try ServedFolder()
        let base = try await served.start()
        try served.folder.write("a\n1\n", to: "x.csv")
        try served.folder.write("a\n2\n", to: "y.csv")
        let fixture = try SourceFixture("locations: [\(base)/x.csv, \(base)/y.csv]")
        #expect(try SourceFixture.texts(try await fixture.read()) == ["a\n1\n", "a\n2\n"])
        await served.server.stop()
    }

    @Test func `content that comes again without validators is known by its hash`() async throws {
        let served = try ServedFolder()
        let base = try await served.start()
        served.server.setFaults([FaultRule(.noValidators)])
        try served.folder.write("a\n1\n", to: "x.csv")
        let fixture = try SourceFixture("location: \(base)/x.csv")
        let first = try await fixture.read()
        let second = try await fixture.read(known: first)
        #expect(second.changed == 0)
        #expect(second.files.map(\.path) == first.files.map(\.path))
        #expect(second.files.map(\.content) == first.files.map(\.content))
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(fixture.landing)/s").count == 1)
        await served.server.stop()
    }

    @Test func `of a file that grows only its end comes`() async throws {
        let served = try ServedFolder()
        let base = try await served.start()
        let lines = (1...5000).map { "\($0)\n" }.joined()
        try served.folder.write("a\n" + lines, to: "log.csv")
        let fixture = try SourceFixture("location: \(base)/log.csv\ngrows: true")
        let first = try await fixture.read()
        try served.folder.write("a\n" + lines + "5001\n", to: "log.csv")
        let second = try await fixture.read(known: first)
        #expect(try SourceFixture.texts(second) == ["a\n" + lines + "5001\n"])
        #expect(second.bytesTransferred == 4101)
        #expect(second.transfers.bytesSaved > 15_000)
        // Of the old part fewer than 64 bytes are hashed again, and none of it goes through the process.
        #expect(second.hashedBytes < 64 + 5)
        #expect(second.copiedBytes == 0)
        try served.folder.write("a\n" + lines + "5001\n5002\n", to: "log.csv")
        let third = try await fixture.read(known: second)
        #expect(try SourceFixture.texts(third) == ["a\n" + lines + "5001\n5002\n"])
        #expect(third.hashedBytes < 64 + 5)
        // Without the note, as in a warehouse of an earlier version, all is hashed and held against what is recorded.
        for file in third.files { try FileManager.default.removeItem(atPath: file.path + ".sha256-state") }
        try served.folder.write("a\n" + lines + "5001\n5002\n5003\n", to: "log.csv")
        let fourth = try await fixture.read(known: third)
        #expect(try SourceFixture.texts(fourth) == ["a\n" + lines + "5001\n5002\n5003\n"])
        #expect(fourth.hashedBytes == fourth.files.first?.size)
        await served.server.stop()
    }

    @Test(arguments: ["zip", "tar", "tar.gz", "tar.zst"])
    func `an archive's members are files of their own`(kind: String) async throws {
        let served = try ServedFolder()
        let base = try await served.start()
        try served.folder.write("a\n1\n", to: "in/one [1].csv")
        try served.folder.write("a\n2\n", to: "in/sub/two.csv")
        try served.folder.write("not this", to: "in/readme.txt")
        let pack = kind == "zip" ? "zip -qr ../all.zip ." : "tar -caf ../all.\(kind) ."
        _ = try await shell(pack, in: "\(served.folder.path)/in")
        let fixture = try SourceFixture("location: \(base)/all.\(kind)\nmember: '*.csv'")
        let first = try await fixture.read()
        #expect(try SourceFixture.texts(first) == ["a\n1\n", "a\n2\n"])
        #expect(first.files.map { $0.origin.hasSuffix("one [1].csv") } == [true, false])
        #expect(first.files.last?.origin.hasSuffix("sub/two.csv") == true)
        let second = try await fixture.read(known: first)
        #expect(second.files == first.files)
        #expect(second.bytesTransferred == 0)
        await served.server.stop()
    }

    @Test func `an archive's member that grows too large is refused, and leaves nothing`() async throws {
        let served = try ServedFolder()
        let base = try await served.start()
        _ = try await shell(
            "head -c 50000000 /dev/zero > bomb.csv; zip -q bomb.zip bomb.csv; gzip bomb.csv",
            in: served.folder.path
        )
        for (name, more) in [("bomb.zip", "member: '*'\n"), ("bomb.csv.gz", "")] {
            let fixture = try SourceFixture(
                "location: \(base)/\(name)\nformat: csv\n\(more)limits: {unpacked_size: 1 MB}"
            )
            let error = await fixture.error()
            #expect(error?.code == .badFormat)
            #expect(error?.message.contains("more than the 1000000 bytes allowed") == true)
            let left = try FileManager.default.subpathsOfDirectory(atPath: fixture.landing).filter {
                $0.contains("unpacking")
            }
            #expect(left == [])
        }
        await served.server.stop()
    }

    @Test func `a tar archive of very many members is read once, whatever they are called`() async throws {
        let served = try ServedFolder()
        let base = try await served.start()
        let names = (0..<300).map { "in/f \($0)/it's [\($0)] $(x).csv" }
        for (number, name) in names.enumerated() { try served.folder.write("a\n\(number)\n", to: name) }
        // Twice in one archive: the later one counts. And names that lead out of the folder, which nothing is written to.
        _ = try await shell(
            "tar -cf all.tar -C in . && printf 'a\\n-1\\n' >'in/f 7/it'\"'\"'s [7] $(x).csv' && tar -rf all.tar -C in ."
                + " && printf 'a\\n900\\n' >evil.csv && tar -rPf all.tar --transform 's|^|../../|' evil.csv && gzip all.tar",
            in: served.folder.path
        )
        let fixture = try SourceFixture("location: \(base)/all.tar.gz\nmember: '*.csv'")
        let texts = Set(try SourceFixture.texts(try await fixture.read()))
        #expect(texts == Set((0..<300).map { "a\n\($0 == 7 ? -1 : $0)\n" } + ["a\n900\n"]))
        let left = try FileManager.default.subpathsOfDirectory(atPath: fixture.landing).filter {
            $0.contains("unpacking")
        }
        #expect(left == [] && !TemporaryFolder.exists("\(fixture.folder.path)/../evil.csv"))
        await served.server.stop()
    }

    @Test func `without a limit of its own a compressed file is held to 16 GiB`() throws {
        let file = { LandedFile(source: "s", origin: "x.gz", path: "/none/x.gz", content: "", size: $0) }
        let source = try SourceFixture("location: data/*.gz\nformat: csv").source
        // Too small to hold so much: it is not even opened.
        _ = try SourceUnpacking.checkCompressed(file(16_000_000), source: source)
        #expect(throws: DuetError.self) { try SourceUnpacking.checkCompressed(file(17_000_000), source: source) }
    }

    @Test func `gzip and zstd are read whatever the URL ends in`() async throws {
        let served = try ServedFolder()
        let base = try await served.start()
        try served.folder.write("a\n1\n", to: "x.csv")
        _ = try await shell("gzip -k x.csv; mv x.csv.gz download; zstd -q x.csv -o other", in: served.folder.path)
        let fixture = try SourceFixture("locations: [\(base)/download, \(base)/other]\nformat: csv")
        let sync = try await fixture.read()
        #expect(sync.files.map { $0.path.split(separator: ".").last } == ["gz", "zst"])
        await served.server.stop()
    }

    @Test func `a sheet of a workbook is read as csv`() async throws {
        let extensions = ".deps/duckdb/extensions/v1.5.5/linux_amd64/excel.duckdb_extension"
        guard FileManager.default.fileExists(atPath: extensions) else { return }
        let served = try ServedFolder()
        let base = try await served.start()
        try Workbook.write(to: "\(served.folder.path)/book")
        _ = try await shell("cd book && zip -qr ../book.xlsx .", in: served.folder.path)
        let fixture = try SourceFixture("location: \(base)/book.xlsx\nsheet: Orders")
        #expect(try SourceFixture.texts(try await fixture.read()) == ["id,name\n1,ann\n2,bob\n"])
        let wrong = try SourceFixture("location: \(base)/book.xlsx\nsheet: Nothing")
        #expect(await wrong.error()?.code == .badFormat)
        await served.server.stop()
    }

    @Test func `local archives and globs are read in the same words`() async throws {
        let fixture = try SourceFixture("location: data/*.zip\nmember: '*.csv'")
        try fixture.folder.write("a\n1\n", to: "data/x.csv")
        _ = try await shell("zip -q one.zip x.csv", in: "\(fixture.folder.path)/data")
        let first = try await fixture.read()
        #expect(try SourceFixture.texts(first) == ["a\n1\n"])
        let second = try await fixture.read(known: first)
        #expect(second.changed == 0)
        #expect(second.files == first.files)
    }
}

/// The parts of a small workbook.
enum Workbook {
    static func write(to folder: String) throws {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>"
        let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        let package = "http://schemas.openxmlformats.org/package/2006"
        let type = "application/vnd.openxmlformats-officedocument.spreadsheetml"
        func text(_ cell: String, _ value: String) -> String {
            "<c r=\"\(cell)\" t=\"inlineStr\"><is><t>\(value)</t></is></c>"
        }
        let files = [
            "[Content_Types].xml": "<Types xmlns=\"\(package)/content-types\">"
                + "<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>"
                + "<Default Extension=\"xml\" ContentType=\"application/xml\"/>"
                + "<Override PartName=\"/xl/workbook.xml\" ContentType=\"\(type).sheet.main+xml\"/>"
                + "<Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"\(type).worksheet+xml\"/></Types>",
            "_rels/.rels": "<Relationships xmlns=\"\(package)/relationships\"><Relationship Id=\"rId1\" "
                + "Type=\"\(office)/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>",
            "xl/workbook.xml": "<workbook xmlns=\"\(main)\" xmlns:r=\"\(office)\"><sheets>"
                + "<sheet name=\"Orders\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
            "xl/_rels/workbook.xml.rels": "<Relationships xmlns=\"\(package)/relationships\"><Relationship Id=\"rId1\" "
                + "Type=\"\(office)/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>",
            "xl/worksheets/sheet1.xml": "<worksheet xmlns=\"\(main)\"><sheetData>"
                + "<row r=\"1\">\(text("A1", "id"))\(text("B1", "name"))</row>"
                + "<row r=\"2\"><c r=\"A2\"><v>1</v></c>\(text("B2", "ann"))</row>"
                + "<row r=\"3\"><c r=\"A3\"><v>2</v></c>\(text("B3", "bob"))</row></sheetData></worksheet>",
        ]
        for (name, content) in files {
            let path = "\(folder)/\(name)"
            try FileManager.default.createDirectory(
                atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path,
                withIntermediateDirectories: true
            )
            try (head + content).write(toFile: path, atomically: true, encoding: .utf8)
        }
    }
}
