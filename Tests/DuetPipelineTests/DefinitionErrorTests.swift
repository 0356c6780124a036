import DuetPipeline
import DuetTestSupport
import Testing

/// What a user is told about a pipeline.yml that is wrong; the texts are in `Snapshots/`.
@Suite struct DefinitionErrorTests {
    private static let sql = "CREATE MATERIALIZED VIEW gold.a AS SELECT 1 AS x;"

    private func check(_ cases: [(String, String)], _ snapshot: String) throws {
        let text = try Diagnostics.text(of: cases.map { (title: $0.0, definition: $0.1, sql: Self.sql) })
        #expect(try Snapshot.mismatch(text, snapshot) == nil)
    }

    @Test func `a folder that is not a pipeline is told apart by what it lacks`() throws {
        var texts: [String] = []
        let folder = try TemporaryFolder()
        texts.append(try Diagnostics.text(of: folder))
        try folder.write("name: a\n", to: "pipeline.yml")
        texts.append(try Diagnostics.text(of: folder))
        try folder.write([0x6E, 0xFF, 0xFE], to: "pipeline.yml")
        texts.append(try Diagnostics.text(of: folder))
        for path in ["\(folder.path)/nowhere", "\(folder.path)/pipeline.yml"] {
            do throws(DuetErrors) {
                _ = try Pipeline.load(folder: path)
                Issue.record("\(path) was loaded")
            } catch {
                texts.append(error.description.replacing(folder.path, with: "pipeline"))
            }
        }
        #expect(try Snapshot.mismatch(texts.joined(separator: "\n\n"), "missing-files") == nil)
    }

    @Test func `YAML that cannot be read is pointed at`() throws {
        try check(
            [
                ("nothing", ""),
                ("only a comment", "# name: a\n"),
                ("a tab as indentation", "name: a\nparameters:\n\tx: 1\n"),
                ("a quote without end", "name: \"a\nparameters: {}\n"),
                ("a bracket without end", "name: a\nparameters: {x: 1\n"),
                ("a key without colon", "name: a\nparameters\nsources: {}\n"),
                ("a wrong indentation", "name: a\nsources:\n  one:\n    location: a.csv\n   format: csv\n"),
                ("an alias of nothing", "name: *other\n"),
                ("a key twice", "name: a\ndescription: b\nname: c\n"),
                ("a list", "- name: a\n"),
                ("a word", "flights\n"),
            ],
            "yaml-syntax"
        )
    }

    @Test func `an unknown key comes with the known one that was meant`() throws {
        try check(
            [
                ("at the top", "name: a\nsorces: {}\n"),
                ("at the top, far from all", "name: a\nqwertyuiop: {}\n"),
                ("in a source", "name: a\nsources:\n  one: {locaton: a.csv}\n"),
                ("in a scenario step", "name: a\nscenario:\n  - step: first\n    writes: []\n"),
                (
                    "in a file to write",
                    "name: a\nscenario:\n  - step: first\n    write:\n      - {file: a, qeury: b}\n"
                ),
                ("behind letters beyond ASCII", "name: a\nsources:\n  größe_和: {location: é.csv, formaat: csv}\n"),
                ("in a file with Windows line ends", "name: a\r\ndescription: b\r\nsorces: {}\r\n"),
            ],
            "unknown-keys"
        )
    }

    @Test func `a wrong value is shown with what it should be`() throws {
        let source = { (text: String) in "name: a\nsources:\n  one: \(text)\n" }
        try check(
            [
                ("no name", "description: b\n"),
                ("an empty name", "name: ''\n"),
                ("a name that is no folder's", "description: b\nname: a/b\n"),
                ("a name that is a list", "name: [a]\n"),
                ("sources that are a list", "name: a\nsources: [one]\n"),
                ("sources that are nothing", "name: a\nsources:\n"),
                ("a parameter that is a mapping", "name: a\nparameters: {x: {y: 1}}\n"),
                ("a source that is text", source("a.csv")),
                ("an unknown format", source("{location: a.csv, format: cvs}")),
                ("an unknown policy for changed files", source("{location: a.csv, changed_files: replce}")),
                ("no place", source("{format: csv}")),
                ("two places", source("{location: a.csv, manifest: SHA256SUMS}")),
                ("no format", source("{manifest: SHA256SUMS}")),
                ("a file of unknown format", source("{location: a.xlsx}")),
                ("options that are text", source("{location: a.csv, options: header}")),
                ("two sources of a name", "name: a\nsources:\n  one: {location: a.csv}\n  one: {location: b.csv}\n"),
                ("a scenario that is a mapping", "name: a\nscenario: {step: first}\n"),
                ("a step without a name", "name: a\nscenario:\n  - write: []\n"),
                ("two steps of a name", "name: a\nscenario:\n  - step: x\n  - step: x\n"),
                ("a file without a query", "name: a\nscenario:\n  - step: x\n    write: [{file: a.csv}]\n"),
                (
                    "a part that the file's name lacks",
                    "name: a\nscenario:\n  - step: x\n    write: [{file: a.csv, query: SELECT 1, part: y}]\n"
                ),
            ],
            "wrong-values"
        )
    }

    @Test func `parameters that are not there are named`() throws {
        try check(
            [
                ("in a location", "name: a\nparameters: {base: b}\nsources:\n  one: {location: '${bas}/a.csv'}\n"),
                ("with none declared", "name: a\nsources:\n  one: {location: '${base}/a.csv'}\n"),
                (
                    "without its bracket",
                    "name: a\nparameters: {base: b}\nsources:\n  one: {location: '${base/a.csv'}\n"
                ),
            ],
            "yaml-parameters"
        )
        let folder = try TemporaryFolder()
        try folder.write("name: a\nparameters: {base: data}\n", to: "pipeline.yml")
        try folder.write(Self.sql, to: "transformations/all.sql")
        let text = try Diagnostics.text(of: folder, ["bse": "x"])
        #expect(text.contains("UNKNOWN_PARAMETER") && text.contains("did you mean 'base'?"))
    }

    @Test func `errors of all files are told at once`() throws {
        let folder = try TemporaryFolder()
        try folder.write("name: a\n", to: "pipeline.yml")
        try folder.write("CREATE TABLE x AS SELECT 1;\nDROP TABLE y;\n", to: "transformations/one.sql")
        try folder.write("CREATE VIEW AS SELECT 1;\n\nSELECT 'open", to: "transformations/deeper/two.sql")
        try folder.write("not read", to: "transformations/notes.txt")
        #expect(try Snapshot.mismatch(try Diagnostics.text(of: folder), "all-files") == nil)
    }
}
