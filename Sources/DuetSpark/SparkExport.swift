public import DuetPipeline
internal import Foundation

/// Writes a pipeline as a project of Spark Declarative Pipelines: `spark-pipeline.yml` and SQL files in Spark's dialect.
///
/// What Spark's open-source pipelines have no words for is either written in other words that keep the same rows, or left
/// out and told of, dataset by dataset; nothing goes missing in silence. What would change rows without a way around it
/// is refused.
public struct SparkExport: Sendable {
    /// Something that the project does not have, or has in another form.
    public struct Remark: Sendable, Hashable {
        /// The dataset, or the source, it is about.
        public var subject: String
        /// What is missing, or other than it was.
        public var left: String
        /// What to do about it.
        public var advice: String
        /// Where it stands in the definition.
        public var location: SourceLocation
    }

    /// The files of the project, by path below its folder, in order.
    public let files: [(path: String, text: String)]
    /// What was left out or changed its form, in the order of the datasets.
    public let remarks: [Remark]
    /// How many datasets were written.
    public let datasetCount: Int

    /// Writes a pipeline's project.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - graph: Its datasets in order.
    ///   - folder: Where the project will be, as an absolute path; its settings name places below it.
    ///   - tree: Gives the syntax tree of a SELECT.
    /// - Throws: ``DuetErrors`` with `UNSUPPORTED`, each with its place, for everything that has no form in Spark; what `tree`
    ///   throws.
    public init(
        of pipeline: Pipeline,
        graph: DatasetGraph,
        folder: String,
        tree: @escaping (String) throws -> JSONValue
    ) throws {
        var writer = SparkProject(pipeline: pipeline, graph: graph, folder: folder, tree: tree)
        try writer.write()
        guard writer.errors.isEmpty else { throw DuetErrors(writer.errors) }
        files = writer.files
        remarks = writer.remarks
        datasetCount = writer.count
    }

    /// The remarks as JSON.
    public var json: JSONValue {
        [
            "datasets": .integer(Int64(datasetCount)), "files": .array(files.map { .string($0.path) }),
            "left_out": .array(
                remarks.map {
                    [
                        "subject": .string($0.subject), "left": .string($0.left), "advice": .string($0.advice),
                        "location": .string($0.location.description),
                    ]
                }
            ),
        ]
    }

    /// The remarks for people, one a paragraph.
    public var text: String {
        remarks.map { "\($0.location): '\($0.subject)': \($0.left)\n  do: \($0.advice)" }.joined(separator: "\n")
    }
}

/// The project as it is being written.
struct SparkProject {
    let pipeline: Pipeline
    let graph: DatasetGraph
    let folder: String
    let tree: (String) throws -> JSONValue
    var files: [(path: String, text: String)] = []
    var remarks: [SparkExport.Remark] = []
    var errors: [DuetError] = []
    var count = 0
    /// The views over files, by what they read.
    var reads: [String: SparkRead] = [:]
    /// The statements by the file of the definition they come from.
    private var statements: [(file: String, text: String)] = []

    init(pipeline: Pipeline, graph: DatasetGraph, folder: String, tree: @escaping (String) throws -> JSONValue) {
        self.pipeline = pipeline
        self.graph = graph
        self.folder = folder
        self.tree = tree
    }

    mutating func write() throws {
        // In the order of the definition's files, so that the project reads as the definition does.
        for dataset in pipeline.datasets where dataset.flowTarget == nil {
            guard let node = graph[dataset.name] else { continue }
            let texts = try statements(of: node.dataset)
            count += 1
            for text in texts { statements.append((Self.fileName(dataset.location.file), text)) }
        }
        files.append(("spark-pipeline.yml", specification))
        var names: [String] = []
        for (file, _) in statements where !names.contains(file) { names.append(file) }
        for name in names {
            let text = statements.filter { $0.file == name }.map(\.text).joined(separator: "\n\n")
            files.append(("transformations/spark/\(name)", text + "\n"))
        }
        let reads = reads.values.sorted { $0.view < $1.view }
        if !reads.isEmpty {
            files.append(("transformations/spark/files.py", SparkRead.python(reads)))
            files.append(("transformations/files.sql", SparkRead.sql(reads)))
        }
        files.append(("pipeline.yml", try definition(reads)))
        files.append(("schemas.sql", schemas))
        files.append(("conf/spark-defaults.conf", settings))
        files.append(("EXPORT.md", page))
    }

    mutating func remark(_ subject: DatasetName, _ left: String, _ advice: String, at location: SourceLocation) {
        let remark = SparkExport.Remark(subject: subject.description, left: left, advice: advice, location: location)
        if !remarks.contains(remark) { remarks.append(remark) }
    }

    private static func fileName(_ path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? "all.sql"
        return name.hasSuffix(".sql") ? name : name + ".sql"
    }

    // MARK: - Files beside the statements

    private var specification: String {
        var text = """
            name: \(pipeline.name)
            storage: file://\(folder)/storage
            database: \(pipeline.defaultSchema)
            libraries:
              - glob: {include: transformations/spark/**}
            configuration:
              # Times without a zone are in UTC, as duet reads them.
              spark.sql.session.timeZone: UTC

            """
        let reads = reads.values.sorted { $0.view < $1.view }
        if reads.contains(where: \.isStream) {
            text += "  spark.sql.streaming.schemaInference: \"true\"\n"
        }
        if !reads.isEmpty { text += "  # Where the files are.\n" }
        var keys: Set<String> = []
        for read in reads where keys.insert(read.key).inserted {
            text += "  \(read.key): \(JSONValue.string(read.path).text())\n"
        }
        return text
    }

    private var schemas: String {
        var names: [String] = [pipeline.defaultSchema]
        for dataset in pipeline.datasets where !SparkName.isView(dataset) && !names.contains(dataset.name.schema) {
            names.append(dataset.name.schema)
        }
        return "-- Spark's pipelines make no schemas: run this once, with spark-sql -f schemas.sql\n"
            + names.map { "CREATE SCHEMA IF NOT EXISTS \(SparkName.quoted($0));\n" }.joined()
    }

    private var settings: String {
        """
        # A catalog that outlives a run: without one the second run fails. On a cluster use its own in place of these.
        spark.sql.catalogImplementation hive
        spark.sql.warehouse.dir file://\(folder)/warehouse
        spark.hadoop.javax.jdo.option.ConnectionURL jdbc:derby:;databaseName=\(folder)/metastore;create=true

        """
    }

    private var page: String {
        var text = """
            # \(pipeline.name), exported by duet for Spark Declarative Pipelines

            ```bash
            export SPARK_CONF_DIR=\(folder)/conf
            spark-sql -f schemas.sql       # once
            spark-pipelines run
            ```

            `duet run \(folder)` runs the same files with duet.

            ## What was left out, or is there in another form


            """
        if remarks.isEmpty { text += "Nothing.\n" }
        for remark in remarks {
            text += "- **\(remark.subject)** (`\(remark.location)`): \(remark.left). *Do:* \(remark.advice).\n"
        }
        return text
    }
}
