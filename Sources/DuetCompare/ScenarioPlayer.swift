internal import DuckKit
internal import DuetEngine
public import DuetPipeline
internal import Foundation

/// Makes the files that a scenario's steps drop, from queries over raw data.
public struct ScenarioPlayer: Sendable {
    private let pipeline: Pipeline
    private let folder: String

    /// Creates a player.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline with the scenario.
    ///   - folder: Where the files go: what the parameter `base` stands for.
    public init(_ pipeline: Pipeline, folder: String) {
        self.pipeline = pipeline
        self.folder = folder
    }

    /// The pipeline's scenario.
    ///
    /// - Throws: ``DuetError`` when it has none.
    public static func scenario(of pipeline: Pipeline) throws -> Scenario {
        if let scenario = pipeline.scenario { return scenario }
        throw DuetError(
            .missingKey,
            "the pipeline '\(pipeline.name)' has no scenario",
            hint: "add 'scenario:' to pipeline.yml; pipelines/flights/pipeline.yml shows how"
        )
    }

    /// Plays one step: writes its files and renews the manifests beside them.
    ///
    /// - Parameter step: The step.
    /// - Throws: ``DuetError`` at the step's place when a query fails or a file cannot be written.
    public func play(_ step: ScenarioStep) throws {
        let connection = try Warehouse.scratch()
        // Relative paths in the queries start from the pipeline's folder.
        try connection.execute("SET file_search_path = \(SQL.literal(pipeline.folder))")
        for write in step.writes {
            do {
                try self.write(write, connection)
            } catch let error as DuckDBError {
                throw DuetError(
                    .sqlExecution,
                    "the scenario step '\(step.name)' cannot write '\(write.file)': \(error.message)",
                    hint: error.kind == .io ? "has 'make setup' brought the raw data?" : nil,
                    at: write.location
                )
            }
        }
        try renewManifests(connection)
    }

    private func write(_ write: ScenarioWrite, _ connection: Connection) throws {
        guard let part = write.part else {
            return try copy("SELECT * FROM (\(write.query))", to: write.file, connection)
        }
        try connection.execute(
            "CREATE OR REPLACE TEMP TABLE rows AS SELECT *, (\(part))::VARCHAR AS __part FROM (\(write.query))"
        )
        for row in try connection.rows("SELECT DISTINCT __part FROM rows ORDER BY __part") {
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
                connection
            )
        }
    }

    /// Writes beside the place and renames, so that a server never sends half a file.
    private func copy(_ query: String, to file: String, _ connection: Connection) throws {
        let path = "\(folder)/\(file)"
        let new = path + ".new"
        let options = file.hasSuffix(".parquet") ? "FORMAT parquet" : file.hasSuffix("json") ? "FORMAT json" : "HEADER"
        do {
            try FileManager.default.createDirectory(
                atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path,
                withIntermediateDirectories: true
            )
            try connection.execute("COPY (\(query)) TO \(SQL.literal(new)) (\(options))")
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

    private func renewManifests(_ connection: Connection) throws {
        guard let base = pipeline.parameters["base"] else {
            throw DuetError(
                .missingKey,
                "a scenario needs a parameter 'base' that its sources' locations begin with",
                hint: "add to pipeline.yml: parameters: {base: data}"
            )
        }
        for source in pipeline.sources {
            guard case .manifest(let address) = source.origin, address.hasPrefix(base + "/") else { continue }
            let manifest = "\(folder)/\(address.dropFirst(base.count + 1))"
            let files = URL(fileURLWithPath: manifest).deletingLastPathComponent().path
            let rows = try connection.rows(
                "SELECT sha256(content), parse_filename(filename) FROM read_blob(\(SQL.literal(files + "/*.*"))) ORDER BY 2"
            )
            let lines = rows.compactMap { row -> String? in
                guard let digest = row[0].string, let name = row[1].string else { return nil }
                return "\(digest)  \(name)\n"
            }
            try lines.joined().write(toFile: manifest, atomically: true, encoding: .utf8)
        }
    }
}
