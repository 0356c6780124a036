import DuetTestSupport
import Foundation

/// A workbook with three sheets, whose order in the book is not that of their files.
enum ThreeSheets {
    /// Writes it with the command `zip`.
    static func write(to path: String) throws {
        let folder = try TemporaryFolder()
        func sheet(_ text: String) -> String {
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
            <row r="1"><c r="A1" t="inlineStr"><is><t>which</t></is></c></row>
            <row r="2"><c r="A2" t="inlineStr"><is><t>\(text)</t></is></c></row>
            </sheetData></worksheet>
            """
        }
        let main = "application/vnd.openxmlformats-officedocument.spreadsheetml"
        let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        let overrides = (1...3).map {
            "<Override PartName=\"/xl/worksheets/sheet\($0).xml\" ContentType=\"\(main).worksheet+xml\"/>"
        }
        try folder.write(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
            <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
            <Default Extension="xml" ContentType="application/xml"/>
            <Override PartName="/xl/workbook.xml" ContentType="\(main).sheet.main+xml"/>\(overrides.joined())</Types>
            """,
            to: "[Content_Types].xml"
        )
        try folder.write(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
            <Relationship Id="rId1" Type="\(relations)/officeDocument" Target="xl/workbook.xml"/></Relationships>
            """,
            to: "_rels/.rels"
        )
        try folder.write(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="\(relations)"><sheets>
            <sheet name="One" sheetId="1" r:id="rId3"/><sheet name="Two &amp; more" sheetId="2" r:id="rId1"/>
            <sheet name="Three" sheetId="3" r:id="rId2"/></sheets></workbook>
            """,
            to: "xl/workbook.xml"
        )
        let links = (1...3).map {
            "<Relationship Id=\"rId\($0)\" Type=\"\(relations)/worksheet\" Target=\"worksheets/sheet\($0).xml\"/>"
        }
        try folder.write(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">\(links.joined())</Relationships>
            """,
            to: "xl/_rels/workbook.xml.rels"
        )
        for (number, text) in ["second", "third &amp; last", "first"].enumerated() {
            try folder.write(sheet(text), to: "xl/worksheets/sheet\(number + 1).xml")
        }
        let target = URL(fileURLWithPath: path)
        try FileManager.default.createDirectory(
            at: target.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["zip", "-q", "-r", target.path, "."]
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        try process.run()
        process.waitUntilExit()
    }
}
