internal import DuckKit
internal import DuetPipeline

/// The columns by which a `read_files` call reads, kept from its first read on: so what is read does not depend on the
/// order in which files came.
struct FileSchema: Sendable, Hashable {
    /// A column's name and type.
    struct Column: Sendable, Hashable {
        /// The name.
        var name: String
        /// The type, as DuckDB writes it.
        var type: String
    }

    /// What is done about columns and values that do not fit.
    enum Evolution: String, Sendable, CaseIterable {
        /// New columns are added; rows without them have NULL.
        case addNewColumns = "addnewcolumns"
        /// New columns and values that do not fit go to `_rescued_data`.
        case rescue
        /// New columns are an error.
        case failOnNewColumns = "failonnewcolumns"
        /// New columns are left out.
        case none
    }

    /// The columns in order.
    var columns: [Column]

    func column(named name: String) -> Column? { columns.first { $0.name.lowercased() == name.lowercased() } }

    // MARK: - Options

    /// Reads `name type, name type`, the form of `schema` and `schemaHints`.
    static func columns(of option: ReadOption) throws -> [Column] {
        var columns: [Column] = []
        for item in TypeSpelling.pieces(option.value) {
            let text = item.trimming()
            let isQuoted = text.hasPrefix("`") || text.hasPrefix("\"")
            let name =
                isQuoted
                ? text.dropFirst().prefix { $0 != text.first } : text.prefix { !$0.isWhitespace && $0 != ":" }
            var type = String(text.dropFirst(name.count + (isQuoted ? 2 : 0))).trimming()
            if type.hasPrefix(":") { type = String(type.dropFirst()).trimming() }
            if let range = type.lowercased().firstRange(of: " comment ") {
                type = String(type.prefix(type.distance(from: type.startIndex, to: range.lowerBound)))
            }
            if type.uppercased().hasSuffix("NOT NULL") { type = String(type.dropLast("NOT NULL".count)).trimming() }
            guard !name.isEmpty, !type.isEmpty else {
                throw DuetError(
                    .wrongValue,
                    "the option '\(option.name)' has '\(text)' where a column and its type should stand",
                    hint: "write for example: \(option.name) => 'id BIGINT, name STRING'",
                    at: option.location
                )
            }
            columns.append(Column(name: String(name), type: TypeSpelling.duckDB(type)))
        }
        return columns
    }
}

extension FileSchema {
    /// The kept columns of a call; nil when it has not read yet, or with other options.
    static func kept(_ connection: Connection, key: String, options: String) throws -> FileSchema? {
        let text = try connection.scalar("SELECT layout FROM duet.layouts WHERE dataset = ?", [.varchar(key)]).string
        guard let text else { return nil }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text)
        } catch {
            // What cannot be read is found out anew from the files.
            return nil
        }
        guard value["options"]?.string == options, let columns = value["columns"]?.array else { return nil }
        return FileSchema(
            columns: columns.compactMap { column in
                guard let name = column["name"]?.string, let type = column["type"]?.string else { return nil }
                return Column(name: name, type: type)
            }
        )
    }

    /// Keeps the columns of a call; the caller has a transaction open.
    func keep(_ connection: Connection, key: String, options: String) throws {
        let value: JSONValue = [
            "options": .string(options),
            "columns": .array(columns.map { ["name": .string($0.name), "type": .string($0.type)] }),
        ]
        try connection.execute("DELETE FROM duet.layouts WHERE dataset = ?", [.varchar(key)])
        try connection.execute("INSERT INTO duet.layouts VALUES (?, ?)", [.varchar(key), .varchar(value.text())])
    }
}

extension String {
    fileprivate func trimming() -> String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
