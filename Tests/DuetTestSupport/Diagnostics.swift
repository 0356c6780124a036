internal import DuckKit
internal import DuetEngine
internal import DuetPipeline

/// What a user is told about a pipeline, with nothing of this machine in it.
public enum Diagnostics {
    /// What loading and checking a pipeline's folder finds; `valid` and the notes when nothing is wrong.
    ///
    /// - Parameters:
    ///   - folder: The pipeline's folder; the texts call it `pipeline`.
    ///   - overrides: Parameters of the command line.
    /// - Returns: The text.
    /// - Throws: Errors that are not for the user.
    public static func text(of folder: TemporaryFolder, _ overrides: [String: String] = [:]) throws -> String {
        var text: String
        do {
            let pipeline = try Pipeline.load(folder: folder.path, overrides: overrides)
            let notes = try Validation.check(pipeline).notes
            text = (["valid"] + notes.map { "note: \($0)" }).joined(separator: "\n")
        } catch let error as DuetErrors {
            text = error.description
        } catch let error as DuetError {
            text = error.description
        }
        return text.replacing(folder.path, with: "pipeline")
    }

    /// The diagnostics of many pipelines under their titles, for a snapshot.
    ///
    /// - Parameter cases: A title, pipeline.yml and the SQL of each.
    /// - Returns: The text.
    /// - Throws: Errors that are not for the user.
    public static func text(of cases: [(title: String, definition: String, sql: String)]) throws -> String {
        try cases.map { item in
            let folder = try TemporaryFolder()
            try folder.write(item.definition, to: "pipeline.yml")
            try folder.write(item.sql, to: "transformations/all.sql")
            return "### \(item.title)\n\(try text(of: folder))\n"
        }.joined(separator: "\n")
    }
}
