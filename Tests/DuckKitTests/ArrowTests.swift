import DuckKit
import Foundation
import Testing

/// Arrow files, read by Arrow's own library; needs `scripts/setup arrow`.
@Suite struct ArrowTests {
    /// Has Python read a file and print what a program makes of it, `t` being the table.
    private func read(_ path: String, _ program: String) throws -> String {
        let packages = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(".deps/python-arrow").path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let text = """
            import sys
            sys.path.insert(0, '\(packages)')
            import pyarrow
            f = pyarrow.ipc.open_file('\(path)')
            t = f.read_all()
            t.validate(full=True)
            \(program)
            """
        process.arguments = ["python3", "-c", text]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    @Test func `every flat type arrives in Arrow's own library with its values and its NULLs`() throws {
        let folder = try TemporaryFolder()
        let connection = try Database().connect()
        let columns = [
            "true AS a", "1::TINYINT AS b", "-2::SMALLINT AS c", "3::INTEGER AS d", "4::BIGINT AS e",
            "5::UTINYINT AS f", "6::USMALLINT AS g", "7::UINTEGER AS h", "8::UBIGINT AS i", "1.5::FLOAT AS j",
            "2.5::DOUBLE AS k", "12.34::DECIMAL(9, 2) AS l", "-1.5::DECIMAL(38, 1) AS m", "'ä🙂' AS n",
            "'\\xFF'::BLOB AS o", "DATE '2024-02-29' AS p", "TIME '12:34:56.789' AS q",
            "TIMESTAMP '2024-02-29 01:02:03.456789' AS r", "TIMESTAMPTZ '2024-02-29 01:02:03+00' AS s",
            "INTERVAL '1 month 2 days' AS u", "'2b1f5a1e-8a4f-4d6e-9c3b-0a1b2c3d4e5f'::UUID AS v", "NULL AS w",
            "TIMESTAMP_S '2024-02-29 01:02:03' AS x", "TIMESTAMP_NS '2024-02-29 01:02:03.000001' AS y",
        ]
        let nulls = columns.map { "NULLIF(\($0.replacing(" AS ", with: ", \($0.split(separator: " AS ")[0])) AS "))" }
        let path = folder.path("all.arrow")
        try connection.execute("SET TimeZone = 'UTC'")
        let sql = "SELECT \(columns.joined(separator: ", ")) UNION ALL SELECT \(nulls.joined(separator: ", "))"
        #expect(try connection.query(sql).writeArrow(to: path) == 2)
        let seen = try read(path, "print(t.to_pylist()[0]); print(set(t.to_pylist()[1].values()))")
        let lines = seen.split(separator: "\n")
        try #require(lines.count == 2 && lines[1] == "{None}", "\(seen)")
        for value in [
            "'a': True, 'b': 1, 'c': -2, 'd': 3, 'e': 4, 'f': 5, 'g': 6, 'h': 7, 'i': 8, 'j': 1.5, 'k': 2.5",
            "'l': Decimal('12.34'), 'm': Decimal('-1.5'), 'n': 'ä🙂', 'o': b'\\xff'", "'p': datetime.date(2024, 2, 29)",
            "'q': datetime.time(12, 34, 56, 789000)", "datetime.datetime(2024, 2, 29, 1, 2, 3, 456789)",
            "MonthDayNano(months=1, days=2, nanoseconds=0)", "2b1f5a1e-8a4f-4d6e-9c3b-0a1b2c3d4e5f",
        ] { #expect(lines[0].contains(value), "\(lines[0])") }
        let types = try read(path, "print([str(f.type) for f in t.schema if f.name in 'lrsy'])")
        #expect(types.contains("timestamp[us]") && types.contains("timestamp[us, tz=UTC]"))
        #expect(types.contains("timestamp[ns]"))
    }

    @Test func `nested values, many lots of rows and none at all arrive`() throws {
        let folder = try TemporaryFolder()
        let connection = try Database().connect()
        let path = folder.path("nested.arrow")
        let rows = 5000
        let sql = """
            SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE 'text ' || i END AS s, [i, NULL, i + 1] AS l,
                {'a': i, 'b': ['x', 'y' || i]} AS r, MAP {'k' || i: i} AS m, [i, i]::BIGINT[2] AS f
            FROM range(\(rows)) t(i)
            """
        #expect(try connection.query(sql).writeArrow(to: path) == rows)
        let program = """
            import json
            p = t.to_pylist()
            print(f.num_record_batches, len(p), p[4096])
            print(all(r['i'] == n and r['s'] == (None if n % 3 == 0 else f'text {n}') and r['l'] == [n, None, n + 1]
                and r['r'] == {'a': n, 'b': ['x', f'y{n}']} and r['m'] == [(f'k{n}', n)] and r['f'] == [n, n]
                for n, r in enumerate(p)))
            """
        let seen = try read(path, program)
        #expect(seen.hasPrefix("3 5000 ") && seen.hasSuffix("True"), "\(seen)")
        #expect(try connection.query("SELECT 1 AS a WHERE false").writeArrow(to: path) == 0)
        #expect(try read(path, "print(t.num_rows, t.schema.names)") == "0 ['a']")
    }

    @Test func `what cannot be written is told, and leaves what was there`() throws {
        let folder = try TemporaryFolder()
        let connection = try Database().connect()
        let path = folder.path("kept.arrow")
        try "old".write(toFile: path, atomically: true, encoding: .utf8)
        let error = #expect(throws: DuckDBError.self) {
            try connection.query("SELECT 'a'::ENUM('a', 'b') AS e").writeArrow(to: path)
        }
        #expect(error?.message.contains("column 'e'") == true)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["kept.arrow"])
        let nowhere = #expect(throws: DuckDBError.self) {
            try connection.query("SELECT 1").writeArrow(to: folder.path("none/a.arrow"))
        }
        #expect(nowhere?.kind == .io)
    }
}
