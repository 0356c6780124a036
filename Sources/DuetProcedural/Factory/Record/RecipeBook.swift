internal import DuckKit
internal import DuetEvents
internal import DuetExpression
internal import Foundation
internal import Synchronization

/// What activities note of how the rows that they write follow from what they read, until it is told.
final class RecipeBook: Sendable {
    /// A place that was written.
    struct Entry {
        /// `schema.table`, or a file's path.
        var place: String
        var effect: Movement.Effect?
        var recipe: Recipe
    }

    /// More files than an event should name.
    static let mostFiles = 1_000

    private let entries = Mutex<[String: [Entry]]>([:])

    /// Notes what a try of an activity has written.
    ///
    /// - Parameters:
    ///   - run: The activity run's id.
    ///   - place: `schema.table`, or a file's path.
    ///   - effect: What was done to its rows.
    ///   - make: Makes the recipe; an error means that there is none, and fails nothing.
    func note(_ run: String, _ place: String, _ effect: Movement.Effect?, _ make: () throws -> Recipe) {
        var recipe: Recipe
        do {
            recipe = try make()
            if recipe.scans.contains(where: { $0.files.count > Self.mostFiles }) {
                recipe = Recipe(query: "", unknown: "it read more files than are noted (\(Self.mostFiles))")
            }
        } catch {
            recipe = Recipe(query: "", unknown: "its query could not be noted")
        }
        entries.withLock { $0[run, default: []].append(Entry(place: place, effect: effect, recipe: recipe)) }
    }

    /// The first that was noted.
    func peek(_ run: String) -> Entry? { entries.withLock { $0[run]?.first } }

    /// What was noted; told once.
    func take(_ run: String) -> [Entry] { entries.withLock { $0.removeValue(forKey: run) ?? [] } }
}

extension Recipe.Scan {
    /// The column that a scan has for the path of each row's file.
    static let fileColumn = "__duet_file"

    /// Notes files that are read as one relation.
    ///
    /// - Throws: ``ActivityFailure`` for a layout without rows, ``DuckDBError`` when the files cannot be read.
    init(
        _ relation: String,
        _ paths: [String],
        _ layout: FileLayout,
        skipsUnreadable: Bool = false,
        dataset: String,
        _ connection: Connection
    ) throws {
        let reading = try layout.reading(paths, fileColumn: Self.fileColumn, skipsUnreadable: skipsUnreadable)
        self.init(
            relation: relation,
            query: try SourceRelation.named("SELECT * FROM \(reading)", layout, connection),
            dataset: dataset,
            files: paths.prefix(RecipeBook.mostFiles + 1).map(Recipe.File.init(at:))
        )
    }
}

extension Recipe.File {
    /// The file as it is now; one that has gone has neither size nor time, and will not be taken for itself.
    init(at path: String) {
        self.init(path: path, size: -1, modified: 0)
        guard case .success(let found) = Result(catching: { try FileManager.default.attributesOfItem(atPath: path) })
        else { return }
        size = found[.size] as? Int ?? -1
        modified = (found[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
    }
}
