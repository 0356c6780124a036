internal import DuckKit
internal import DuetFactory

/// What a transformation gives: a view or table of the connection, and what the script calls its columns.
struct DataFlowStream {
    struct Column {
        /// What the script calls it; several may share a name after a join.
        var name: String
        /// Its name in the relation, which is its own.
        var physical: String
        var type: LogicalType
        /// The streams it has come through, in lower case, for `Stream@column`.
        var streams: Set<String> = []
        /// Whether it is duet's own: how a row is to be written, and which asserts it failed.
        var isHidden = false
    }

    /// The relation's name, quoted.
    var relation: String
    var columns: [Column]

    static let rowMark = "__duet_row"
    static let errors = "__duet_errors"
    /// Whether a lookup has found something for the row.
    static let match = "__duet_match"

    var visible: [Column] { columns.filter { !$0.isHidden } }
    func hidden(_ name: String) -> Column? { columns.first { $0.isHidden && $0.physical == name } }
}

/// One column of a select being put together.
struct DataFlowItem {
    var name: String
    var sql: String
    var streams: Set<String> = []
    var isHidden = false
}

/// How a type of the data flow language is called in SQL.
enum DataFlowTypes {
    static func sql(_ type: DataFlowType) -> String {
        switch type {
        case .simple(let name, let numbers):
            switch name {
            case "string": "VARCHAR"
            case "integer", "int": "INTEGER"
            case "short": "SMALLINT"
            case "byte": "TINYINT"
            case "long": "BIGINT"
            case "float": "FLOAT"
            case "double": "DOUBLE"
            case "boolean": "BOOLEAN"
            case "date": "DATE"
            case "timestamp": "TIMESTAMP"
            case "binary": "BLOB"
            case "decimal":
                "DECIMAL(\(min(38, numbers.first ?? 10)), \(numbers.count > 1 ? numbers[1] : 0))"
            default: "VARCHAR"
            }
        case .array(let element): "\(sql(element))[]"
        case .structure(let fields):
            "STRUCT(\(fields.map { "\(SQL.identifier($0.name)) \(sql($0.type))" }.joined(separator: ", ")))"
        case .map(let key, let value): "MAP(\(sql(key)), \(sql(value)))"
        case .formatted(let type, _): sql(type)
        }
    }

    /// The type's name for `type == 'string'` in patterns.
    static func name(_ type: LogicalType) -> String {
        switch type {
        case .varchar, .json, .uuid: "string"
        case .integer: "integer"
        case .smallint, .tinyint: "short"
        case .bigint, .hugeint: "long"
        case .double: "double"
        case .float: "float"
        case .boolean: "boolean"
        case .date: "date"
        case .timestamp, .timestampTZ, .timestampS, .timestampMS, .timestampNS: "timestamp"
        case .decimal: "decimal"
        case .blob: "binary"
        default: "complex"
        }
    }

    /// A value cast as Spark casts: what does not fit becomes null.
    static func cast(_ sql: String, to type: DataFlowType) -> String {
        if case .formatted(let inner, let format) = type {
            let pattern = SQL.literal(DatePattern.strftime(format))
            return "coalesce(try_cast(try_strptime(CAST(\(sql) AS VARCHAR), \(pattern)) AS \(self.sql(inner))))"
        }
        return "try_cast(\(sql) AS \(self.sql(type)))"
    }
}
