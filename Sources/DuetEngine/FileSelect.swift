internal import DuckKit
internal import DuetPipeline

/// Writes the SELECT that reads a `read_files` call's files by known columns.
struct FileSelect {
    let source: Source
    let read: FileRead
    let files: [LandedFile]
    let connection: Connection
    private let options: ReadOptions

    /// The SELECT, and the columns it reads by.
    struct Result {
        var sql: String
        var schema: FileSchema
    }

    init(source: Source, read: FileRead, files: [LandedFile], _ connection: Connection) throws {
        self.source = source
        self.read = read
        self.files = files
        self.connection = connection
        options = try ReadOptions(source: source, read: read)
    }

    /// The SELECT.
    ///
    /// - Parameters:
    ///   - kept: The columns of earlier reads; nil at the first.
    ///   - numbering: What rows are told of where they stand.
    /// - Returns: The SELECT and the columns from now on.
    /// - Throws: ``DuckDBError`` when the files cannot be read, ``DuetError`` when they have columns they must not have.
    func select(kept: FileSchema?, numbering: FileViews.Numbering) throws -> Result {
        let union = options.evolution != nil || options.schema != nil
        // Columns that are declared, by a file without names, are told by their places.
        if let schema = options.schema, options.hasNoHeader {
            let function = options.function(paths, named: schema.columns)
            return Result(sql: select(["*"], from: function, numbering), schema: schema)
        }
        let found = try connection.describe("SELECT * FROM \(options.function(paths, unites: union))").map {
            FileSchema.Column(name: $0.name, type: "\($0.type)")
        }
        let actual = found.map { FileSchema.Column(name: $0.name, type: options.type(found: $0.type)) }
        var schema = kept ?? options.schema ?? FileSchema(columns: options.hinted(actual))
        let new = actual.filter { schema.column(named: $0.name) == nil }
        switch options.evolution {
        case .addNewColumns: schema.columns += options.hinted(new).filter { schema.column(named: $0.name) == nil }
        case .failOnNewColumns where !new.isEmpty: throw newColumns(new)
        case nil where options.schema == nil:
            try FileColumns(source: source, read: read, options: options, connection: connection)
                .check(files, found: found)
            return try strict(schema, actual: actual, found: found, numbering)
        default: break
        }
        if options.rescueColumn == nil, options.schema == nil { try checkTypes(of: actual, schema) }
        let unknown = actual.filter { schema.column(named: $0.name) == nil }
        return Result(sql: select(schema, actual: actual, new: unknown, numbering), schema: schema)
    }

    private var paths: [String] { files.map(\.path) }

    /// All the files have, by the kept types.
    ///
    /// Where a value would be lost by that, the types are found out anew. Whether the columns are those there were is for
    /// the table to say.
    private func strict(
        _ schema: FileSchema,
        actual: [FileSchema.Column],
        found: [FileSchema.Column],
        _ numbering: FileViews.Numbering
    ) throws -> Result {
        var forced: [FileSchema.Column] = zip(actual, found).filter { $0.type != $1.type }.map(\.0)
        for column in actual {
            guard let kept = schema.column(named: column.name), kept.type != column.type else { continue }
            guard try fits(column, kept.type) else {
                let function = options.function(paths, typed: forced.isEmpty ? [] : actual)
                return Result(sql: select(["*"], from: function, numbering), schema: FileSchema(columns: actual))
            }
            forced.append(FileSchema.Column(name: column.name, type: kept.type))
        }
        let isParquet = options.format == .parquet
        // JSON is read by all columns or none; what is NULL is often left out there, so a file need not have them all.
        let missing =
            isJSON
            ? schema.columns.filter { column in !actual.contains { $0.name.lowercased() == column.name.lowercased() } }
            : []
        let all =
            schema.columns.map { column in
                FileSchema.Column(
                    name: actual.first { $0.name.lowercased() == column.name.lowercased() }?.name ?? column.name,
                    type: column.type
                )
            } + actual.filter { schema.column(named: $0.name) == nil }
        let typed = options.format == .csv || forced.isEmpty && missing.isEmpty ? forced : all
        let casts = forced.map { "\(SQL.identifier($0.name))::\($0.type) AS \(SQL.identifier($0.name))" }
        let star = isParquet && !casts.isEmpty ? "* REPLACE (\(casts.joined(separator: ", ")))" : "*"
        let function = options.function(paths, typed: isParquet ? [] : typed)
        return Result(sql: select([star], from: function, numbering), schema: schema)
    }

    /// Whether all values of a column can be of another type without losing anything.
    private func fits(_ column: FileSchema.Column, _ type: String) throws -> Bool {
        let wider = [
            "BIGINT": ["DOUBLE", "HUGEINT"], "DATE": ["TIMESTAMP"], "INTEGER": ["BIGINT", "DOUBLE", "HUGEINT"],
        ]
        if type == "VARCHAR" || column.type == type || wider[column.type]?.contains(type) == true { return true }
        if type == "DOUBLE", column.type.hasPrefix("DECIMAL") || column.type == "FLOAT" { return true }
        // A column without any value has no type of its own.
        guard ["VARCHAR", "JSON"].contains(column.type) else { return false }
        let name = SQL.identifier(column.name)
        let text = options.format == .csv ? options.function(paths, untyped: [column.name]) : options.function(paths)
        let misfits = "\(value(of: name, as: type)) IS NULL AND coalesce(\(name)::VARCHAR, 'null') <> 'null'"
        return try connection.scalar("SELECT count(*) FROM \(text) WHERE \(misfits)").int == 0
    }

    /// A text as a value of a type; NULL when it is none, also where a cast would round it.
    private func value(of name: String, as type: String) -> String {
        let cast = "TRY_CAST(\(name) AS \(type))"
        switch type.uppercased() {
        case "VARCHAR", "STRING", "TEXT": return self.text(of: name)
        case "BIGINT", "INTEGER", "INT", "SMALLINT", "TINYINT", "HUGEINT", "LONG":
            return "CASE WHEN TRY_CAST(\(name) AS DOUBLE) = trunc(TRY_CAST(\(name) AS DOUBLE)) THEN \(cast) END"
        case "DATE":
            return "CASE WHEN TRY_CAST(\(name) AS TIMESTAMP) = \(cast) THEN \(cast) END"
        default: return cast
        }
    }

    /// A column's value as text; JSON has texts in quotes, which are not part of them.
    private func text(of name: String) -> String { isJSON ? "(\(name) ->> '$')" : "\(name)::VARCHAR" }

    private var isJSON: Bool { options.format == .json || options.format == .jsonl }

    private func select(
        _ schema: FileSchema,
        actual: [FileSchema.Column],
        new: [FileSchema.Column],
        _ numbering: FileViews.Numbering
    ) -> String {
        let rescues = options.rescueColumn != nil
        let present = actual.filter { schema.column(named: $0.name) != nil }
        let typed = present.map {
            FileSchema.Column(name: $0.name, type: schema.column(named: $0.name)?.type ?? $0.type)
        }
        let function =
            rescues
            ? options.function(paths, untyped: actual.map(\.name), unites: true)
            : options.function(paths, typed: typed, unites: true)
        var list: [String] = schema.columns.map { column in
            let name = SQL.identifier(column.name)
            guard let found = present.first(where: { $0.name.lowercased() == column.name.lowercased() }) else {
                return "NULL::\(column.type) AS \(name)"
            }
            if !rescues, options.format != .parquet { return "\(SQL.identifier(found.name)) AS \(name)" }
            if rescues { return "\(value(of: SQL.identifier(found.name), as: column.type)) AS \(name)" }
            return "CAST(\(SQL.identifier(found.name)) AS \(column.type)) AS \(name)"
        }
        if let column = options.rescueColumn {
            list.append("\(rescued(typed, new)) AS \(SQL.identifier(column))")
        }
        return select(list, from: function, numbering)
    }

    /// What did not fit, as JSON: values that cannot be of their column's type, and columns that are not known.
    private func rescued(_ typed: [FileSchema.Column], _ new: [FileSchema.Column]) -> String {
        // JSON values stay what they are; those of other formats become texts.
        let entry = { (name: String) in
            "{'k': \(SQL.literal(name)), 'v': \(SQL.identifier(name))\(isJSON ? "" : "::VARCHAR")}"
        }
        let isThere = { (name: String) in "\(text(of: SQL.identifier(name))) IS NOT NULL" }
        let misfits = typed.map {
            "CASE WHEN \(value(of: SQL.identifier($0.name), as: $0.type)) IS NULL AND \(isThere($0.name)) "
                + "THEN \(entry($0.name)) END"
        }
        let others = new.map { "CASE WHEN \(isThere($0.name)) THEN \(entry($0.name)) END" }
        let all = "list_filter([\((misfits + others).joined(separator: ", "))], lambda x: x IS NOT NULL)"
        return "CASE WHEN len(\(all)) > 0 THEN to_json(map_from_entries(\(all)))::VARCHAR END"
    }

    private func select(_ list: [String], from function: String, _ numbering: FileViews.Numbering) -> String {
        var list = list
        var function = function
        if read.usesMetadata { list.append(metadata) }
        if read.usesRowNumber {
            // DuckDB scans files in their order and numbers rows as they come; the first of a file starts anew at 1.
            function = "(SELECT *, file_index AS __index, row_number() OVER () AS __number FROM \(function))"
            let helpers = "EXCLUDE (__index, __number)"
            list = list.map { $0 == "*" || $0.hasPrefix("* ") ? "* \(helpers)\($0.dropFirst())" : $0 }
        }
        if numbering == .rows, FileViews.tellsRowNumbers(source, read) {
            list.append("file_row_number + 1 AS \(FileViews.rowColumn)")
        }
        if numbering != .none {
            let numbers = files.map { String($0.id) }.joined(separator: ", ")
            list.append("([\(numbers)]::BIGINT[])[\(fileIndex)::BIGINT + 1] AS \(FileViews.fileColumn)")
        }
        return "SELECT \(list.joined(separator: ", ")) FROM \(function)"
    }

    private var fileIndex: String { read.usesRowNumber ? "__index" : "file_index" }

    /// What is known of each row's file; the same in both styles, wherever they keep what they fetch.
    private var metadata: String {
        let entries = files.map { file in
            let name = file.origin.split(separator: "/").last.map(String.init) ?? file.origin
            return "{'file_path': \(SQL.literal(file.origin)), 'file_name': \(SQL.literal(name)), "
                + "'file_size': \(file.size)::BIGINT, 'file_modification_time': \(Self.time(of: file))}"
        }
        let file = "([\(entries.joined(separator: ", "))])[\(fileIndex)::BIGINT + 1]"
        guard read.usesRowNumber else { return "\(file) AS _metadata" }
        let number = "__number - min(__number) OVER (PARTITION BY __index) + 1"
        return "struct_insert(\(file), row_number := \(number)) AS _metadata"
    }

    /// When a file changed last, as SQL.
    static func time(of file: LandedFile) -> String {
        if let header = file.lastModified {
            return "try_strptime(\(SQL.literal(header)), '%a, %d %b %Y %H:%M:%S GMT')"
        }
        // Local files are told apart by size and time in nanoseconds.
        let parts = file.content.split(separator: "-")
        guard parts.count == 2, let nanoseconds = Int(parts[1]) else { return "NULL::TIMESTAMP" }
        return "make_timestamp(\(nanoseconds / 1000)::BIGINT)"
    }

    private func checkTypes(of actual: [FileSchema.Column], _ schema: FileSchema) throws {
        for column in actual {
            guard let kept = schema.column(named: column.name), kept.type != column.type else { continue }
            // A type that the user gave is the user's wish.
            if try options.isHinted(column.name) || fits(column, kept.type) { continue }
            throw DuetError(
                .badFormat,
                "files of '\(read.source)' have '\(column.name)' as \(column.type), which was \(kept.type) before",
                hint: "schemaHints => '\(column.name) \(column.type)' gives it that type, "
                    + "schemaEvolutionMode => 'rescue' keeps such values beside the rows",
                at: read.location
            )
        }
    }

    private func newColumns(_ new: [FileSchema.Column]) -> DuetError {
        let names = new.map { "'\($0.name)'" }.joined(separator: ", ")
        return DuetError(
            .badFormat,
            "files of '\(read.source)' have new columns: \(names)",
            hint: "schemaEvolutionMode => 'addNewColumns' adds them, 'rescue' keeps them in _rescued_data, 'none' "
                + "leaves them out",
            at: read.location
        )
    }
}
