/// A pipeline as its folder defines it, checked: what to pull, which datasets to make of it, and how the sources change in
/// its scenario.
public struct Pipeline: Sendable {
    /// The name in pipeline.yml.
    public var name: String
    /// A line about the pipeline, from pipeline.yml.
    public var summary: String?
    /// The folder, as an absolute path.
    public var folder: String
    /// The schema of datasets whose names have none.
    public var defaultSchema: String
    /// Parameter values after the command line's overrides.
    public var parameters: [String: String]
    /// What is pulled from elsewhere, in the order of pipeline.yml.
    public var sources: [Source]
    /// The models that queries may call; those of ``ModelDeclaration/standard`` when pipeline.yml declares none.
    public var models: [ModelDeclaration] = ModelDeclaration.standard
    /// The datasets, in the order of the files and of the statements in them.
    public var datasets: [Dataset]
    /// How the sources change, step by step; nil when pipeline.yml has no `scenario`.
    public var scenario: Scenario?
    /// The scenarios that pipeline.yml names under `scenarios`, in its order.
    public var namedScenarios: [Scenario] = []
    /// How long events are kept, and who else is told of them.
    public var events = EventSettings()
    /// Clauses that were read and have no effect, and the like: shown, but no reason to stop.
    public var warnings: [DuetError]

    /// The source of a name.
    public func source(named name: String) -> Source? { sources.first { $0.name == name } }

    /// The dataset of a name, in any case.
    public func dataset(named name: DatasetName) -> Dataset? { datasets.first { $0.name == name } }

    /// The datasets of some names together with the flows that feed them: what refreshing the first means.
    public func withFlows(_ names: Set<DatasetName>) -> Set<DatasetName> {
        names.union(datasets.filter { $0.flowTarget.map(names.contains) ?? false }.map(\.name))
    }

    /// The datasets that others may see: all but private and temporary ones.
    public var publishedDatasets: [Dataset] { datasets.filter { $0.visibility == .published } }
}

extension Pipeline {
    /// A data factory as a pipeline: it has a name and a home, and its activities stand in place of datasets.
    ///
    /// - Parameters:
    ///   - name: The factory's name.
    ///   - folder: Its folder.
    public init(factory name: String, folder: String) {
        self.init(
            name: name,
            folder: folder,
            defaultSchema: "main",
            parameters: [:],
            sources: [],
            datasets: [],
            warnings: []
        )
    }
}

/// A dataset's name within its pipeline; equal in any case, as SQL has it.
public struct DatasetName: Hashable, Sendable, Codable, CustomStringConvertible, Comparable {
    /// The schema, usually the layer: bronze, silver or gold.
    public let schema: String
    /// The table's name.
    public let table: String

    /// Creates a name.
    public init(schema: String, table: String) {
        self.schema = schema
        self.table = table
    }

    /// `schema.table`.
    public var description: String { "\(schema).\(table)" }

    /// Both parts in lower case: what comparison goes by.
    public var key: String { description.lowercased() }

    /// Equal in any case.
    public static func == (a: Self, b: Self) -> Bool { a.key == b.key }
    /// By schema and table, in any case.
    public static func < (a: Self, b: Self) -> Bool { a.key < b.key }
    /// Feeds the key.
    public func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

/// What is pulled from outside the pipeline.
public struct Source: Sendable, Hashable {
    /// The name by which `read_files('${source.name}')` refers to it.
    public var name: String
    /// Where the data are; relative paths are relative to the pipeline's folder.
    public var origin: Origin
    /// The format: csv, json, jsonl or parquet.
    public var format: FileFormat
    /// Reading options, named as `read_files` names them; the query's own options win.
    public var options: [ReadOption]
    /// What is done when a file that was already read has changed.
    public var changedFiles: ChangedFilePolicy
    /// Where pipeline.yml declares it.
    public var location: SourceLocation

    /// How it is reached.
    public var access = SourceAccess()
    /// What its files are packed in; nil when they are read as they are.
    public var packing: Packing?
    /// Whether its files only ever grow at their end, so that only what is new needs to come.
    public var grows = false

    init(
        name: String,
        origin: Origin,
        format: FileFormat,
        options: [ReadOption],
        changedFiles: ChangedFilePolicy = .replace,
        location: SourceLocation
    ) {
        self.name = name
        self.origin = origin
        self.format = format
        self.options = options
        self.location = location
        self.changedFiles = changedFiles
    }
}

/// The file formats duet reads.
public enum FileFormat: String, Sendable, Hashable, CaseIterable, Codable {
    /// Comma (or otherwise) separated text.
    case csv
    /// One JSON array, or values one after the other.
    case json
    /// One JSON value a line.
    case jsonl
    /// Apache Parquet.
    case parquet
}

/// What a streaming table does when a file it has already read is found changed.
public enum ChangedFilePolicy: String, Sendable, Hashable, CaseIterable, Codable {
    /// The rows of the old content are taken back and those of the new one added: the table equals its files.
    case replace
    /// The old rows stay and the new content's rows are added, as when the service allows overwrites.
    case append
    /// The change is ignored, as the service does by default.
    case ignore
    /// The update stops.
    case fail
}

/// One option of `read_files`.
public struct ReadOption: Sendable, Hashable {
    /// The name in lower case.
    public var name: String
    /// The value as text.
    public var value: String
    /// Where it stands.
    public var location: SourceLocation

    /// Creates an option.
    public init(name: String, value: String, location: SourceLocation) {
        self.name = name
        self.value = value
        self.location = location
    }
}
