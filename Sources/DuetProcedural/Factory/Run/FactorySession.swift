public import DuetEngine
public import DuetExpression
public import DuetFactory
public import DuetFetch
public import DuetPipeline
internal import Foundation

/// A factory's folder with its stand-ins and its home, ready to run from.
public struct FactorySession: Sendable {
    /// The factory.
    public let factory: Factory
    /// Local places for linked services.
    public let standIns: StandIns
    /// Where its warehouse, records and files in between are kept.
    public let home: String
    let folder: String
    private let parameters: [String: String]

    /// Reads a factory and its stand-ins.
    ///
    /// - Parameters:
    ///   - folder: The factory's folder or template.
    ///   - home: Where warehouses are kept; the factory gets a folder of its own in it.
    ///   - file: The file that maps linked services; stand-ins.yml in the folder, or above it, unless given.
    ///   - parameters: Values for pipelines' parameters, and for `${name}` in the file.
    /// - Throws: ``DuetError`` when there is no factory, or a file cannot be read.
    public init(folder: String, home: String, standIns file: String?, parameters: [String: String]) throws {
        self.folder = folder
        self.parameters = parameters
        var standIns = StandIns()
        let places = file.map { [$0] } ?? ["\(folder)/stand-ins.yml", "\(folder)/../stand-ins.yml"]
        if let place = places.first(where: { file != nil || FileManager.default.fileExists(atPath: $0) }) {
            standIns = try StandIns.load(place, parameters: parameters)
        }
        self.standIns = standIns
        factory = try Factory.load(folder, resources: standIns.resources)
        self.home = "\(home)/\(factory.name)"
    }

    /// Where activity runs are written.
    public var log: String { "\(home)/activity-runs.jsonl" }
    /// Where the state of triggers is kept.
    public var triggerState: String { "\(home)/triggers.json" }

    /// The pipeline of a name; without one the only pipeline that no other calls.
    ///
    /// - Throws: ``DuetError`` when there is none, or more than one.
    public func pipeline(_ name: String?) throws(DuetError) -> FactoryPipeline {
        if let name {
            if let pipeline = factory.pipeline(named: name) { return pipeline }
            throw DuetError(
                .unknownPipeline,
                "'\(folder)' has no pipeline '\(name)'",
                hint: Suggestion.hint(for: name, among: factory.pipelines.map(\.name), noun: "pipelines")
            )
        }
        let called = Set(
            factory.pipelines.flatMap(\.allActivities).compactMap {
                $0.typeProperties["pipeline"].flatMap(FactoryReference.init)?.name.lowercased()
            }
        )
        let free = factory.pipelines.filter { !called.contains($0.name.lowercased()) }
        if free.count == 1, let first = free.first { return first }
        throw DuetError(
            .wrongValue,
            "'\(folder)' has \(factory.pipelines.count) pipelines, and none is said to be the one to run",
            hint: "add --only NAME, with one of: "
                + factory.pipelines.prefix(10).map { "'\($0.name)'" }.joined(separator: ", ")
        )
    }

    /// Makes sure that pipelines can run: no error in them, nothing in their data flows or in those of pipelines they
    /// call that duet does not run, and a stand-in for each linked service.
    ///
    /// - Throws: ``DuetErrors`` with all that is missing.
    public func check(_ names: [String]) throws {
        let wanted = Set(names.map { $0.lowercased() })
        let reached = Set(names.flatMap { factory.pipelines(reachedFrom: $0) }.map { $0.name.lowercased() })
        let blocking = factory.findings.filter { finding in
            let pipeline = finding.pipeline?.lowercased() ?? ""
            return finding.severity == .error
                ? wanted.contains(pipeline) : finding.error.code == .unsupported && reached.contains(pipeline)
        }.map(\.error)
        let missing = names.flatMap { StandInCheck.missing(for: $0, in: factory, standIns) }
        if !blocking.isEmpty || !missing.isEmpty { throw DuetErrors(blocking + missing) }
    }

    /// The values given for a pipeline's parameters.
    public func values(for pipeline: FactoryPipeline) -> ExpressionObject {
        var values = ExpressionObject()
        for (name, text) in parameters.sorted(by: { $0.key < $1.key }) {
            // A parameter may be for stand-ins.yml alone.
            guard let parameter = pipeline.parameters.first(where: { $0.name.lowercased() == name.lowercased() }) else {
                continue
            }
            let isNested = ["array", "object"].contains(parameter.type.lowercased())
            if isNested, case .success(let value) = Result(catching: { try ExpressionValue(json: text) }) {
                values[parameter.name] = value
            } else {
                values[parameter.name] = .string(text)
            }
        }
        return values
    }

    /// What runs pipelines: the warehouse opened, activity runs written to ``log``.
    ///
    /// - Throws: ``DuetError`` when the warehouse or the log cannot be opened.
    public func runner(
        settings: EngineSettings,
        workers: Int,
        control: RunControl,
        sinks: [any FactorySink] = [],
        fetcher: @escaping @autoclosure @Sendable () -> Fetcher
    ) throws -> FactoryRunner {
        let environment = FactoryEnvironment(
            warehouse: try Warehouse(path: "\(home)/procedural.duckdb", settings: settings),
            standIns: standIns,
            fetcher: fetcher(),
            workFolder: "\(home)/work"
        )
        var runner = FactoryRunner(
            factory,
            handlers: environment.handlers,
            control: control,
            sinks: [try ActivityRunFile(log)] + sinks,
            workers: max(2, workers)
        )
        runner.warehouse = environment.warehouse
        return runner
    }

    /// A runner that evaluates expressions and moves nothing; it writes no records.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline whose last run says what activities give.
    ///   - settings: The warehouse's, which is read from.
    ///   - control: Stops it.
    ///   - sinks: Told of activities.
    ///   - fetcher: Makes transfers, for activities that read from servers.
    /// - Returns: The runner, on a clock that jumps.
    /// - Throws: ``DuetError`` when the warehouse cannot be opened.
    public func dryRunner(
        _ pipeline: FactoryPipeline,
        settings: EngineSettings,
        control: RunControl,
        sinks: [any FactorySink],
        fetcher: @escaping @autoclosure @Sendable () -> Fetcher
    ) throws -> FactoryRunner {
        let environment = FactoryEnvironment(
            warehouse: try Warehouse(path: "\(home)/procedural.duckdb", settings: settings),
            standIns: standIns,
            fetcher: fetcher(),
            workFolder: "\(home)/work"
        )
        // There may have been no run yet.
        var recorded: [String: ExpressionValue] = [:]
        if case .success(let history) = Result(catching: { try ActivityHistory.last(of: pipeline.name, in: log) }) {
            recorded = history.results.mapValues(\.output)
        }
        var runner = FactoryRunner(
            factory,
            handlers: DryRun.handlers(environment.handlers, recorded: recorded),
            clock: VirtualClock(Date()),
            control: control,
            sinks: sinks
        )
        runner.isDry = true
        return runner
    }
}
