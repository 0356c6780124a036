internal import Foundation

extension Pipeline {
    /// Reads a pipeline's folder: pipeline.yml and the SQL files below `transformations/`.
    ///
    /// Tables and columns are not looked at here; that takes DuckDB and happens when the graph is made.
    ///
    /// - Parameters:
    ///   - folder: The pipeline's folder, absolute or relative to the current one.
    ///   - overrides: Values for parameters that pipeline.yml declares.
    /// - Returns: The pipeline.
    /// - Throws: ``DuetErrors`` with everything that was found wrong.
    public static func load(folder: String, overrides: [String: String] = [:]) throws(DuetErrors) -> Pipeline {
        var loader: PipelineLoader
        do throws(DuetError) {
            loader = try PipelineLoader(folder: folder, overrides: overrides)
        } catch {
            throw DuetErrors([error])
        }
        loader.readStatements()
        loader.check()
        guard loader.errors.isEmpty else { throw DuetErrors(loader.errors) }
        return loader.pipeline
    }
}

private struct PipelineLoader {
    private(set) var pipeline: Pipeline
    private(set) var errors: [DuetError] = []
    private var flows: [FlowStatement] = []
    private var messages: [(dataset: String, message: String, location: SourceLocation)] = []
    private let shownFolder: String
    private let definitionLocation: SourceLocation

    init(folder: String, overrides: [String: String]) throws(DuetError) {
        shownFolder = folder.hasSuffix("/") && folder.count > 1 ? String(folder.dropLast()) : folder
        guard FileManager.default.fileExists(atPath: folder) else {
            throw DuetError(
                .missingFile,
                "there is no folder '\(folder)'",
                hint: "name a folder that holds a pipeline.yml, for example pipelines/flights"
            )
        }
        guard URL(fileURLWithPath: folder).resolvingSymlinksInPath().isExistingFolder else {
            throw DuetError(
                .missingFile,
                "'\(folder)' is a file, not a pipeline's folder",
                hint: "name the folder that holds pipeline.yml"
            )
        }
        let path = "\(shownFolder)/pipeline.yml"
        guard FileManager.default.fileExists(atPath: path) else {
            throw DuetError(
                .missingFile,
                "the folder '\(folder)' has no pipeline.yml",
                hint: "a pipeline is a folder with pipeline.yml and transformations/*.sql; see README.md"
            )
        }
        let file = try Self.read(path)
        definitionLocation = SourceLocation(file: path)
        let definition = try PipelineFile(file, overrides: overrides)
        pipeline = Pipeline(
            name: definition.name,
            summary: definition.summary,
            folder: URL(fileURLWithPath: folder).standardizedFileURL.path,
            defaultSchema: definition.schema,
            parameters: definition.parameters,
            sources: definition.sources,
            models: definition.models,
            datasets: [],
            scenario: definition.scenario,
            namedScenarios: definition.namedScenarios,
            events: definition.events,
            warnings: []
        )
        messages = definition.messages
    }

    mutating func readStatements() {
        let transformations = "\(shownFolder)/transformations"
        let names = (FileManager.default.enumerator(atPath: transformations)?.compactMap { $0 as? String } ?? [])
            .filter { $0.hasSuffix(".sql") }.sorted()
        if names.isEmpty {
            errors.append(
                DuetError(
                    .missingFile,
                    "the pipeline has no SQL files",
                    hint: "put CREATE STREAMING TABLE and MATERIALIZED VIEW statements into \(transformations)/*.sql",
                    at: definitionLocation
                )
            )
        }
        for name in names {
            do throws(DuetError) {
                var parser = StatementParser(
                    file: try Self.read("\(transformations)/\(name)"),
                    parameters: Parameters(values: pipeline.parameters),
                    defaultSchema: pipeline.defaultSchema
                )
                parser.parse()
                pipeline.datasets += parser.datasets
                flows += parser.flows
                pipeline.warnings += parser.warnings
                errors += parser.errors
            } catch {
                errors.append(error)
            }
        }
    }

    mutating func check() {
        var connector = FlowConnector(datasets: pipeline.datasets, flows: flows)
        connector.connect()
        pipeline.datasets = connector.result.map(Self.keepingFiles)
        attachRules()
        attachMessages()
        // A statement that could not be read may be the very one a flow asks for.
        if errors.isEmpty { errors += connector.errors }
        var first: [DatasetName: SourceLocation] = [:]
        for dataset in pipeline.datasets {
            if let earlier = first[dataset.name] {
                errors.append(
                    DuetError(
                        .duplicateName,
                        "the dataset '\(dataset.name)' is defined twice",
                        hint: "the other definition is at \(earlier); rename or remove one",
                        at: dataset.location
                    )
                )
            }
            first[dataset.name] = first[dataset.name] ?? dataset.location
            for read in dataset.flows.flatMap(\.query.fileReads) { checkRead(read) }
        }
    }

    /// Gives datasets the messages that pipeline.yml has for them; a statement's own property `duet.log` wins.
    private mutating func attachMessages() {
        for (text, message, location) in messages {
            let found = pipeline.datasets.firstIndex { $0.name.key == text.lowercased() && $0.flowTarget == nil }
            guard let index = found else {
                errors.append(
                    DuetError(
                        .unknownTable,
                        "the pipeline has no dataset '\(text)' to log a message of",
                        hint: Suggestion.hint(
                            for: text,
                            among: pipeline.datasets.map(\.name.description),
                            noun: "datasets"
                        ),
                        at: location
                    )
                )
                continue
            }
            pipeline.datasets[index].logMessage = message
        }
        for index in pipeline.datasets.indices where pipeline.datasets[index].flowTarget == nil {
            let own = pipeline.datasets[index].properties.last { $0.key.lowercased() == "duet.log" }
            if let own { pipeline.datasets[index].logMessage = own.value }
        }
    }

    /// Gives datasets the rules that rules.yml has for their tags.
    private mutating func attachRules() {
        let wanted = pipeline.datasets.indices.filter { index in
            // A flow has its table's properties, but the rules are the table's.
            pipeline.datasets[index].flowTarget == nil
                && pipeline.datasets[index].properties.contains { $0.key.lowercased() == RulesFile.property }
        }
        let path = "\(shownFolder)/rules.yml"
        guard let first = wanted.first else { return }
        do throws(DuetError) {
            guard FileManager.default.fileExists(atPath: path) else {
                throw DuetError(
                    .missingFile,
                    "'\(pipeline.datasets[first].name)' asks for rules by tag, and there is no \(path)",
                    hint: "write it: rules: [{name: has_id, condition: id IS NOT NULL, action: drop, tags: [orders]}]",
                    at: pipeline.datasets[first].location
                )
            }
            let parameters = Parameters(values: pipeline.parameters)
            let rules = try RulesFile(try Self.read(path), parameters: parameters)
            for index in wanted { try rules.attach(to: &pipeline.datasets[index]) }
        } catch {
            errors.append(error)
        }
    }

    /// A view over files keeps their rows: a file is read once, and DuckDB's own views would read it at every look.
    private static func keepingFiles(_ dataset: Dataset) -> Dataset {
        guard dataset.kind == .view, let read = dataset.flows.first?.query.fileReads.first else { return dataset }
        var dataset = dataset
        dataset.kind = read.isStream ? .streamingTable : .materializedView
        return dataset
    }

    private mutating func checkRead(_ read: FileRead) {
        guard pipeline.source(named: read.source) == nil else { return }
        if read.path != nil {
            let (source, notes) = PathSource.source(for: read, folder: pipeline.folder)
            pipeline.sources.append(source)
            pipeline.warnings += notes
            return
        }
        let known = pipeline.sources.map(\.name)
        errors.append(
            DuetError(
                .unknownSource,
                "no source is named '\(read.source)'",
                hint: Suggestion.hint(for: read.source, among: known, noun: "sources")
                    ?? "declare it in \(definitionLocation.file) under 'sources:'",
                at: read.location
            )
        )
    }

    private static func read(_ path: String) throws(DuetError) -> SourceFile {
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            guard let text = String(data: data, encoding: .utf8) else {
                throw DuetError(
                    .unreadableFile,
                    "'\(path)' is not UTF-8 text",
                    hint: "save it as UTF-8",
                    at: SourceLocation(file: path)
                )
            }
            return SourceFile(path: path, text: text)
        } catch let error as DuetError {
            throw error
        } catch {
            throw DuetError(
                .unreadableFile,
                "cannot read '\(path)'",
                hint: "check that the file exists and that you may read it",
                cause: error.localizedDescription
            )
        }
    }
}

extension URL {
    fileprivate var isExistingFolder: Bool {
        do {
            return try resourceValues(forKeys: [.isDirectoryKey]).isDirectory ?? false
        } catch {
            // What cannot be looked at is no folder we could read from; the caller says so.
            return false
        }
    }
}
