public import ArgumentParser
public import DuetCompare
public import DuetEngine
import DuetEvents
import DuetFetch
import DuetPipeline

extension Style: ExpressibleByArgument {}
extension ProceduralForm: ExpressibleByArgument {}
extension TableFormat: ExpressibleByArgument {}

/// Options that every command on a pipeline has.
struct PipelineOptions: ParsableArguments {
    @Argument(help: "The pipeline's folder: the one with pipeline.yml.")
    var pipeline: String

    @Option(
        name: [.customShort("p"), .customLong("parameter")],
        help: "A parameter's value, as name=value; repeatable."
    )
    var parameters: [String] = []

    @Option(help: "Where warehouses and fetched files are kept.")
    var home = ".duet"

    func load() throws -> Pipeline { try Pipeline.load(folder: pipeline, overrides: try overrides()) }

    func overrides() throws -> [String: String] { try Self.overrides(parameters) }

    /// Parameters as written on the command line, by name.
    static func overrides(_ parameters: [String]) throws -> [String: String] {
        var values: [String: String] = [:]
        for parameter in parameters {
            guard let equals = parameter.firstIndex(of: "=") else {
                throw ValidationError("'\(parameter)' is no parameter; write --parameter name=value")
            }
            values[String(parameter[..<equals])] = String(parameter[parameter.index(after: equals)...])
        }
        return values
    }

    func names(_ texts: [String], of pipeline: Pipeline) throws -> Set<DatasetName> {
        var names: Set<DatasetName> = []
        for text in texts.flatMap({ $0.split(separator: ",").map(String.init) }) {
            let known = pipeline.datasets.map(\.name)
            guard
                let name = known.first(where: {
                    $0.key == text.lowercased() || $0.table.lowercased() == text.lowercased()
                })
            else {
                let hint = Suggestion.hint(for: text, among: known.map(\.description), noun: "datasets")
                throw ValidationError("the pipeline has no dataset '\(text)'; \(hint ?? "")")
            }
            names.insert(name)
        }
        return names
    }
}

/// Options on how DuckDB and the executors may use the machine.
struct EngineOptions: ParsableArguments {
    @Option(help: "Threads for DuckDB; all cores unless given.")
    var threads: Int?

    @Option(help: "Memory limit for DuckDB in MiB; 80 % of the machine's unless given.")
    var memory: Int?

    @Option(help: "How many steps may run at once.")
    var workers = 2

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1") }
        if let memory, memory < 32 { throw ValidationError("--memory must be at least 32 (MiB)") }
        if workers < 1 { throw ValidationError("--workers must be at least 1") }
    }

    var settings: EngineSettings {
        EngineSettings(threads: threads, memoryLimit: memory.map { $0 << 20 })
    }
}
