internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline

/// What the statements of a script or a procedure do to tables' rows.
///
/// They are read, not run: their queries' columns follow from the tables as these are before and after.
struct MovedStatements {
    private var outputs: [Movement.Output] = []
    /// For each output, whether its rows go into the table's columns by their places.
    private var isByPlace: [Bool] = []
    private let schema: String
    private let connection: Connection
    /// What tables had as columns when they were first looked at.
    private var known: [String: [String]] = [:]

    init(_ texts: [String], schema: String, connection: Connection) throws {
        self.schema = schema
        self.connection = connection
        for text in texts {
            for statement in try connection.statements(in: text) { try read(statement.sql) }
        }
        try look()
    }

    /// What a run that failed half-way may have done: each table may have been changed.
    func interrupted() -> Movement? {
        guard !outputs.isEmpty else { return nil }
        var movement = Movement(inputs: [], outputs: [])
        movement.outputs = outputs.map { output in
            var changed = Movement.Output(place: output.place)
            changed.effect = .change
            changed.isQuiet = true
            return changed
        }
        return movement
    }

    /// The columns of rows that a Copy's query gives, and the tables that it reads.
    static func copy(_ recipe: Recipe, to place: Movement.Place, _ connection: Connection) throws -> Movement? {
        var moved = Self(schema: recipe.schema ?? "main", connection: connection)
        try moved.add([place.name], .append, query: recipe.query, columns: [])
        moved.outputs[0].place = place
        return try moved.movement()
    }

    private init(schema: String, connection: Connection) {
        self.schema = schema
        self.connection = connection
    }

    /// What was moved, after the statements have run.
    func movement() throws -> Movement? {
        guard !outputs.isEmpty else { return nil }
        var after = self
        try after.look()
        for index in after.outputs.indices where after.isByPlace[index] {
            // Rows without a list of columns go into the table's own, whatever their query calls them.
            let columns = after.known[after.outputs[index].place.name.lowercased()] ?? []
            after.outputs[index].columns = columns.map { .init(name: $0, origins: []) }
        }
        var inputs: [Movement.Place] = []
        let made = Set(after.outputs.map { $0.place.name.lowercased() })
        for output in after.outputs {
            for name in output.relations.keys.sorted() {
                let full = name.contains(".") ? name : "\(schema).\(name)"
                let isOwn = made.contains(full.lowercased()) && output.place.name.lowercased() != full.lowercased()
                let isTarget = output.place.name.lowercased() == full.lowercased()
                if !isOwn, !isTarget, !inputs.contains(where: { $0.name == full }) { inputs.append(.init(name: full)) }
            }
        }
        return Movement(inputs: inputs, outputs: after.outputs)
    }

    /// Notes the columns of the tables that are there now.
    private mutating func look() throws {
        for index in outputs.indices {
            for name in outputs[index].relations.keys where outputs[index].relations[name]?.isEmpty != false {
                outputs[index].relations[name] = try columns(name)
            }
            let target = outputs[index].place.name.lowercased()
            if isByPlace[index], known[target]?.isEmpty != false { known[target] = try columns(target) }
        }
    }

    private func columns(_ name: String) throws -> [String] {
        let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
        return try connection.rows(
            "SELECT column_name FROM duckdb_columns() WHERE lower(schema_name) = ? AND lower(table_name) = ? "
                + "ORDER BY column_index",
            [
                .varchar((parts.count == 2 ? parts[0] : schema).lowercased()),
                .varchar((parts.last ?? name).lowercased()),
            ]
        ).compactMap { $0.first?.string }
    }

    // MARK: - Statements

    private mutating func read(_ sql: String) throws {
        var words = StatementWords(sql, try SQLToken.tokens(of: SourceFile(path: "", text: sql)))
        switch words.takeWord() {
        case "CREATE": try create(&words)
        case "INSERT": try insert(&words)
        case "UPDATE": try update(&words)
        case "DELETE": try delete(&words)
        case "MERGE": try merge(&words)
        case "TRUNCATE":
            words.skip("TABLE")
            if let name = words.takeName() { add(name, .clear) }
        case "DROP":
            guard words.take("TABLE") || words.take("VIEW") else { return }
            words.skip("IF", "EXISTS")
            if let name = words.takeName() { add(name, .clear, isQuiet: true) }
        case "ALTER":
            guard words.take("TABLE") else { return }
            words.skip("IF", "EXISTS")
            if let name = words.takeName() { add(name, .change, isQuiet: true) }
        case "COPY":
            // COPY table FROM file; COPY table TO file and COPY (query) TO file change no table.
            guard let name = words.takeName() else { return }
            words.skipList()
            if words.take("FROM") { add(name, .append, unknown: "COPY reads it from a file") }
        // A CTE before a statement that writes.
        case "WITH": return
        default: return
        }
    }

    private mutating func create(_ words: inout StatementWords) throws {
        let replaces = words.take("OR")
        words.skip("REPLACE", "TEMP", "TEMPORARY")
        let isView = words.take("VIEW")
        guard isView || words.take("TABLE") else { return }
        let isOptional = words.take("IF")
        words.skip("NOT", "EXISTS")
        guard let name = words.takeName() else { return }
        // A table that is there already stays as it is.
        if isOptional, try !columns(full(name)).isEmpty { return }
        let list = words.takeList()
        guard words.take("AS"), let query = words.rest else {
            if replaces, !isView { add(name, .clear, isQuiet: true) }
            return
        }
        try add(name, isView ? nil : .replace, query: query, columns: list)
    }

    private mutating func insert(_ words: inout StatementWords) throws {
        let changes = words.take("OR")
        words.skip("REPLACE", "IGNORE", "INTO")
        guard let name = words.takeName() else { return }
        if words.take("AS") { _ = words.takeName() }
        let list = words.takeList()
        let isByName = words.take("BY") && words.take("NAME")
        words.skip("POSITION")
        let isValues = words.isAt("VALUES")
        guard isValues || ["SELECT", "WITH", "FROM"].contains(where: words.isAt) else {
            return add(name, .append, unknown: "it inserts neither a query's rows nor values")
        }
        let conflicts = words.has("ON", "CONFLICT")
        guard let query = words.text(until: ["ON", "CONFLICT"], ["RETURNING"]) else { return }
        try add(
            name,
            changes || conflicts ? .change : .append,
            query: isValues ? "SELECT * FROM (\(query))" : query,
            columns: list,
            isByPlace: list.isEmpty && !isByName
        )
    }

    private mutating func update(_ words: inout StatementWords) throws {
        guard let name = words.takeName(), let alias = words.takeAlias(before: "SET"), words.take("SET") else { return }
        let sets = words.takeAssignments(until: "FROM", "WHERE", "RETURNING")
        let others = words.take("FROM") ? words.take(until: "WHERE", "RETURNING") : nil
        let condition = words.take("WHERE") ? words.take(until: "RETURNING") : nil
        try change(name, alias, sets, others: others, condition: condition)
    }

    private mutating func delete(_ words: inout StatementWords) throws {
        words.skip("FROM")
        guard let name = words.takeName(), let alias = words.takeAlias(before: "USING", "WHERE", "RETURNING") else {
            return
        }
        let others = words.take("USING") ? words.take(until: "WHERE", "RETURNING") : nil
        let condition = words.take("WHERE") ? words.take(until: "RETURNING") : nil
        guard others != nil || condition != nil else { return add(name, .clear) }
        try change(name, alias, [], others: others, condition: condition, isDeletion: true)
    }

    /// `MERGE INTO t USING s ON c WHEN MATCHED THEN UPDATE SET … WHEN NOT MATCHED THEN INSERT …`.
    private mutating func merge(_ words: inout StatementWords) throws {
        words.skip("INTO")
        guard let name = words.takeName(), let alias = words.takeAlias(before: "USING"), words.take("USING"),
            let other = words.take(until: "ON"), words.take("ON"), let condition = words.take(until: "WHEN")
        else { return }
        var sets: [(column: String, value: String)] = []
        while words.take("WHEN") {
            _ = words.take(until: "THEN")
            words.skip("THEN")
            if words.take("UPDATE"), words.take("SET") {
                sets += words.takeAssignments(until: "WHEN", "RETURNING")
            } else if words.take("INSERT") {
                let columns = words.takeList()
                if words.take("VALUES") { sets += zip(columns, words.takeValues()).map { ($0, $1) } }
            }
            _ = words.take(until: "WHEN", "RETURNING")
        }
        // A column that both branches give has the values of either.
        var seen: [String: Int] = [:]
        var rounds: [[(column: String, value: String)]] = []
        for set in sets {
            let round = seen[set.column.lowercased(), default: 0]
            seen[set.column.lowercased()] = round + 1
            if round == rounds.count { rounds.append([]) }
            rounds[round].append(set)
        }
        for round in rounds.isEmpty ? [[]] : rounds {
            try change(name, alias, round, others: other, condition: condition)
        }
    }

    // MARK: - Noting

    private func full(_ name: [String]) -> String {
        "\(name.count > 1 ? name[name.count - 2] : schema).\(name.last ?? "")"
    }

    private mutating func add(
        _ name: [String],
        _ effect: Movement.Effect,
        isQuiet: Bool = false,
        unknown: String? = nil
    ) {
        var output = Movement.Output(place: .init(name: full(name)), unknown: unknown)
        output.effect = effect
        output.isQuiet = isQuiet
        outputs.append(output)
        isByPlace.append(false)
    }

    private mutating func add(
        _ name: [String],
        _ effect: Movement.Effect?,
        query: String,
        columns: [String],
        isByPlace: Bool = false
    ) throws {
        var output = Movement.Output(
            place: .init(name: full(name)),
            columns: columns.map { .init(name: $0, origins: []) },
            query: query
        )
        output.schema = schema
        output.effect = effect
        let tree = try JSONValue(parsing: try connection.syntaxTree(of: query))
        for reference in QueryShape(syntaxTree: tree).references {
            let key = reference.schema.isEmpty ? reference.table : "\(reference.schema).\(reference.table)"
            output.relations[key.lowercased()] = []
        }
        outputs.append(output)
        self.isByPlace.append(isByPlace)
    }

    /// Notes rows that are changed or deleted: as the query that gives the new values, over what decides which.
    private mutating func change(
        _ name: [String],
        _ alias: String,
        _ sets: [(column: String, value: String)],
        others: String?,
        condition: String?,
        isDeletion: Bool = false
    ) throws {
        let items = sets.map { "\($0.value) AS \(SQL.identifier($0.column))" }
        let table = name.map(SQL.identifier).joined(separator: ".")
        let query =
            "SELECT \(items.isEmpty ? "NULL" : items.joined(separator: ", ")) FROM \(table)\(alias)"
            + (others.map { ", \($0)" } ?? "") + (condition.map { " WHERE \($0)" } ?? "")
        try add(name, .change, query: query, columns: sets.map(\.column))
        if let last = outputs.indices.last { outputs[last].isDeletion = isDeletion }
    }
}
