internal import DuckKit
internal import DuetEngine
public import DuetPipeline
internal import Foundation

/// Makes what a scenario's steps say: files from queries over raw data, changes drawn by lot from a source's own rows,
/// and other definitions.
public struct ScenarioPlayer: Sendable {
    /// What a step did, and what is to be done while both styles run.
    public struct Played: Sendable, Hashable {
        /// What was done, in words.
        public var notes: [String] = []
        /// How many requests of each run fail; nil for none.
        public var failingRequests: Int?
        /// The source whose requests fail; nil for all.
        public var failingSource: String?
        /// Bytes a second at most; nil for no limit.
        public var bytesPerSecond: Double?
        /// After how many ended steps each run is killed; nil for never.
        public var killedAfter: Int?
        /// The models whose addresses nothing listens at; nil for none, empty for all that have one.
        public var silentModels: [String]?
        /// Whether the definition was changed.
        public var hasNewDefinition = false
    }

    let pipeline: Pipeline
    let folder: String
    let definition: String
    let seed: Int

    /// Creates a player.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline with the scenario; its parameter `base` is what its sources' locations begin with.
    ///   - folder: Where the files go: what the parameter `base` stands for.
    ///   - definition: The folder of the definition that steps may change; the pipeline's own unless given.
    ///   - seed: What choices by lot follow from.
    public init(_ pipeline: Pipeline, folder: String, definition: String? = nil, seed: Int = 1) {
        self.pipeline = pipeline
        self.folder = folder
        self.definition = definition ?? pipeline.folder
        self.seed = seed
    }

    /// Plays one step: writes its files, makes its changes and renews the manifests beside them.
    ///
    /// - Parameters:
    ///   - step: The step.
    ///   - number: Its number in the scenario, from 1: part of new files' names and of the lots that are drawn.
    /// - Returns: What was done.
    /// - Throws: ``DuetError`` at the step's place when a query fails or a file cannot be written.
    @discardableResult
    public func play(_ step: ScenarioStep, number: Int = 1) throws -> Played {
        let connection = try Warehouse.scratch()
        // Relative paths in the queries start from the pipeline's folder.
        try connection.execute("SET file_search_path = \(SQL.literal(pipeline.folder))")
        var played = Played()
        for write in step.writes {
            do {
                let files = try self.write(write, connection)
                played.notes.append("\(files) file\(files == 1 ? "" : "s") written: \(write.file)")
            } catch let error as DuckDBError {
                throw DuetError(
                    .sqlExecution,
                    "the scenario step '\(step.name)' cannot write '\(write.file)': \(error.message)",
                    hint: error.kind == .io ? "has 'make setup' brought the raw data?" : nil,
                    at: write.location
                )
            }
        }
        for action in step.actions {
            do {
                try play(action, number: number, connection, &played)
            } catch let error as DuckDBError {
                throw DuetError(
                    .sqlExecution,
                    "'\(action.kind.rawValue)' of the scenario step '\(step.name)' fails: \(error.message)",
                    hint: "see: duet scenario describe \(action.kind.rawValue)",
                    at: action.location
                )
            }
        }
        // A change of the definition alone needs no sources of the scenario's own.
        if !step.writes.isEmpty || step.actions.contains(where: { !$0.kind.changesDefinition }) {
            try renewManifests(connection)
        }
        return played
    }

    private func play(
        _ action: ScenarioAction,
        number: Int,
        _ connection: Connection,
        _ played: inout Played
    ) throws {
        switch action.kind {
        case .outage:
            played.failingRequests = Int(action.option("tries").flatMap(Double.init) ?? 2)
            if let name = action.option("source") { played.failingSource = try source(named: name, action).name }
            played.notes.append(
                "the first \(played.failingRequests ?? 0) requests of each run"
                    + "\(played.failingSource.map { " for '\($0)'" } ?? "") are answered with 503"
            )
        case .slow:
            played.bytesPerSecond = action.option("bytes_per_second").flatMap(Double.init)
            played.notes.append(
                "each answer comes at no more than \(action.option("bytes_per_second") ?? "") bytes a second"
            )
        case .kill:
            played.killedAfter = Int(action.option("after").flatMap(Double.init) ?? 3)
            played.notes.append("each run is killed after its step number \(played.killedAfter ?? 0) has ended")
        case .modelDown:
            let names = try DefinitionPlayer(player: self).endpoints(of: action, pipeline).map(\.name)
            played.silentModels = names
            played.notes.append("nothing listens at the address of \(names.joined(separator: ", "))")
        case .changeQuery, .addDataset, .changeExpectation, .changePrompt:
            played.notes.append(try DefinitionPlayer(player: self).play(action))
            played.hasNewDefinition = true
        default:
            let rows = try RowPlayer(player: self, action: action, number: number, connection)
            played.notes.append(try rows.play())
        }
    }

    /// The source an action names, or the one with the most bytes.
    func sourceFolder(of action: ScenarioAction) throws -> SourceFolder {
        let base = try base()
        if let name = action.option("source") {
            let source = try source(named: name, action)
            guard let found = SourceFolder(source, base: base, root: folder) else {
                throw DuetError(
                    .wrongValue,
                    "the source '\(name)' cannot be changed: its location does not begin with the parameter 'base'",
                    hint: "write its location as ${base}/...",
                    at: action.location
                )
            }
            return found
        }
        let folders = pipeline.sources.compactMap { SourceFolder($0, base: base, root: folder) }
        guard let largest = folders.max(by: { $0.bytes < $1.bytes }), !largest.files.isEmpty else {
            throw DuetError(
                .wrongValue,
                "no source has files that '\(action.kind.rawValue)' could change",
                hint: "let the scenario's first step write them, and begin the sources' locations with ${base}/",
                at: action.location
            )
        }
        return largest
    }

    private func source(named name: String, _ action: ScenarioAction) throws -> Source {
        if let source = pipeline.source(named: name) { return source }
        throw DuetError(
            .unknownSource,
            "no source is named '\(name)'",
            hint: Suggestion.hint(for: name, among: pipeline.sources.map(\.name), noun: "sources"),
            at: action.location
        )
    }

    /// Writes the files of a query, and says how many.
    private func write(_ write: ScenarioWrite, _ connection: Connection) throws -> Int {
        let options =
            write.file.hasSuffix(".parquet")
            ? "FORMAT parquet"
            : write.file.hasSuffix("json") || write.file.hasSuffix("jsonl") ? "FORMAT json" : "FORMAT csv, HEADER"
        guard let part = write.part else {
            try copy("SELECT * FROM (\(write.query))", to: write.file, options, connection)
            return 1
        }
        try connection.execute(
            "CREATE OR REPLACE TEMP TABLE rows AS SELECT *, (\(part))::VARCHAR AS __part FROM (\(write.query))"
        )
        let parts = try connection.rows("SELECT DISTINCT __part FROM rows ORDER BY __part")
        for row in parts {
            guard let value = row.first?.string else {
                throw DuetError(
                    .wrongValue,
                    "'part' is NULL for some rows of '\(write.file)'",
                    hint: "give every row a part",
                    at: write.location
                )
            }
            try copy(
                "SELECT * EXCLUDE (__part) FROM rows WHERE __part = \(SQL.literal(value))",
                to: write.file.replacingOccurrences(of: "{part}", with: value),
                options,
                connection
            )
        }
        return parts.count
    }

    /// Writes beside the place and renames, so that a server never sends half a file and a snapshot's links stay.
    func copy(_ query: String, to file: String, _ options: String, _ connection: Connection) throws {
        try place(file) { new in try connection.execute("COPY (\(query)) TO \(SQL.literal(new)) (\(options))") }
    }

    /// Puts a file in its place in one step.
    func place(_ file: String, _ make: (String) throws -> Void) throws {
        let path = "\(folder)/\(file)"
        let new = path + ".new"
        do {
            try FileManager.default.createDirectory(
                atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path,
                withIntermediateDirectories: true
            )
            try make(new)
            if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
            try FileManager.default.moveItem(atPath: new, toPath: path)
        } catch let error as CocoaError {
            throw DuetError(
                .unreadableFile,
                "cannot write '\(path)'",
                hint: "check that you may write there and that the disk has room",
                cause: error.localizedDescription
            )
        }
    }

    private func base() throws -> String {
        if let base = pipeline.parameters["base"] { return base }
        throw DuetError(
            .missingKey,
            "a scenario needs a parameter 'base' that its sources' locations begin with",
            hint: "add to pipeline.yml: parameters: {base: data}"
        )
    }

    private func renewManifests(_ connection: Connection) throws {
        let base = try base()
        for source in pipeline.sources {
            guard case .manifest(let address) = source.origin,
                let found = SourceFolder(source, base: base, root: folder), !found.files.isEmpty
            else { continue }
            let list = found.files.map { SQL.literal("\(folder)/\($0)") }.joined(separator: ", ")
            let rows = try connection.rows(
                "SELECT sha256(content), parse_filename(filename) FROM read_blob([\(list)]) ORDER BY 2"
            )
            let lines = rows.compactMap { row -> String? in
                guard let digest = row[0].string, let name = row[1].string else { return nil }
                return "\(digest)  \(name)\n"
            }
            try place(String(address.dropFirst(base.count + 1))) { new in
                try lines.joined().write(toFile: new, atomically: false, encoding: .utf8)
            }
        }
    }
}
