public import DuetEngine
internal import DuetEvents
internal import DuetFactory
internal import DuetFetch
internal import DuetPipeline
public import DuetReport
internal import Foundation

/// Holds two definitions that people have of one pipeline against each other: an Azure Data Factory, and SQL datasets.
///
/// Both run once on the same data, and every dataset of the SQL is compared with the table of the same name that the
/// factory has left. What a migration must prove is that none differs.
public struct Migration: Sendable {
    private let procedural: String
    private let declarative: String
    private let data: String?
    private let standIns: String?
    private let parameters: [String: String]
    private let workFolder: String
    private let settings: EngineSettings
    private let workers: Int
    private let control: RunControl
    private let progress: @Sendable (String) -> Void

    /// Creates a comparison of two definitions.
    ///
    /// - Parameters:
    ///   - procedural: The factory's folder, in the git layout.
    ///   - declarative: The folder with the SQL files; a pipeline.yml beside it is used.
    ///   - data: The folder of the sources' files; `base` in pipeline.yml, and what paths in `read_files` are looked for in.
    ///   - standIns: What linked services are here; stand-ins.yml beside or in the factory's folder unless given.
    ///   - parameters: Values for parameters.
    ///   - workFolder: Where both are put together and run; emptied at the start.
    ///   - settings: How DuckDB may use the machine.
    ///   - workers: How many steps may run at once.
    ///   - control: Stops it.
    ///   - progress: Told what goes on.
    public init(
        procedural: String,
        declarative: String,
        data: String? = nil,
        standIns: String? = nil,
        parameters: [String: String] = [:],
        workFolder: String,
        settings: EngineSettings = EngineSettings(),
        workers: Int = 2,
        control: RunControl = RunControl(),
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.procedural = procedural
        self.declarative = declarative
        self.data = data
        self.standIns = standIns
        self.parameters = parameters
        self.workFolder = workFolder
        self.settings = settings
        self.workers = workers
        self.control = control
        self.progress = progress
    }

    /// Runs both and compares.
    ///
    /// - Returns: A report of one step.
    /// - Throws: ``DuetError`` or ``DuetErrors`` when a definition is wrong or a run fails.
    public func run() throws -> ComparisonReport {
        let work = Self.absolute(workFolder)
        let folder = "\(work)/definition"
        try assemble(folder, work)
        var overrides = parameters
        let declared = try Pipeline.load(folder: folder, overrides: overrides)
        if let data, declared.parameters["base"] != nil, overrides["base"] == nil {
            overrides["base"] = Self.absolute(data)
        }
        let pipeline = try Pipeline.load(folder: folder, overrides: overrides)
        let home = PipelineHome(pipeline: pipeline.name, root: work)
        var step = ComparisonReport.Step(name: "the data as they are", notes: ["both definitions run once"])
        var moved: [RunEvent] = []
        for style in [Style.procedural, .declarative] {
            progress("\(style.rawValue): \(style == .procedural ? procedural : declarative)")
            let meter = ResourceMeter()
            let outcome = try Styles.executor(style, .activities).run(
                RunRequest(
                    pipeline: pipeline,
                    home: home,
                    settings: settings,
                    workers: workers,
                    fetcher: Fetcher(),
                    control: control
                )
            )
            guard outcome.isSuccess else { throw DuetErrors(outcome.errors) }
            let run = RunMeasures(seconds: outcome.seconds, events: outcome.events, resources: meter.measured())
            if style == .procedural { moved = outcome.events }
            if style == .procedural { step.procedural = [run] } else { step.declarative = [run] }
        }
        step.datasets = try EqualityProof.compare(pipeline, home: home)
        let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
        var report = ComparisonReport(
            pipeline: pipeline.name,
            summary: "A factory in \(procedural) against datasets in \(declarative).",
            date: String(Date().formatted(.iso8601).prefix(10)),
            machine: MachineProbe.machine(),
            repetitions: 1,
            datasets: graph.nodes.map(DatasetOutline.init),
            steps: [step]
        )
        report.lineage = ColumnTable.report(pipeline, home: home)
        report.proceduralLineage = FactoryColumnTable.report(pipeline, moved)
        report.method.scenario = "one run of two definitions"
        report.method.procedural = ProceduralForm.activities.rawValue
        report.method.threads = settings.threads
        report.method.memoryLimit = settings.memoryLimit
        report.method.workers = workers
        report.method.isServed = false
        report.method.loadBefore = ResourceMeter.load()
        return report
    }

    /// Puts both definitions together as one pipeline's folder.
    private func assemble(_ folder: String, _ work: String) throws {
        let files = FileManager.default
        for path in [procedural, declarative, data].compactMap({ $0 }) where !files.fileExists(atPath: path) {
            throw DuetError(
                .missingFile,
                "there is no folder '\(path)'",
                hint: "check --procedural, --declarative, --data"
            )
        }
        if files.fileExists(atPath: work) { try files.removeItem(atPath: work) }
        try files.createDirectory(atPath: "\(folder)/transformations", withIntermediateDirectories: true)
        try linkNeighbours(of: standInsFile, to: folder)
        try files.copyItem(atPath: Self.absolute(procedural), toPath: "\(folder)/activities")
        var sources: [(name: String, path: String)] = []
        let names = (files.enumerator(atPath: declarative)?.compactMap { $0 as? String } ?? []).sorted()
        for name in names where name.hasSuffix(".sql") {
            let text = try String(contentsOfFile: "\(declarative)/\(name)", encoding: .utf8)
            let flat = name.replacing("/", with: "-")
            try withSources(text, &sources)
                .write(toFile: "\(folder)/transformations/\(flat)", atomically: true, encoding: .utf8)
        }
        let beside = URL(fileURLWithPath: Self.absolute(declarative)).deletingLastPathComponent().path + "/pipeline.yml"
        if files.fileExists(atPath: beside) {
            try Self.replace("\(folder)/pipeline.yml") { try files.copyItem(atPath: beside, toPath: $0) }
        } else {
            let text = try definition(sources)
            try Self.replace("\(folder)/pipeline.yml") {
                try text.write(toFile: $0, atomically: false, encoding: .utf8)
            }
        }
    }

    private var standInsFile: String? {
        let factory = Self.absolute(procedural)
        let beside = URL(fileURLWithPath: factory).deletingLastPathComponent().path + "/stand-ins.yml"
        return [standIns.map(Self.absolute), beside, "\(factory)/stand-ins.yml"].compactMap { $0 }.first {
            FileManager.default.fileExists(atPath: $0)
        }
    }

    /// Paths in stand-ins.yml start from its folder, so what lies there is found beside the copy too.
    private func linkNeighbours(of file: String?, to folder: String) throws {
        guard let file else { return }
        let files = FileManager.default
        let from = URL(fileURLWithPath: file).deletingLastPathComponent().path
        for name in try files.contentsOfDirectory(atPath: from)
        where !["transformations", "activities", ".duet"].contains(name) {
            try files.createSymbolicLink(atPath: "\(folder)/\(name)", withDestinationPath: "\(from)/\(name)")
        }
        if !files.fileExists(atPath: "\(folder)/stand-ins.yml") {
            try files.createSymbolicLink(atPath: "\(folder)/stand-ins.yml", withDestinationPath: file)
        }
    }

    private static func replace(_ path: String, _ write: (String) throws -> Void) throws {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch CocoaError.fileNoSuchFile {
            // Nothing was linked there.
        }
        try write(path)
    }

    /// Turns `read_files('/path/...')`, as the service has it, into declared sources below the data folder.
    private func withSources(_ text: String, _ sources: inout [(name: String, path: String)]) throws -> String {
        let file = SourceFile(path: "", text: text)
        let tokens = try SQLToken.tokens(of: file)
        var result = ""
        var copied = 0
        for (index, token) in tokens.enumerated() where token.kind == .string && index >= 2 {
            guard tokens[index - 1].isSymbol("("), tokens[index - 2].isWord("READ_FILES"),
                !token.unquoted.hasPrefix("${source.")
            else { continue }
            let path = try localPath(token.unquoted)
            let known = sources.first { $0.path == path }
            let source = known ?? (name: "source_\(sources.count + 1)", path: path)
            if known == nil { sources.append(source) }
            result += String(decoding: file.bytes[copied..<token.range.lowerBound], as: UTF8.self)
            result += "'${source.\(source.name)}'"
            copied = token.range.upperBound
        }
        return result + String(decoding: file.bytes[copied...], as: UTF8.self)
    }

    /// Where the files of a path of the service are here: the longest end of the path that is in the data folder.
    private func localPath(_ path: String) throws -> String {
        let root = Self.absolute(data ?? ".")
        var parts = path.split(separator: "/").map(String.init)
        while !parts.isEmpty {
            let candidate = "\(root)/\(parts.joined(separator: "/"))"
            let folder =
                parts.last.map { $0.contains("*") } == true
                ? URL(fileURLWithPath: candidate).deletingLastPathComponent().path : candidate
            if FileManager.default.fileExists(atPath: folder), folder != root || parts.count == 1 {
                if parts.last?.contains("*") == true { return candidate }
                let names = try FileManager.default.attributesOfItem(atPath: folder)[.type] as? FileAttributeType
                return names == .typeDirectory ? "\(candidate)/*" : candidate
            }
            parts.removeFirst()
        }
        throw DuetError(
            .missingFile,
            "the files of read_files('\(path)') are not in '\(root)'",
            hint: "name the folder that holds them: --data"
        )
    }

    /// A pipeline.yml for SQL that has none.
    private func definition(_ sources: [(name: String, path: String)]) throws -> String {
        let factory = try Factory.load(procedural)
        let called = Set(factory.pipelines.flatMap { Self.called(in: $0) })
        let roots = factory.pipelines.map(\.name).filter { !called.contains($0.lowercased()) }
        guard let name = roots.first, roots.count == 1 else {
            throw DuetError(
                .wrongValue,
                "the factory '\(procedural)' has \(roots.count) pipelines that no other calls: "
                    + roots.joined(separator: ", "),
                hint: "put a pipeline.yml with the 'name' of the one to run beside '\(declarative)'"
            )
        }
        var lines = ["name: \(name)", "sources:"]
        for source in sources {
            let folder = URL(fileURLWithPath: source.path).deletingLastPathComponent().path
            let isPattern = source.path.hasSuffix("*")
            let names = isPattern ? try FileManager.default.contentsOfDirectory(atPath: folder) : [source.path]
            let endings = ["csv", "jsonl", "json", "parquet"]
            let format = endings.first { ending in names.contains { $0.hasSuffix(".\(ending)") } } ?? "csv"
            lines.append("  \(source.name): {location: '\(source.path)', format: \(format)}")
        }
        if sources.isEmpty { lines[1] = "sources: {}" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func called(in pipeline: FactoryPipeline) -> [String] {
        func names(_ value: JSONValue) -> [String] {
            switch value {
            case .object(let object):
                let isPipeline = object["type"]?.string?.lowercased() == "pipelinereference"
                return (isPipeline ? [object["referenceName"]?.string?.lowercased()].compactMap { $0 } : [])
                    + object.members.flatMap { names($0.value) }
            case .array(let items): return items.flatMap(names)
            default: return []
            }
        }
        do {
            return names(try JSONValue(parsing: pipeline.resource.file.text))
        } catch {
            // A template's pipelines have no file of their own; all of them then count as roots.
            return []
        }
    }

    private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
}
