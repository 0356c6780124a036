internal import DuckKit
internal import DuetEngine
internal import DuetExpression
internal import DuetFactory

/// A data flow being run: each transformation becomes a view or table of one connection.
final class DataFlowRun {
    /// Rows kept for lookups and for the activity's output.
    struct Cache {
        var relation: String
        var keys: [String]
        var isOutput: Bool
    }

    /// What a data flow is run with.
    struct Surroundings {
        var flow: ResolvedDataFlow
        var call: ActivityCall
        var environment: FactoryEnvironment

        init(_ flow: ResolvedDataFlow, _ call: ActivityCall, _ environment: FactoryEnvironment) {
            self.flow = flow
            self.call = call
            self.environment = environment
        }
    }

    let connection: Connection
    let surroundings: Surroundings
    let script: DataFlowScript
    let order: [DataFlowScript.Step]
    private(set) var parameters: [String: DataFlowWriter.Written] = [:]
    private(set) var streams: [String: DataFlowStream] = [:]
    var caches: [String: Cache] = [:]
    /// How often each stream is read; what is read twice is computed once.
    private var readers: [String: Int] = [:]
    private var lastRelation = 0
    /// What sets the relations of this run apart from those of the flow that it is a flowlet of.
    let prefix: String
    /// The streams' queries, for looks back.
    let record: DataFlowRecord

    init(
        _ connection: Connection,
        _ script: DataFlowScript,
        order: [DataFlowScript.Step],
        _ surroundings: Surroundings,
        prefix: String = "",
        record: DataFlowRecord = DataFlowRecord()
    ) {
        self.record = record
        self.connection = connection
        self.surroundings = surroundings
        self.prefix = prefix
        self.script = script
        self.order = order
        for step in order { for input in step.inputs { readers[input.lowercased(), default: 0] += 1 } }
    }

    /// Takes the parameters' values: what is given, else the defaults.
    ///
    /// - Parameters:
    ///   - given: Expressions of the data flow language by name in lower case, as an activity hands them over.
    ///   - outer: The flow that gives them, whose parameters they may name; nil for an activity.
    /// - Throws: ``ActivityFailure`` for a value that is no such expression, ``DataFlowError`` for a bad default.
    func setParameters(_ given: [String: ExpressionValue], in outer: DataFlowRun? = nil) throws {
        for parameter in script.parameters {
            let key = parameter.name.lowercased()
            let writer = DataFlowWriter([], self)
            var written = DataFlowWriter.Written(sql: "NULL")
            if let value = given[key] {
                if let text = value.stringValue {
                    let expression: DataFlowExpression
                    do throws(DataFlowError) {
                        expression = try DataFlowExpression(parsing: text)
                    } catch {
                        throw ActivityFailure(
                            "DataFlowParameter",
                            "the value of the parameter '\(parameter.name)' is no expression of the data flow language: "
                                + error.message,
                            hint: "write text in single quotes: '\(text.prefix(60))'",
                            isFinal: true
                        )
                    }
                    written = try DataFlowWriter([], outer ?? self).write(expression)
                } else {
                    written.sql = SQLText.literal(value)
                }
            } else if let value = parameter.defaultValue {
                written = try writer.write(value)
            }
            let isText = parameter.type == .simple("string", [])
            written.sql = DataFlowTypes.cast(written.sql, to: parameter.type)
            written.category = isText ? .text : written.category
            parameters[key] = written
        }
    }

    func stream(_ name: String, for step: DataFlowScript.Step) throws -> DataFlowStream {
        guard let stream = streams[name.lowercased()] else {
            throw DataFlowError("the stream '\(name)' is not there yet", at: step.offset)
        }
        return stream
    }

    // MARK: - Making streams

    /// Makes a stream of a query over others.
    ///
    /// - Parameters:
    ///   - name: The stream's name.
    ///   - items: The columns.
    ///   - rest: What stands behind the columns: `FROM …`.
    ///   - isFixed: Whether it is computed now, because its order or its numbers must stay.
    ///   - recorded: What stands behind the columns for looks back, where it differs.
    ///   - step: The transformation, for errors.
    /// - Throws: ``DataFlowError`` with DuckDB's message.
    func define(
        _ name: String,
        _ items: [DataFlowItem],
        _ rest: String,
        isFixed: Bool = false,
        recorded: String? = nil,
        step: DataFlowScript.Step
    ) throws {
        var columns: [DataFlowStream.Column] = []
        var taken: Set<String> = []
        var list: [String] = []
        for item in items {
            var physical = item.name
            var number = 2
            while !taken.insert(physical.lowercased()).inserted {
                physical = "\(item.name)__\(number)"
                number += 1
            }
            list.append("\(item.sql) AS \(SQL.identifier(physical))")
            columns.append(
                .init(
                    name: item.name,
                    physical: physical,
                    type: .varchar,
                    streams: item.streams.union([step.name.lowercased(), name.lowercased()]),
                    isHidden: item.isHidden
                )
            )
        }
        guard !list.isEmpty else { throw DataFlowError("'\(name)' has no column", at: step.offset) }
        let relation = newRelation()
        let isTable = isFixed || (readers[name.lowercased()] ?? 0) > 1
        let query = "SELECT \(list.joined(separator: ", ")) \(rest)"
        do throws(DuckDBError) {
            try connection.execute("CREATE OR REPLACE TEMP \(isTable ? "TABLE" : "VIEW") \(relation) AS \(query)")
            for (number, described) in try connection.describe("SELECT * FROM \(relation)").enumerated() {
                columns[number].type = described.type
            }
        } catch {
            throw DataFlowError("'\(step.name)' cannot be computed: \(error.message.prefix(400))", at: step.offset)
        }
        let noted = recorded.map { "SELECT \(list.joined(separator: ", ")) \($0)" }
        record.define(relation, noted ?? query, step: step.name)
        streams[name.lowercased()] = DataFlowStream(relation: relation, columns: columns)
    }

    /// The name of the sequence that numbers rows, for SQL.
    func sequence() throws -> String {
        let name = "__duet_sequence"
        try connection.execute("CREATE TEMP SEQUENCE IF NOT EXISTS \(name)")
        return name
    }

    /// A relation's name that no other stream has, quoted.
    func newRelation() -> String { SQL.identifier("__duet_flow_\(prefix)\(newNumber())") }

    func newNumber() -> Int {
        lastRelation += 1
        return lastRelation
    }

    /// All columns of a stream as items.
    func items(_ stream: DataFlowStream, alias: String? = nil) -> [DataFlowItem] {
        stream.columns.map { item($0, alias: alias) }
    }

    func item(_ column: DataFlowStream.Column, alias: String? = nil) -> DataFlowItem {
        DataFlowItem(
            name: column.isHidden ? column.physical : column.name,
            sql: Self.reference(column, alias),
            streams: column.streams,
            isHidden: column.isHidden
        )
    }

    func writer(_ stream: DataFlowStream, alias: String? = nil) -> DataFlowWriter {
        DataFlowWriter(stream.columns.map { .init(column: $0, reference: Self.reference($0, alias)) }, self)
    }

    /// A writer over two streams, called `l` and `r`.
    func writer(_ left: DataFlowStream, _ right: DataFlowStream) -> DataFlowWriter {
        var writer = writer(left, alias: "l")
        writer.sources += self.writer(right, alias: "r").sources
        return writer
    }

    static func reference(_ column: DataFlowStream.Column, _ alias: String?) -> String {
        (alias.map { "\($0)." } ?? "") + SQL.identifier(column.physical)
    }

    // MARK: - Values that are needed before there are rows

    func constant(_ sql: String, at offset: Int) throws -> Value {
        do throws(DuckDBError) {
            return try connection.scalar("SELECT \(sql)")
        } catch {
            throw DataFlowError(
                "the value must be known before the rows are: \(error.message.prefix(200))",
                at: offset,
                hint: "use constants and parameters only"
            )
        }
    }

    func texts(_ sql: String) throws -> [String] {
        try connection.rows("SELECT CAST(unnest(\(sql)) AS VARCHAR)").compactMap { $0.first?.string }
    }

    // MARK: - Walking

    /// Computes everything but sinks.
    ///
    /// - Parameters:
    ///   - source: Makes the stream of a source.
    ///   - sink: Takes what a sink is given, once all it needs is there.
    /// - Throws: ``DataFlowError``, and what the closures throw.
    func walk(
        source: (DataFlowScript.Step) throws -> Void,
        sink: (DataFlowScript.Step) throws -> Void
    ) throws {
        for step in order {
            switch step.kind {
            case "source": try source(step)
            case "sink": try sink(step)
            default: try transform(step)
            }
        }
    }
}

extension DataFlowScript.Step {
    /// The arguments that are expressions.
    var values: [DataFlowExpression] {
        arguments.compactMap { if case .value(let value) = $0 { value } else { nil } }
    }

    /// The property of this name.
    func property(_ name: String) -> DataFlowExpression? {
        for case .property(let found, let value) in arguments where found == name.lowercased() { return value }
        return nil
    }

    func text(_ name: String) -> String? {
        if case .text(let text)? = property(name)?.kind { text } else { nil }
    }

    func flag(_ name: String) -> Bool? {
        if case .boolean(let flag)? = property(name)?.kind { flag } else { nil }
    }

    func number(_ name: String) -> Int? {
        switch property(name)?.kind {
        case .integer(let number)?: Int(number)
        case .unary("-", let inner)?:
            if case .integer(let number) = inner.kind { -Int(number) } else { nil }
        default: nil
        }
    }

    /// The arguments of a clause such as `groupBy(…)`; nil when there is none.
    func clause(_ name: String) -> [DataFlowArgument]? {
        for value in values {
            if case .call(name, let arguments, _) = value.kind { return arguments }
        }
        return nil
    }

    /// The declared columns of `output(…)`.
    var declared: [(name: String, type: DataFlowType)] {
        (clause("output") ?? clause("input") ?? []).compactMap { argument in
            if case .typed(let name, let type) = argument { (name, type) } else { nil }
        }
    }

    /// `asc(x, true)`, `desc(x)` as SQL; the flag says that nulls come first.
    func ordering(_ writer: DataFlowWriter) throws -> [String] {
        var parts: [String] = []
        for value in values {
            guard case .call(let name, let arguments, _) = value.kind, name == "asc" || name == "desc" else { continue }
            guard case .value(let column)? = arguments.first else { continue }
            var nulls = name == "asc"
            if arguments.count > 1, case .value(let flag) = arguments[1], case .boolean(let isFirst) = flag.kind {
                nulls = isFirst
            }
            var key = try writer.write(column)
            if flag("caseInsensitive") == true, key.category == .text { key.sql = "lower(\(key.sql))" }
            parts.append("\(key.sql) \(name.uppercased()) NULLS \(nulls ? "FIRST" : "LAST")")
        }
        return parts
    }
}
