public import ArgumentParser
public import DuetCompare
public import DuetEngine
import DuetEvents
import DuetFetch
import DuetPipeline
import Foundation

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

    /// The datasets that an option names.
    ///
    /// - Parameters:
    ///   - texts: What was given, each with one or more names.
    ///   - option: The option, for the error.
    ///   - pipeline: The pipeline.
    /// - Returns: Their names; none where the option was not given.
    /// - Throws: An error for a name that the pipeline does not have, or that is empty: a variable of a script that is
    ///   not set must not pass for a wish to refresh nothing.
    func names(_ texts: [String], for option: String, of pipeline: Pipeline) throws -> Set<DatasetName> {
        var names: Set<DatasetName> = []
        for given in texts {
            let words = given.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            guard words.contains(where: { !$0.isEmpty }) else {
                throw ValidationError(
                    "\(option) is given without a dataset; leave it out for all of them, or name one, as in "
                        + "\(option) \(pipeline.datasets.last?.name.description ?? "gold.daily")"
                )
            }
        }
        for text in texts.flatMap({ $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }) {
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
