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

    init(_ environment: FactoryEnvironment, _ factory: Factory) {
        self.environment = environment
        lineage = FactoryLineage(factory)
    }

    /// The handlers, with those that move data watched.
    func watching(_ handlers: [ActivityKind: any ActivityHandler]) -> [ActivityKind: any ActivityHandler] {
        var handlers = handlers
        for kind in [ActivityKind.copy, .script, .storedProcedure, .executeDataFlow] {
            if let handler = handlers[kind] {
                handlers[kind] = WatchedHandler(inner: handler, kind: kind, observer: self)
            }
        }
        return handlers
    }

    /// What an activity run moved; told once.
    func take(_ activityRunID: String) -> Movement? { found.withLock { $0.removeValue(forKey: activityRunID) } }

    fileprivate func keep(_ movement: Movement?, _ call: ActivityCall) {
        guard let movement, !call.activity.policy.secureInput else { return }
        found.withLock { $0[call.activityRunID] = movement }
    }

    // MARK: - What activities do

    fileprivate func statements(_ call: ActivityCall, _ kind: ActivityKind) throws -> MovedStatements? {
        guard let service = call.linkedService, case .schema(let schema, _) = try environment.place(of: service) else {
            return nil
        }
        var texts: [(String, [String: ExpressionValue])] = []
        if kind == .script {
            for script in call["scripts"]?.arrayValue ?? [] {
                guard let sql = script.objectValue?.value(ignoringCase: "text")?.stringValue else { continue }
                texts.append((sql, [:]))
            }
        } else {
            let name = call["storedProcedureName"]?.stringValue ?? ""
            let parameters = SQLText.parameters(call["storedProcedureParameters"])
            texts.append((try environment.procedure(name, of: service).sql, parameters))
        }
        let text = SQLText(schema: schema, service: service)
        let statements = texts.map { text.translated($0.0, parameters: $0.1) }
        return try MovedStatements(statements, schema: schema, connection: try environment.connect(schema: schema))
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
        if !queries.isEmpty {
            moved.columns = []
            moved.unknown = "its source is a query"
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
        let statements = seen {
            kind == .script || kind == .storedProcedure ? try observer.statements(call, kind) : nil
        }
        let answer = inner.perform(call)
        guard case .succeeded = answer else { return answer }
        switch kind {
        case .copy: observer.keep(seen { try observer.copy(call) }, call)
        case .executeDataFlow: observer.keep(seen { try observer.flow(call) }, call)
        default: observer.keep(seen { try statements?.movement() }, call)
        }
        return answer
    }

    func obstacle(_ activity: FactoryActivity, in factory: Factory) -> ActivityFailure? {
        inner.obstacle(activity, in: factory)
    }

    private func seen<Found>(_ look: () throws -> Found?) -> Found? {
        do {
            return try look()
        } catch {
            // What cannot be looked at is not told; the activity itself says what is wrong, if anything is.
            return nil
        }
    }
}

/// Statements that put the rows of a query into a table, among those of a script or a procedure.
struct MovedStatements {
    private var outputs: [Movement.Output] = []
    private var names: [String: Set<String>] = [:]
    private let schema: String
    private let connection: Connection

    init(_ texts: [String], schema: String, connection: Connection) throws {
        self.schema = schema
        self.connection = connection
        for text in texts {
            for statement in try connection.statements(in: text) { try read(statement.sql) }
        }
        try look()
    }

    /// What was moved, after the statements have run.
    func movement() throws -> Movement? {
        guard !outputs.isEmpty else { return nil }
        var after = self
        try after.look()
        var inputs: [Movement.Place] = []
        let targets = Set(after.outputs.map(\.place.name))
        for output in after.outputs {
            for name in output.relations.keys.sorted() {
                let full = name.contains(".") ? name : "\(schema).\(name)"
                if !targets.contains(full), !inputs.contains(where: { $0.name == full }) {
                    inputs.append(.init(name: full))
                }
            }
        }
        return Movement(inputs: inputs, outputs: after.outputs)
    }

    /// Notes the columns of the tables that are there now.
    private mutating func look() throws {
        for index in outputs.indices {
            for name in outputs[index].relations.keys where outputs[index].relations[name]?.isEmpty != false {
                let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
                let rows = try connection.rows(
                    "SELECT column_name FROM duckdb_columns() WHERE lower(schema_name) = ? AND lower(table_name) = ? "
                        + "ORDER BY column_index",
                    [.varchar((parts.count == 2 ? parts[0] : schema).lowercased()), .varchar(parts.last ?? name)]
                )
                outputs[index].relations[name] = rows.compactMap { $0.first?.string }
            }
        }
    }

    /// Reads `CREATE TABLE x AS SELECT` and `INSERT INTO x SELECT`; all others move nothing into a table.
    private mutating func read(_ sql: String) throws {
        let tokens = try SQLToken.tokens(of: SourceFile(path: "", text: sql))
        var index = 0
        func word(_ text: String) -> Bool { index < tokens.count && tokens[index].isWord(text) }
        func skip(_ texts: String...) { for text in texts where word(text) { index += 1 } }
        guard let first = tokens.first, first.isWord("CREATE") || first.isWord("INSERT") else { return }
        index = 1
        skip("OR", "REPLACE", "TEMP", "TEMPORARY", "INTO")
        if first.isWord("CREATE") {
            guard word("TABLE") || word("VIEW") else { return }
            index += 1
            skip("IF", "NOT", "EXISTS")
        }
        var parts: [String] = []
        while index < tokens.count, [.word, .quotedName].contains(tokens[index].kind) {
            parts.append(tokens[index].unquoted)
            index += 1
            guard index < tokens.count, tokens[index].isSymbol(".") else { break }
            index += 1
        }
        guard let table = parts.last else { return }
        var columns: [String] = []
        if first.isWord("CREATE") {
            guard word("AS") else { return }
            index += 1
        } else if index < tokens.count, tokens[index].isSymbol("(") {
            index += 1
            while index < tokens.count, !tokens[index].isSymbol(")") {
                if !tokens[index].isSymbol(",") { columns.append(tokens[index].unquoted) }
                index += 1
            }
            index += 1
        }
        skip("BY", "NAME")
        guard index < tokens.count, ["SELECT", "WITH", "FROM"].contains(where: tokens[index].isWord) else { return }
        let query = String(decoding: Array(sql.utf8)[tokens[index].range.lowerBound...], as: UTF8.self)
        let name = "\(parts.count > 1 ? parts[parts.count - 2] : schema).\(table)"
        var output = Movement.Output(
            place: .init(name: name),
            columns: columns.map { .init(name: $0, origins: []) },
            query: query
        )
        output.schema = schema
        let tree = try JSONValue(parsing: try connection.syntaxTree(of: query))
        for reference in QueryShape(syntaxTree: tree).references {
            let key = reference.schema.isEmpty ? reference.table : "\(reference.schema).\(reference.table)"
            output.relations[key.lowercased()] = []
        }
        outputs.append(output)
    }
}
