internal import DuckKit
public import DuetEngine
internal import DuetExpression
public import DuetFactory
public import DuetFetch
public import DuetPipeline
internal import Foundation

/// What activities work on: the warehouse, local places for linked services, transfers.
public struct FactoryEnvironment: Sendable {
    /// Holds the tables.
    public var warehouse: Warehouse
    /// Local places for linked services.
    public var standIns: StandIns
    private let transfers: LazyFetcher
    /// A folder for files in between and session logs.
    public var workFolder: String
    /// Where activities note how rows follow from others; nil when nobody asks.
    var recipes: RecipeBook?

    /// Creates an environment.
    public init(
        warehouse: Warehouse,
        standIns: StandIns,
        fetcher: @escaping @autoclosure @Sendable () -> Fetcher,
        workFolder: String
    ) {
        self.warehouse = warehouse
        self.standIns = standIns
        transfers = LazyFetcher(fetcher)
        self.workFolder = workFolder
    }

    /// Makes transfers; made when it is first needed.
    public var fetcher: Fetcher { transfers.fetcher }

    /// A handler for every type of activity that can be run here.
    public var handlers: [ActivityKind: any ActivityHandler] {
        let command = CommandHandler(environment: self)
        let commands = Dictionary(
            uniqueKeysWithValues: ActivityKind.allCases.filter(\.isCommand).map { ($0, command as any ActivityHandler) }
        )
        let others: [ActivityKind: any ActivityHandler] = [
            .copy: CopyHandler(environment: self), .lookup: LookupHandler(environment: self),
            .getMetadata: GetMetadataHandler(environment: self), .delete: DeleteHandler(environment: self),
            .validation: ValidationHandler(environment: self), .script: ScriptHandler(environment: self),
            .storedProcedure: StoredProcedureHandler(environment: self), .webActivity: WebHandler(environment: self),
            .azureFunction: WebHandler(environment: self), .executeDataFlow: DataFlowHandler(environment: self),
            .webHook: WebHookHandler(environment: self),
        ]
        return others.merging(commands) { own, _ in own }
    }
}

/// Finds linked services without a stand-in before a run begins.
public enum StandInCheck {
    /// An error, with the line to add, for each linked service that a pipeline or one it calls needs and has no place.
    public static func missing(for pipeline: String, in factory: Factory, _ standIns: StandIns) -> [DuetError] {
        var errors: [DuetError] = []
        var told: Set<String> = []
        for pipeline in factory.pipelines(reachedFrom: pipeline) {
            for activity in pipeline.allActivities where activity.inactiveMark == nil {
                let datasets = (activity.inputs + activity.outputs).compactMap {
                    factory.resource(.dataset, named: $0.name)?.linkedService
                }
                for service in [activity.linkedService].compactMap({ $0 }) + datasets + flowServices(activity, factory)
                {
                    let isComputed = service.name.contains("@")
                    guard standIns[service.name] == nil, !isComputed, told.insert(service.name.lowercased()).inserted
                    else { continue }
                    errors.append(error(service, activity, pipeline, factory))
                }
            }
        }
        return errors
    }

    /// The linked services of a data flow's sources and sinks.
    private static func flowServices(_ activity: FactoryActivity, _ factory: Factory) -> [FactoryReference] {
        guard activity.kind == .executeDataFlow,
            let name = activity.typeProperties["dataFlow"].flatMap(FactoryReference.init)?.name,
            let flow = factory.resource(.dataflow, named: name)
        else { return [] }
        return flowServices(flow, factory, within: [])
    }

    private static func flowServices(
        _ flow: FactoryResource,
        _ factory: Factory,
        within path: [String]
    ) -> [FactoryReference] {
        let ends = ["sources", "sinks", "transformations"].flatMap { flow.typeProperties[$0]?.elements ?? [] }
        return ends.flatMap { end -> [FactoryReference] in
            if let dataset = end["dataset"].flatMap(FactoryReference.init) {
                return [factory.resource(.dataset, named: dataset.name)?.linkedService].compactMap { $0 }
            }
            if let name = end["flowlet"].flatMap(FactoryReference.init)?.name, !path.contains(name.lowercased()),
                let flowlet = factory.resource(.dataflow, named: name)
            {
                return flowServices(flowlet, factory, within: path + [name.lowercased()])
            }
            return [end["linkedService"].flatMap(FactoryReference.init)].compactMap { $0 }
        }
    }

    private static func error(
        _ service: FactoryReference,
        _ activity: FactoryActivity,
        _ pipeline: FactoryPipeline,
        _ factory: Factory
    ) -> DuetError {
        let type = factory.resource(.linkedService, named: service.name)?.type ?? ""
        return pipeline.resource.error(
            .missingStandIn,
            "'\(activity.name)' needs the linked service '\(service.name)'"
                + (type.isEmpty ? "" : " (\(type))") + ", which has no stand-in here",
            hint: "add to stand-ins.yml under linkedServices:  "
                + StandIns.line(for: service.name, suggestion(type, service.name)),
            at: activity.node.offset
        )
    }

    /// A place of the right kind, which can be taken as it is.
    private static func suggestion(_ type: String, _ name: String) -> String {
        let lowered = type.lowercased()
        func isOneOf(_ words: String...) -> Bool { words.contains { lowered.contains($0) } }
        if isOneOf("blob", "file", "datalake", "s3", "sftp", "ftp") { return "{ folder: data }" }
        if isOneOf("http", "rest", "function", "web", "odata") { return "{ http: http://127.0.0.1:8080 }" }
        if isOneOf("databricks", "batch", "synapse") { return "{ commands: commands }" }
        let letters = name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
        let schema = String(letters).split(separator: "_").joined(separator: "_")
        let isName = schema.first?.isLetter ?? false
        return "{ schema: \(isName ? schema : "sql_\(schema)"), procedures: procedures }"
    }
}

extension DuetError.Code {
    /// A linked service that stand-ins.yml does not map.
    public static let missingStandIn = Self("MISSING_STAND_IN")
}

extension ActivityHandler {
    /// Does work that throws, and tells what it throws as the activity's failure.
    func answer(_ work: () throws -> ExpressionValue) -> ActivityAnswer {
        do {
            return .succeeded(try work())
        } catch {
            return .failed(ActivityFailure(describing: error))
        }
    }
}

extension ActivityFailure {
    /// An activity that says nowhere on what it runs.
    static func noService(_ call: ActivityCall) -> ActivityFailure {
        ActivityFailure("NoLinkedService", "'\(call.activity.name)' names no linked service", isFinal: true)
    }

    /// Whether a statement fails alike at every try.
    ///
    /// A table that is missing, a key that is there already and a guard's own `error(...)` are not: another activity of the
    /// factory may change what they are about between two tries, which is what `retry` is set for in Data Factory.
    private static func isLasting(_ error: DuckDBError) -> Bool {
        if ErrorTranslation.mayPass(error) { return false }
        return [.parser, .notImplemented].contains(error.kind)
    }

    /// The failure that an error of the layers below amounts to.
    init(describing error: any Error) {
        switch error {
        case let failure as ActivityFailure: self = failure
        case let error as DuckDBError:
            self.init(
                "SqlOperationFailed",
                error.message.split(separator: "\n").first.map(String.init) ?? error.message,
                isFinal: Self.isLasting(error)
            )
            if let sql = error.sql { message += " in: \(sql.prefix(500))" }
        case let error as FetchError:
            let status = error.httpStatus.map(String.init)
            self.init(status ?? "\(error.code)", error.message, kind: .system, hint: error.hint)
        case let error as DuetError:
            self.init(error.code.name, error.message, hint: error.hint)
        default:
            self.init("UnexpectedFailure", error.localizedDescription, kind: .system)
        }
    }
}
