internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetExpression
internal import DuetFactory
internal import DuetPipeline
internal import Foundation
internal import Synchronization

/// Watches activities that move data, and keeps what each read and wrote until its run is told.
///
/// It looks from outside: at what the activity was asked to do, with everything evaluated, and at the warehouse before and
/// after. What it cannot find out is left out; the activity never fails for it.
final class MovementObserver: Sendable {
    private let environment: FactoryEnvironment
    private let lineage: FactoryLineage
    private let found = Mutex<[String: Movement]>([:])

    /// Watches the activities of an environment, which notes recipes from now on.
    init(_ environment: inout FactoryEnvironment, _ factory: Factory) {
        environment.recipes = RecipeBook()
        self.environment = environment
        lineage = FactoryLineage(factory)
    }

    /// The handlers, with those that move data watched.
    func watching(_ handlers: [ActivityKind: any ActivityHandler]) -> [ActivityKind: any ActivityHandler] {
        var handlers = handlers
        for kind in [ActivityKind.copy, .script, .storedProcedure, .executeDataFlow, .lookup] {
            if let handler = handlers[kind] {
                handlers[kind] = WatchedHandler(inner: handler, kind: kind, observer: self)
            }
        }
        return handlers
    }

    /// What an activity run moved; told once.
    func take(_ activityRunID: String) -> Movement? { found.withLock { $0.removeValue(forKey: activityRunID) } }

    fileprivate func forget(_ call: ActivityCall) { _ = environment.recipes?.take(call.activityRunID) }

    /// Keeps what was moved, with what was noted of it, and without secrets.
    fileprivate func keep(_ movement: Movement?, _ call: ActivityCall) {
        let noted = environment.recipes?.take(call.activityRunID) ?? []
        guard var movement else { return }
        if call.activity.policy.secureInput {
            movement = Movement(inputs: [], outputs: [])
            movement.hidden = "its input is secret"
        }
        var open = noted
        for index in movement.outputs.indices where !movement.outputs[index].isQuiet {
            let name = movement.outputs[index].place.name
            guard movement.outputs[index].recipe == nil, let place = open.firstIndex(where: { $0.place == name }) else {
                continue
            }
            movement.outputs[index].effect = open[place].effect
            let recipe = open.remove(at: place).recipe
            if movement.outputs[index].query == nil { movement.outputs[index].recipe = recipe }
        }
        let shown = call.redactor.map { Self.scrubbed(movement, $0) } ?? movement
        found.withLock { $0[call.activityRunID] = shown }
    }

    /// Notes that an activity may have changed something that is not told.
    fileprivate func keep(hidden reason: String, _ call: ActivityCall) {
        var movement = Movement(inputs: [], outputs: [])
        movement.hidden = reason
        keep(movement, call)
    }

    private static func scrubbed(_ movement: Movement, _ redactor: Redactor) -> Movement {
        func scrub(_ value: JSONValue) -> JSONValue {
            switch value {
            case .string(let text): .string(redactor.scrub(text))
            case .array(let values): .array(values.map(scrub))
            case .object(let object): .object(object.mapValues(scrub))
            default: value
            }
        }
        return Movement(json: scrub(movement.json)) ?? Movement(inputs: [], outputs: [])
    }

    // MARK: - What activities do

    fileprivate func statements(_ call: ActivityCall, _ kind: ActivityKind) throws -> MovedStatements? {
        guard let service = kind == .lookup ? call.inputs.first?.linkedService : call.linkedService,
            case .schema(let schema, _) = try environment.place(of: service)
        else { return nil }
        return try statements(texts(call, kind, service), schema, service)
    }

    /// What a Copy does to its table before it writes.
    fileprivate func preparation(_ call: ActivityCall) throws -> MovedStatements? {
        guard let script = call["sink"]?.objectValue?.value(ignoringCase: "preCopyScript")?.stringValue,
            let output = call.outputs.first, let service = output.linkedService, !script.isEmpty,
            case .table(let schema, _) = try DatasetPlace(output, environment)
        else { return nil }
        return try statements([(script, [:])], schema, service)
    }

    /// What a Copy moved, with what its script did before.
    fileprivate func copy(_ call: ActivityCall, after preparation: MovedStatements?) throws -> Movement? {
        guard var movement = try copy(call), let before = try preparation?.movement() else { return try copy(call) }
        let own = movement.outputs.first?.place.name
        let outputs = before.outputs.map { output in
            var output = output
            if output.place.name == own { output.isQuiet = true }
            return output
        }
        movement.inputs += before.inputs.filter { !movement.inputs.contains($0) }
        movement.outputs = outputs + movement.outputs
        return movement
    }

    private func statements(
        _ texts: [(String, [String: ExpressionValue])],
        _ schema: String,
        _ service: ResolvedLinkedService?
    ) throws -> MovedStatements {
        let text = SQLText(schema: schema, service: service)
        let statements = texts.map { text.translated($0.0, parameters: $0.1) }
        return try MovedStatements(statements, schema: schema, connection: try environment.connect(schema: schema))
    }

    private func texts(
        _ call: ActivityCall,
        _ kind: ActivityKind,
        _ service: ResolvedLinkedService
    ) throws -> [(String, [String: ExpressionValue])] {
        var texts: [(String, [String: ExpressionValue])] = []
        if kind == .lookup {
            // A query changes nothing; a procedure may.
            let source = call["source"]?.objectValue
            if let name = source?.value(ignoringCase: "sqlReaderStoredProcedureName")?.stringValue {
                let parameters = SQLText.parameters(source?.value(ignoringCase: "storedProcedureParameters"))
                texts.append((try environment.procedure(name, of: service).sql, parameters))
            } else if let query = source?.value(ignoringCase: "sqlReaderQuery")?.stringValue {
                texts.append((query, [:]))
            }
        } else if kind == .script {
            for script in call["scripts"]?.arrayValue ?? [] {
                guard let sql = script.objectValue?.value(ignoringCase: "text")?.stringValue else { continue }
                texts.append((sql, ScriptHandler.parameters(script.objectValue?.value(ignoringCase: "parameters"))))
            }
        } else {
            let name = call["storedProcedureName"]?.stringValue ?? ""
            let parameters = SQLText.parameters(call["storedProcedureParameters"])
            var given = parameters
            if let (sql, _) = try StoredProcedureHandler.dynamic(name, call, &given, environment) {
                texts.append((sql, given))
            } else {
                texts.append((try environment.procedure(name, of: service).sql, parameters))
            }
        }
        return texts
    }

    fileprivate func copy(_ call: ActivityCall) throws -> Movement? {
        guard let input = call.inputs.first, let output = call.outputs.first else { return nil }
        let from = try place(input)
        let to = try place(output)
        var columns: [Movement.Column] = []
        let translator = call["translator"]?.objectValue
        for mapping in translator?.value(ignoringCase: "mappings")?.arrayValue ?? [] {
            let ends = ["source", "sink"].map { mapping.objectValue?.value(ignoringCase: $0)?.objectValue }
            let names = ends.map { end in
                end?.value(ignoringCase: "name")?.stringValue ?? end?.value(ignoringCase: "path")?.stringValue
                    ?? end?.value(ignoringCase: "ordinal").flatMap { "#\($0.json)" }
            }
            guard let source = names[0] else { continue }
            columns.append(
                .init(name: names[1] ?? source, origins: [.init(input: 0, column: source, kind: "identity")])
            )
        }
        let settings = call["source"]?.objectValue
        let extra = (settings?.value(ignoringCase: "additionalColumns")?.arrayValue ?? []).compactMap { column in
            column.objectValue?.value(ignoringCase: "name")?.stringValue.map { name in
                (name, column.objectValue?.value(ignoringCase: "value")?.stringValue ?? "")
            }
        }
        let mark = "$$COLUMN:"
        for (name, value) in extra where !columns.isEmpty || value.hasPrefix(mark) {
            let copied = value.hasPrefix(mark) ? String(value.dropFirst(mark.count)) : nil
            columns.append(
                .init(name: name, origins: copied.map { [.init(input: 0, column: $0, kind: "identity")] } ?? [])
            )
        }
        var moved = Movement.Output(place: to, columns: columns)
        if translator?.value(ignoringCase: "mappings") == nil {
            if to.namespace.isEmpty {
                // Without a mapping columns go by their names: the table has those that came.
                let made = Set(extra.map(\.0))
                let connection = try environment.warehouse.connect()
                moved.columns = try connection.describe("SELECT * FROM \(Self.quoted(to.name))").map { column in
                    let origin = Movement.Origin(input: 0, column: column.name, kind: "identity")
                    return columns.first { $0.name == column.name }
                        ?? .init(name: column.name, origins: made.contains(column.name) ? [] : [origin])
                }
            } else {
                moved.unknown = "it has no mapping: columns go by their names, whatever comes"
            }
        }
        let queries = ["query", "sqlReaderQuery", "oracleReaderQuery"].compactMap {
            settings?.value(ignoringCase: $0)?.stringValue
        }
        let isProcedure = settings?.value(ignoringCase: "sqlReaderStoredProcedureName")?.stringValue != nil
        if !queries.isEmpty || isProcedure {
            // Its columns follow from the query that was noted while it ran.
            let noted = environment.recipes?.peek(call.activityRunID)?.recipe
            if let noted, noted.unknown == nil, noted.scans.isEmpty, to.namespace.isEmpty,
                case .success(let found?) = Result(catching: {
                    try MovedStatements.copy(noted, to: to, environment.connect(schema: noted.schema ?? "main"))
                })
            {
                return found
            }
            moved.columns = []
            moved.unknown = isProcedure ? "its source is a stored procedure" : "its source is a query"
        }
        return Movement(inputs: [from], outputs: [moved])
    }

    fileprivate func flow(_ call: ActivityCall) throws -> Movement? {
        guard let flow = call.dataFlow else { return nil }
        let steps = lineage.steps.filter { $0.pipeline == call.pipeline && $0.activity == call.activity.name }
        let sinks = Set(steps.map { $0.sink.lowercased() })
        var inputs: [Movement.Place] = []
        var names: [String: Int] = [:]
        var outputs: [Movement.Output] = []
        // Streams of one dataset are told apart by the lineage as `dataset (stream)`.
        for (stream, dataset) in flow.datasets.sorted(by: { $0.key < $1.key }) {
            let spoken = [dataset.name, "\(dataset.name) (\(stream))"].map { $0.lowercased() }
            let place = try place(dataset)
            guard let sink = spoken.first(where: sinks.contains) else {
                for name in spoken { names[name] = inputs.count }
                inputs.append(place)
                continue
            }
            outputs.append(.init(place: place, unknown: sink))
        }
        let origins = { (list: Set<FactoryLineage.Origin>) in
            list.sorted().compactMap { origin in
                names[origin.place.lowercased()].map {
                    Movement.Origin(input: $0, column: origin.column, kind: origin.kind)
                }
            }
        }
        for index in outputs.indices {
            guard let step = steps.first(where: { $0.sink.lowercased() == outputs[index].unknown }) else { continue }
            outputs[index].columns = step.columns.map { .init(name: $0.name, origins: origins($0.origins)) }
            outputs[index].rows = origins(step.rows)
            outputs[index].unknown = step.unknown
        }
        return Movement(inputs: inputs, outputs: outputs)
    }

    private func place(_ dataset: ResolvedDataset) throws -> Movement.Place {
        switch try DatasetPlace(dataset, environment) {
        case .table(let schema, let name):
            return .init(name: "\(schema).\(name ?? "(query)")", dataset: dataset.name)
        case .files(let set):
            return .init(
                namespace: "file",
                name: set.folderPath + (set.name.map { "/\($0)" } ?? ""),
                dataset: dataset.name
            )
        case .http(let address):
            guard let url = URL(string: address), let scheme = url.scheme, let host = url.host() else {
                return .init(namespace: "file", name: address, dataset: dataset.name)
            }
            // Neither a password nor a query's token belongs into a name.
            let port = url.port.map { ":\($0)" } ?? ""
            return .init(namespace: "\(scheme)://\(host)\(port)", name: url.path, dataset: dataset.name)
        }
    }

    static func quoted(_ name: String) -> String {
        let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
        return parts.count == 2 ? SQL.qualified(parts[0], parts[1]) : SQL.identifier(name)
    }
}

/// A handler that is watched.
private struct WatchedHandler: ActivityHandler {
    let inner: any ActivityHandler
    let kind: ActivityKind
    let observer: MovementObserver

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        observer.forget(call)
        let isMoving = kind == .copy || kind == .executeDataFlow
        let (statements, isRead) = seen {
            isMoving ? try observer.preparation(call) : try observer.statements(call, kind)
        }
        let answer = inner.perform(call)
        guard case .succeeded = answer else {
            // What moves data does all of it or nothing, and so does a procedure.
            if kind == .script || kind == .lookup { observer.keep(statements?.interrupted(), call) }
            return answer
        }
        let (movement, isSeen) = seen {
            switch kind {
            case .copy: try observer.copy(call, after: statements)
            case .executeDataFlow: try observer.flow(call)
            default: try statements?.movement()
            }
        }
        if isRead, isSeen {
            observer.keep(movement, call)
        } else {
            observer.keep(hidden: "what it did could not be read off its statements", call)
        }
        return answer
    }

    func obstacle(_ activity: FactoryActivity, in factory: Factory) -> ActivityFailure? {
        inner.obstacle(activity, in: factory)
    }

    private func seen<Found>(_ look: () throws -> Found?) -> (found: Found?, isRead: Bool) {
        do {
            return (try look(), true)
        } catch {
            // What cannot be looked at is not told; the activity itself says what is wrong, if anything is.
            return (nil, false)
        }
    }
}
