import DuetPipeline

extension ColumnBlock {
    /// What an expression's value depends on.
    func origins(_ tree: JSONValue, aliasesFirst: Bool = false) throws(UnknownLineage) -> ColumnOrigins {
        try origins(tree, Place(aliasesFirst: aliasesFirst))
    }

    /// What an expression of a FROM clause depends on.
    func origins(_ tree: JSONValue, in scope: ColumnScope) throws(UnknownLineage) -> ColumnOrigins {
        try origins(tree, Place(scope: scope))
    }

    /// Where an expression stands.
    struct Place {
        var aliasesFirst = false
        var parameters: Set<String> = []
        var scope: ColumnScope?
    }

    private func origins(_ tree: JSONValue, _ place: Place) throws(UnknownLineage) -> ColumnOrigins {
        switch tree {
        case .array(let values):
            var found = ColumnOrigins()
            for value in values { found.add(try origins(value, place)) }
            return found
        case .object(let object): return try origins(object, tree, place)
        default: return ColumnOrigins()
        }
    }

    private func origins(
        _ object: JSONObject,
        _ tree: JSONValue,
        _ place: Place
    ) throws(UnknownLineage) -> ColumnOrigins {
        if let names = Syntax.names(of: tree) {
            if names.count == 1, place.parameters.contains(names[0].lowercased()) { return ColumnOrigins() }
            if let scope = place.scope {
                guard let found = try scope.resolve(names) else {
                    throw UnknownLineage(reason: "column '\(names.joined(separator: "."))' is not known in FROM")
                }
                return found
            }
            return try reference(names, aliasesFirst: place.aliasesFirst)
        }
        switch object["class"]?.string {
        case "CONSTANT", "PARAMETER", "DEFAULT": return ColumnOrigins()
        case "STAR":
            if object["columns"]?.bool == true { throw UnknownLineage(reason: "COLUMNS(...) has no rule") }
            return ColumnOrigins()
        case "POSITIONAL_REFERENCE": throw UnknownLineage(reason: "#1 and the like have no rule")
        case "CASE": return try choice(object, place)
        case "FUNCTION": return try call(object, place)
        case "WINDOW": return try window(object, place)
        case "SUBQUERY": return try subquery(object, place)
        default:
            var inner = place
            inner.parameters.formUnion(Syntax.lambdaParameters(object))
            var found = ColumnOrigins()
            for member in object.members { found.add(try origins(member.value, inner)) }
            // Parts of a node that are no expressions (types, orders) have no columns in them.
            return object["class"] == nil ? found : found.computed(.transformation)
        }
    }

    private func choice(_ object: JSONObject, _ place: Place) throws(UnknownLineage) -> ColumnOrigins {
        var found = ColumnOrigins()
        for check in object["case_checks"]?.array ?? [] {
            found.add(try origins(check["when_expr"] ?? .null, place).indirect(.conditional))
            found.add(try origins(check["then_expr"] ?? .null, place).computed(.transformation))
        }
        found.add(try origins(object["else_expr"] ?? .null, place).computed(.transformation))
        return found
    }

    private func call(_ object: JSONObject, _ place: Place) throws(UnknownLineage) -> ColumnOrigins {
        let name = object["function_name"]?.string?.lowercased() ?? ""
        let isAggregate = resolver.aggregates.contains(name)
        var found = try origins(object["children"] ?? .null, place)
            .computed(isAggregate ? .aggregation : .transformation)
        if let model = resolver.model(object) {
            found.add(ColumnOrigins([InputColumn(model: model, function: name): [.transformation]]))
        }
        found.add(try origins(object["filter"] ?? .null, place).indirect(.conditional))
        found.add(try origins(object["order_bys"]?["orders"] ?? .null, place).indirect(.sort))
        return found
    }

    private func window(_ object: JSONObject, _ place: Place) throws(UnknownLineage) -> ColumnOrigins {
        let name = object["function_name"]?.string?.lowercased() ?? ""
        let isAggregate = object["type"]?.string == "WINDOW_AGGREGATE" || resolver.aggregates.contains(name)
        var found = try origins(object["children"] ?? .null, place)
            .computed(isAggregate ? .aggregation : .transformation)
        found.add(try origins(object["default_expr"] ?? .null, place).computed(.transformation))
        for key in ["partitions", "orders", "start_expr", "end_expr", "offset_expr", "arg_orders"] {
            found.add(try origins(object[key] ?? .null, place).indirect(.window))
        }
        found.add(try origins(object["filter_expr"] ?? .null, place).indirect(.conditional))
        return found
    }

    private func subquery(_ object: JSONObject, _ place: Place) throws(UnknownLineage) -> ColumnOrigins {
        guard let node = object["subquery"]?["node"] else { throw UnknownLineage(reason: "a subquery has no body") }
        let result = try resolver.query(node, tables, parent: place.scope ?? scope)
        var found = result.rows
        let isScalar = object["subquery_type"]?.string == "SCALAR"
        for output in result.outputs {
            found.add(isScalar ? output.origins.computed(.transformation) : output.origins.indirect(.conditional))
        }
        if let child = object["child"]?.present {
            found.add(try origins(child, place).computed(.transformation))
        }
        return found
    }
}
