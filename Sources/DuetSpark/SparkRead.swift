import DuetPipeline
internal import Foundation

/// A view over a source's files: Spark's pipelines read files as a stream in Python only.
struct SparkRead {
    let view: String
    let source: Source
    let isStream: Bool
    /// The options as `read_files` has them.
    let options: [ReadOption]
    /// Where Spark finds the files.
    var path: String
    /// Spark's own options, by name.
    private(set) var settings: [(name: String, value: String)] = []
    private(set) var schema: String?
    /// What is told of the source, with what to do.
    private(set) var remarks: [(left: String, advice: String)] = []

    /// The setting that names the path.
    var key: String { "duet.source.\(source.name)" }

    init(
        view: String,
        source: Source,
        read: FileRead,
        pipelineFolder: String,
        folder: String
    ) throws(DuetError) {
        self.view = view
        self.source = source
        isStream = read.isStream
        let own = Set(read.options.map(\.name))
        options = source.options.filter { !own.contains($0.name) } + read.options
        path = ""
        guard source.packing == nil else {
            throw DuetError(
                .unsupported,
                "source '\(source.name)' is an archive or a workbook, which Spark does not read",
                hint: "unpack it, and make the files in it the source",
                at: source.location
            )
        }
        guard !read.usesMetadata else {
            throw DuetError(
                .unsupported,
                "the export to Spark has no rule for _metadata: paths and names of columns in it differ",
                hint: "leave it out of the query for the export",
                at: read.location
            )
        }
        path = place(pipelineFolder: pipelineFolder, folder: folder)
        try readOptions(at: read.location)
        if isStream {
            remarks.append(
                (
                    "a file that changes after it was read is read again by duet, and not by Spark, whose streams take "
                        + "each file once",
                    "after a correction run spark-pipelines run --full-refresh with the tables that read it"
                )
            )
        }
    }

    private mutating func place(pipelineFolder: String, folder: String) -> String {
        let pattern = "*.\(source.format.rawValue)"
        let absolute = { (address: String) in
            URL(fileURLWithPath: address, relativeTo: URL(fileURLWithPath: pipelineFolder + "/")).standardizedFileURL
                .path
        }
        guard !source.isRemote, source.access == SourceAccess() else {
            remarks.append(
                (
                    "Spark does not fetch '\(source.address)'",
                    "put its files into data/\(source.name) of the project, or set \(key) in spark-pipeline.yml"
                )
            )
            return "\(folder)/data/\(source.name)/\(pattern)"
        }
        switch source.origin {
        case .location(let address): return absolute(address)
        case .manifest(let address):
            remarks.append(
                (
                    "the manifest and its sums are not read: Spark takes every \(pattern) beside it",
                    "keep files that the manifest does not name elsewhere"
                )
            )
            return absolute(address).split(separator: "/", omittingEmptySubsequences: false).dropLast()
                .joined(separator: "/") + "/\(pattern)"
        default:
            let parts = source.address.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            remarks.append(
                (
                    "several places are one in Spark",
                    "put all files into one folder and set \(key) in spark-pipeline.yml"
                )
            )
            return absolute(parts.joined(separator: "/")) + "/\(pattern)"
        }
    }

    private mutating func readOptions(at location: SourceLocation) throws(DuetError) {
        var isTyped = true
        let isText = source.format == .csv
        if isText { settings.append(("header", "true")) }
        if source.format == .json { settings.append(("multiLine", "true")) }
        for option in options {
            switch option.name {
            case "format": break
            case "sep", "delimiter", "delim": settings.append(("sep", option.value))
            case "quote", "escape", "encoding", "comment": settings.append((option.name, option.value))
            case "nullvalue":
                settings.append(("nullValue", option.value))
                // An empty field is then an empty text, as it is for duet.
                if !option.value.isEmpty { settings.append(("emptyValue", "")) }
            case "header":
                settings.removeAll { $0.name == "header" }
                settings.append(("header", option.value.lowercased()))
            case "infercolumntypes": isTyped = option.value.lowercased() != "false"
            case "schema":
                schema = option.value
                isTyped = false
            case "mode" where option.value.lowercased() == "failfast": settings.append(("mode", "FAILFAST"))
            default:
                throw DuetError(
                    .unsupported,
                    "the export to Spark has no rule for the option '\(option.name)' of read_files",
                    hint:
                        "leave it out for the export; sep, quote, escape, comment, encoding, nullValue, header, schema and "
                        + "inferColumnTypes have one",
                    at: option.location
                )
            }
        }
        if isText, isTyped { settings.append(("inferSchema", "true")) }
        if isTyped, source.format != .parquet {
            remarks.append(
                (
                    "the types of its columns are found by Spark's own rules, which differ from duet's",
                    isText
                        ? "write inferColumnTypes => false and cast in the query, or give a schema"
                        : "give a schema, or cast in the query"
                )
            )
        }
    }

    // MARK: - Files

    /// The Python file with the views.
    static func python(_ reads: [SparkRead]) -> String {
        var text = """
            # Written by duet: the files that the SQL files read. Spark's SQL pipelines have no read_files.
            from pyspark import pipelines as dp
            from pyspark.sql import SparkSession

            spark = SparkSession.active()

            """
        for read in reads {
            let format = read.source.format == .jsonl ? "json" : read.source.format.rawValue
            let options = read.settings.map { "\n        .option(\(quoted($0.name)), \(quoted($0.value)))" }.joined()
            let schema = read.schema.map { "\n        .schema(\(quoted($0)))" } ?? ""
            text += """


                @dp.temporary_view(name=\(quoted(read.view)))
                def \(read.view)():
                    return (
                        spark.\(read.isStream ? "readStream" : "read").format(\(quoted(format)))\(schema)\(options)
                        .load(spark.conf.get(\(quoted(read.key))))
                    )

                """
        }
        return text
    }

    /// The same views as duet reads them.
    static func sql(_ reads: [SparkRead]) -> String {
        let views = reads.map { read -> String in
            let arguments = read.options.map { ", \($0.name) => \(SparkName.literal($0.value))" }.joined()
            let call = "read_files('${source.\(read.source.name)}'\(arguments))"
            return "CREATE TEMPORARY VIEW \(read.view) AS SELECT * FROM \(read.isStream ? "STREAM " : "")\(call);\n"
        }
        return "-- Written by duet for duet, which reads this file in place of spark/files.py.\n" + views.joined()
    }

    private static func quoted(_ text: String) -> String { JSONValue.string(text).text() }
}

extension SparkProject {
    /// The view that stands for a `read_files` in Spark.
    mutating func view(for read: FileRead) -> String {
        guard let source = pipeline.source(named: read.source) else { return SparkName.quoted(read.source) }
        let own = Set(read.options.map(\.name))
        let options = source.options.filter { !own.contains($0.name) } + read.options
        let texts = options.map { " \($0.name)=\($0.value)" }.sorted().joined()
        let key = "\(read.isStream ? "stream" : "batch") \(source.name)\(texts)"
        if let known = reads[key] { return known.view }
        let name = "files_" + source.name.map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined()
        var view = name
        var number = 1
        while reads.values.contains(where: { $0.view == view }) {
            number += 1
            view = "\(name)_\(number)"
        }
        do throws(DuetError) {
            let made = try SparkRead(
                view: view,
                source: source,
                read: read,
                pipelineFolder: pipeline.folder,
                folder: folder
            )
            for remark in made.remarks {
                remarks.append(
                    SparkExport.Remark(
                        subject: source.name,
                        left: remark.left,
                        advice: remark.advice,
                        location: source.location
                    )
                )
            }
            reads[key] = made
        } catch {
            errors.append(error)
        }
        return view
    }

    /// pipeline.yml, with which duet reads the project back.
    func definition(_ reads: [SparkRead]) throws(DuetError) -> String {
        var text = "# Written by duet, so that `duet run` reads this project too.\nname: \(pipeline.name)\n"
        text += "schema: \(pipeline.defaultSchema)\n"
        if !reads.isEmpty { text += "sources:\n" }
        var names: Set<String> = []
        for read in reads where names.insert(read.source.name).inserted {
            let source = read.source
            let absolute = { (address: String) -> String in
                guard !Source.isRemote(address) else { return address }
                let base = URL(fileURLWithPath: pipeline.folder + "/")
                return URL(fileURLWithPath: address, relativeTo: base).standardizedFileURL.path
            }
            let place: String
            switch source.origin {
            case .location(let address): place = "location: \(JSONValue.string(absolute(address)).text())"
            case .manifest(let address): place = "manifest: \(JSONValue.string(absolute(address)).text())"
            case .list(let addresses):
                place = "locations: \(JSONValue.array(addresses.map { .string(absolute($0)) }).text())"
            default:
                throw DuetError(
                    .unsupported,
                    "source '\(source.name)' is neither a file, a list of files nor a manifest, which is all the export writes",
                    hint: "for the export, land its files in a folder and name that",
                    at: source.location
                )
            }
            text += "  \(JSONValue.string(source.name).text()): {\(place), format: \(source.format.rawValue)}\n"
        }
        return text
    }
}
