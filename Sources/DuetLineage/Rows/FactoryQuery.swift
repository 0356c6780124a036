import DuckKit
import DuetEngine
import DuetEvents
import DuetPipeline

/// The query of an activity's rows, over what can be looked at now.
struct FactoryQuery {
    /// The query.
    let node: JSONValue
    /// The same as SQL.
    let sql: String
    /// The columns, under the names that they have in the written table.
    let columns: [ColumnDescription]
    /// What it reads, by the names that ``node`` has for it.
    let stocks: [String: FactoryStock]
    /// Views that it reads, by name.
    private let views: [String: JSONValue]
    private let aggregates: Set<String>

    /// Finds all that a write's recipe reads.
    ///
    /// - Throws: ``TraceGap`` when something cannot be looked at, or nothing tells how rows came about.
    init(_ write: FactoryHistory.Write, _ all: FactoryStocks) throws {
        guard let recipe = write.recipe else { throw TraceGap(reason: "the log has no query for what it wrote") }
        if let unknown = recipe.unknown { throw TraceGap(reason: unknown) }
        let work = all.work
        do {
            let tree = try QueryAnalysis.tree(of: recipe.query, work.connection)["statements"]?.array?.first?["node"]
            guard let tree else { throw TraceGap(reason: "its query has no syntax tree") }
            var finder = Finder(all: all, write: write, recipe: recipe)
            node = DerivedNames.given(try finder.found(tree, within: []))
            stocks = finder.stocks
            views = finder.views
            sql = try work.sql(node)
            var columns = try work.connection.describe(sql)
            if recipe.columns.count == columns.count {
                for (index, name) in recipe.columns.enumerated() {
                    columns[index] = ColumnDescription(name: name, type: columns[index].type)
                }
            }
            self.columns = columns
            aggregates = work.catalogue.aggregates
        } catch let error as DuckDBError {
            let text = error.message.split(separator: "\n").first.map(String.init) ?? ""
            throw TraceGap(reason: "its query cannot be run again (\(text))")
        }
    }

    /// What the traced query's names mean.
    var relations: TracedRelations {
        var resolver = ColumnResolver(aggregates: aggregates) { [stocks, views] schema, table in
            let key = Self.key(schema, table)
            if let stock = stocks[key] { return .init(name: stock.name, columns: stock.columns.map(\.name)) }
            // A view's columns are asked for with its query.
            return views[key].flatMap { $0["columns"]?.array }.map {
                .init(name: key, columns: $0.compactMap(\.string))
            }
        }
        resolver.model = { node in
            Finder.volatile.contains(node["function_name"]?.string?.lowercased() ?? "") ? "chance" : nil
        }
        resolver.unrepeatable = ("a clock or chance", "that gives something else each time")
        return TracedRelations(
            resolver: resolver,
            isView: { [views] in views[Self.key($0, $1)] != nil },
            view: { [views] in views[Self.key($0, $1)]?["node"].map(DerivedNames.given) },
            refusal: { _, _ in nil }
        )
    }

    static func key(_ schema: String, _ table: String) -> String { "\(schema).\(table)".lowercased() }

    /// Puts what can be read in place of a recipe's relations.
    private struct Finder {
        let all: FactoryStocks
        let write: FactoryHistory.Write
        let recipe: Recipe
        var stocks: [String: FactoryStock] = [:]
        var views: [String: JSONValue] = [:]

        static let volatile: Set<String> = [
            "nextval", "random", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "now", "today", "get_current_time",
            "get_current_timestamp", "transaction_timestamp", "current_localtime", "current_localtimestamp",
        ]
        private static let clocks = [
            "current_timestamp": "now()", "current_date": "today()", "localtimestamp": "current_localtimestamp()",
            "current_time": "get_current_time()", "localtime": "current_localtime()",
        ]

        mutating func found(_ tree: JSONValue, within common: Set<String>) throws -> JSONValue {
            switch tree {
            case .array(let values):
                var made: [JSONValue] = []
                for value in values { made.append(try found(value, within: common)) }
                return .array(made)
            case .object(var object):
                var visible = common
                for entry in tree["cte_map"]?["map"]?.array ?? [] {
                    if let name = entry["key"]?.string { visible.insert(name.lowercased()) }
                }
                if object["type"]?.string == "BASE_TABLE", let table = object["table_name"]?.string {
                    return try relation(object, object["schema_name"]?.string ?? "", table, visible)
                }
                // DuckDB has the words for the time as columns.
                if object["class"]?.string == "COLUMN_REF", let names = object["column_names"]?.array, names.count == 1,
                    let call = Self.clocks[names[0].string?.lowercased() ?? ""]
                {
                    return Syntax.withAlias(object["alias"]?.string ?? "", try all.work.tree(ofExpression: call))
                }
                for member in object.members { object[member.key] = try found(member.value, within: visible) }
                return .object(object)
            default: return tree
            }
        }

        private mutating func relation(
            _ object: JSONObject,
            _ schema: String,
            _ table: String,
            _ common: Set<String>
        ) throws -> JSONValue {
            if schema.isEmpty, common.contains(table.lowercased()) { return .object(object) }
            let scan = schema.isEmpty ? recipe.scans.first { $0.relation == table } : nil
            let name = "\(schema.isEmpty ? recipe.schema ?? "main" : schema).\(table)"
            if scan == nil, views[name.lowercased()] != nil { return placed(object, name) }
            if scan == nil, let query = try all.view(name) {
                let columns = try all.describe(name).map { JSONValue.string($0.name) }
                views[name.lowercased()] = ["node": try found(query, within: []), "columns": .array(columns)]
                return placed(object, name)
            }
            let stock = try scan.map { try all.files($0, read: write) } ?? all.table(name, read: write)
            let place =
                stock.kind == .table ? stock.name : stock.table.replacing("\"", with: "").replacing("temp.", with: "")
            stocks[place.lowercased()] = stock
            return placed(object, place, isTemporary: stock.kind != .table)
        }

        private func placed(_ object: JSONObject, _ name: String, isTemporary: Bool = false) -> JSONValue {
            var object = object
            let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
            if object["alias"]?.string ?? "" == "" { object["alias"] = object["table_name"] ?? "" }
            object["catalog_name"] = isTemporary ? "temp" : ""
            object["schema_name"] = .string(parts.first ?? "")
            object["table_name"] = .string(parts.last ?? "")
            return .object(object)
        }
    }
}
