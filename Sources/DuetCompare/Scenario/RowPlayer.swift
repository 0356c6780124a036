internal import DuckKit
internal import DuetPipeline
internal import DuetReport
internal import Foundation

/// Plays one action on a source's rows and files.
///
/// Which rows are chosen follows from the seed, the step's number and each row's place in its files, and from nothing
/// else: the same again at every play.
struct RowPlayer {
    let player: ScenarioPlayer
    let action: ScenarioAction
    let number: Int
    let files: SourceFolder
    let connection: Connection
    private let columns: [ColumnDescription]

    init(player: ScenarioPlayer, action: ScenarioAction, number: Int, _ connection: Connection) throws {
        self.player = player
        self.action = action
        self.number = number
        self.connection = connection
        files = try player.sourceFolder(of: action)
        guard !files.files.isEmpty else {
            throw DuetError(
                .wrongValue,
                "the source '\(files.source.name)' has no files yet that '\(action.kind.rawValue)' could go by",
                hint: "let an earlier step write them",
                at: action.location
            )
        }
        // All rows with their file and their place: what every choice goes by.
        try connection.execute(
            "CREATE OR REPLACE TEMP TABLE old AS SELECT *, row_number() OVER () AS __n FROM \(files.reader(files.files))"
        )
        columns = try connection.describe("SELECT * EXCLUDE (__file, __n) FROM old")
    }

    /// Does it.
    ///
    /// - Returns: What was done, in words.
    func play() throws -> String {
        switch action.kind {
        case .append: return try arrive(try sample(from: "old", replacing: action.set), "append")
        case .late: return try late()
        case .badRows: return try badRows()
        case .newColumn: return try newColumn()
        case .correct: return try correct()
        case .delete: return try delete()
        case .deleteFile: return try deleteFile()
        case .repeatFile: return try repeatFile()
        case .renameColumn: return try renameColumn()
        case .retypeColumn: return try retypeColumn()
        case .emptyFile: return try emptyFile()
        default:
            throw DuetError(.internalFault, "'\(action.kind.rawValue)' is no change of rows", at: action.location)
        }
    }

    private var name: String { files.source.name }

    private func count(_ relation: String) throws -> Int {
        try connection.scalar("SELECT count(*) FROM \(relation)").int ?? 0
    }

    /// How many rows the action asks for, at least one.
    private func wanted() throws -> Int {
        if let rows = action.options["rows"].flatMap(Double.init) { return max(1, Int(rows)) }
        let percent = action.option("percent").flatMap(Double.init) ?? 1
        return max(1, Int((Double(try count("old")) * percent / 100).rounded()))
    }

    /// A number that a row draws; equal for equal seed, step and place.
    private var lot: String { "hash(__n, \(player.seed), \(number), \(SQL.literal(action.kind.rawValue)))" }

    private func quoted(_ names: [String]) -> String { names.map(SQL.identifier).joined(separator: ", ") }

    private func column(_ name: String) throws -> String {
        if let found = columns.first(where: { $0.name.lowercased() == name.lowercased() }) { return found.name }
        throw DuetError(
            .unknownColumn,
            "the files of '\(self.name)' have no column '\(name)'",
            hint: Suggestion.hint(for: name, among: columns.map(\.name), noun: "columns"),
            at: action.location
        )
    }

    /// A query for so many rows as are wanted, chosen by lot, each once before any comes twice.
    private func sample(
        from relation: String,
        replacing set: [String: String] = [:],
        limit: Int? = nil
    ) throws -> String {
        let wanted = try limit ?? wanted()
        let there = max(1, try count(relation))
        let copies = (wanted + there - 1) / there
        var replaced: [String] = []
        for (name, expression) in set.sorted(by: { $0.key < $1.key }) {
            replaced.append("(\(expression)) AS \(SQL.identifier(try column(name)))")
        }
        let replace = replaced.isEmpty ? "" : " REPLACE (\(replaced.joined(separator: ", ")))"
        return """
            SELECT * EXCLUDE (__copy)\(replace) FROM \(relation), range(\(copies)) AS copies(__copy)
            ORDER BY __copy, \(lot), __n LIMIT \(wanted)
            """
    }

    /// Lets rows arrive: in a new file, or at the end of the only one.
    private func arrive(_ rows: String, _ word: String, widening: String? = nil) throws -> String {
        try connection.execute("CREATE OR REPLACE TEMP TABLE new AS \(rows)")
        let count = NumberText.count(try count("new"))
        let data = "SELECT * EXCLUDE (__file, __n)"
        if let file = files.newFile(word, step: number) {
            try player.copy("\(data) FROM new", to: file, files.writeOptions, connection)
            return "\(count) rows arrive in '\(name)' as \(file)"
        }
        let old = widening.map { "\(data), \($0) FROM old" } ?? "\(data) FROM old"
        try player.copy(
            "\(old) UNION ALL BY NAME \(data) FROM new",
            to: files.files[0],
            files.writeOptions,
            connection
        )
        return "\(count) rows arrive at the end of \(files.files[0])"
    }

    private func late() throws -> String {
        let oldest = "(SELECT * FROM old WHERE __file = (SELECT min(__file) FROM old))"
        return try arrive(try sample(from: oldest, replacing: action.set, limit: wanted()), "late")
            + ", of the time of \(files.files[0])"
    }

    private func badRows() throws -> String {
        let value = SQL.literal(action.option("value") ?? "")
        let targets = try action.option("column").map { [try column($0)] } ?? columns.map(\.name)
        let kept = columns.map { column -> String in
            let name = SQL.identifier(column.name)
            guard let place = targets.firstIndex(of: column.name) else { return name }
            // What does not fit the file's own type stays empty, as it would have to in such a file.
            let wrong = "TRY_CAST(nullif(\(value), '') AS \(column.type))"
            return "CASE WHEN __k % \(targets.count) = \(place) THEN \(wrong) ELSE \(name) END AS \(name)"
        }
        let rows = """
            SELECT \(kept.joined(separator: ", ")), __file, __n
            FROM (SELECT *, row_number() OVER () AS __k FROM (\(try sample(from: "old"))))
            """
        return try arrive(rows, "bad")
            + (targets.count == 1 ? " with a wrong \(targets[0])" : " with a wrong field each")
    }

    private func newColumn() throws -> String {
        let name = action.option("column") ?? "scenario_column"
        let value = action.option("value") ?? "'new'"
        let rows = "SELECT *, (\(value)) AS \(SQL.identifier(name)) FROM (\(try sample(from: "old")))"
        return try arrive(rows, "column", widening: "(\(value)) AS \(SQL.identifier(name))")
            + " with a column '\(name)'"
    }

    // MARK: - Old rows

    private func choose() throws -> Int {
        try connection.execute(
            "CREATE OR REPLACE TEMP TABLE chosen AS SELECT __n FROM old ORDER BY \(lot), __n LIMIT \(try wanted())"
        )
        return try count("chosen")
    }

    /// Writes the files anew that have chosen rows.
    private func rewriteChosen(_ query: (String) -> String) throws -> Int {
        let changed = try connection.rows("SELECT DISTINCT __file FROM old JOIN chosen USING (__n) ORDER BY 1")
            .compactMap { $0.first?.string }
        for path in changed {
            let relative = String(path.dropFirst(player.folder.count + 1))
            try player.copy(query(SQL.literal(path)), to: relative, files.writeOptions, connection)
        }
        return changed.count
    }

    private func correct() throws -> String {
        let target = try action.option("column").map { try column($0) } ?? self.liveliestColumn()
        let count = try choose()
        let quotedTarget = SQL.identifier(target)
        // Each chosen row gets the value of the next one: a value that this source really has.
        try connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE corrected AS
            SELECT __n, coalesce(lead(\(quotedTarget)) OVER w, first_value(\(quotedTarget)) OVER w) AS __value
            FROM old JOIN chosen USING (__n) WINDOW w AS (ORDER BY \(lot), __n)
            """
        )
        let rest = columns.map { column in
            column.name == target
                ? "CASE WHEN c.__n IS NULL THEN o.\(quotedTarget) ELSE c.__value END AS \(quotedTarget)"
                : "o.\(SQL.identifier(column.name))"
        }.joined(separator: ", ")
        let written = try rewriteChosen {
            "SELECT \(rest) FROM old AS o LEFT JOIN corrected AS c USING (__n) WHERE o.__file = \($0) ORDER BY o.__n"
        }
        return "\(NumberText.count(count)) rows of '\(name)' have another \(target), in \(written) of "
            + "\(files.files.count) files"
    }

    /// The column with the most different numbers that are no key; else with the most different values.
    private func liveliestColumn() throws -> String {
        let rows = try count("old")
        let parts = columns.map { column in
            let quoted = SQL.identifier(column.name)
            return "approx_count_distinct(TRY_CAST(\(quoted)::VARCHAR AS DOUBLE)), approx_count_distinct(\(quoted))"
        }
        let counts = try connection.rows("SELECT \(parts.joined(separator: ", ")) FROM old")[0].map { $0.int ?? 0 }
        let numbers = columns.indices.map { (column: columns[$0].name, count: counts[$0 * 2]) }
        let measures = numbers.filter { $0.count > 1 && $0.count * 2 < rows }
        if let best = measures.max(by: { $0.count < $1.count }) { return best.column }
        let all = columns.indices.map { (column: columns[$0].name, count: counts[$0 * 2 + 1]) }
        return all.max { $0.count < $1.count }?.column ?? columns[0].name
    }

    private func delete() throws -> String {
        let count = try choose()
        let written = try rewriteChosen {
            "SELECT \(quoted(columns.map(\.name))) FROM old ANTI JOIN chosen USING (__n) WHERE __file = \($0) ORDER BY __n"
        }
        return "\(NumberText.count(count)) rows of '\(name)' are gone, from \(written) of \(files.files.count) files"
    }

    // MARK: - Files

    private func deleteFile() throws -> String {
        guard files.folder != nil, files.files.count > 1 else {
            throw DuetError(
                .wrongValue,
                "the source '\(name)' has one file only, which cannot be taken away",
                hint: "name a source of several files",
                at: action.location
            )
        }
        var file = files.files[0]
        if let wanted = action.option("file") {
            guard let found = files.files.first(where: { $0 == wanted || $0.hasSuffix("/\(wanted)") }) else {
                throw DuetError(
                    .wrongValue,
                    "the source '\(name)' has no file '\(wanted)'",
                    hint: Suggestion.hint(for: wanted, among: files.files, noun: "files"),
                    at: action.location
                )
            }
            file = found
        }
        try FileManager.default.removeItem(atPath: "\(player.folder)/\(file)")
        return "\(file) is gone"
    }

    private func repeatFile() throws -> String {
        let file = files.files[files.files.count - 1]
        if action.option("name") == "new" {
            guard let new = files.newFile("again", step: number) else {
                throw DuetError(
                    .wrongValue,
                    "the source '\(name)' is one file, which cannot arrive under another name",
                    hint: "write: repeat_file: {source: \(name), name: same}",
                    at: action.location
                )
            }
            try player.place(new) {
                try FileManager.default.copyItem(atPath: "\(player.folder)/\(file)", toPath: $0)
            }
            return "the content of \(file) arrives again as \(new)"
        }
        // Read and written, and not linked: the time is new, the content is not.
        let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(player.folder)/\(file)"))
        try player.place(file) { try bytes.write(to: URL(fileURLWithPath: $0)) }
        return "\(file) arrives again, unchanged"
    }

    private func emptyFile() throws -> String {
        let hasHeader = action.option("header") == "yes"
        let file = files.newFile("empty", step: number) ?? files.files[0]
        if hasHeader {
            try player.copy(
                "SELECT \(quoted(columns.map(\.name))) FROM old LIMIT 0",
                to: file,
                files.writeOptions,
                connection
            )
        } else {
            try player.place(file) { try Data().write(to: URL(fileURLWithPath: $0)) }
        }
        return "\(file) arrives \(hasHeader ? "with column names and no rows" : "empty, without a byte")"
    }

    private func rewriteNewest(_ columns: [String]) throws -> String {
        let newest = files.files[files.files.count - 1]
        let path = SQL.literal("\(player.folder)/\(newest)")
        try player.copy(
            "SELECT \(columns.joined(separator: ", ")) FROM old WHERE __file = \(path) ORDER BY __n",
            to: newest,
            files.writeOptions,
            connection
        )
        return newest
    }

    private func renameColumn() throws -> String {
        let target = try action.option("column").map { try column($0) } ?? columns[columns.count - 1].name
        let new = action.option("to") ?? "\(target)_renamed"
        let file = try rewriteNewest(
            columns.map {
                SQL.identifier($0.name) + ($0.name == target ? " AS \(SQL.identifier(new))" : "")
            }
        )
        return "in \(file) the column '\(target)' is called '\(new)'"
    }

    private func retypeColumn() throws -> String {
        let target = try action.option("column").map { try column($0) } ?? self.liveliestColumn()
        let value = action.option("value") ?? "'n/a'"
        let file = try rewriteNewest(
            columns.map {
                let name = SQL.identifier($0.name)
                return $0.name == target ? "(\(value)) AS \(name)" : name
            }
        )
        return "in \(file) the column '\(target)' has \(value) for its values"
    }
}
