import DuckKit
import DuetEvents
import DuetPipeline
import Foundation

extension OpenLineageExport {
    /// What a step reads and writes, with what is known of it.
    func datasets(of event: RunEvent) -> (inputs: [JSONValue], outputs: [JSONValue]) {
        if let movement = event.measures?.movement { return moved(movement, event) }
        let hasEnded = event.kind == .stepCompleted || event.kind == .stepFailed
        if let node = dataset(of: event) {
            let inputs =
                node.inputs.map { self.input($0) }
                + node.sources.compactMap { name in
                    pipeline.source(named: name).map { sourceDataset($0, measures: nil) }
                }
            return (inputs, [output(node, hasEnded ? event.measures : nil)])
        }
        if let source = source(of: event) {
            return ([sourceDataset(source, measures: hasEnded ? event.measures : nil)], [])
        }
        return ([], [])
    }

    private var dataSource: JSONValue {
        facet(
            "1-0-1/DatasourceDatasetFacet.json#/$defs/DatasourceDatasetFacet",
            ["name": .string(warehouse), "uri": .string(warehouse)]
        )
    }

    private func schema(_ name: DatasetName) -> JSONValue? {
        guard let columns = lineage[name]?.columns, !columns.isEmpty else { return nil }
        let fields = columns.enumerated().map { index, column -> JSONValue in
            [
                "name": .string(column.name), "type": .string("\(column.type)"),
                "ordinal_position": .integer(Int64(index + 1)),
            ]
        }
        return facet("1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet", ["fields": .array(fields)])
    }

    private func input(_ name: DatasetName) -> JSONValue {
        var facets: JSONObject = ["dataSource": dataSource]
        facets["schema"] = schema(name)
        return [
            "namespace": .string(warehouse), "name": .string(name.description), "facets": .object(facets),
        ]
    }

    /// The namespace and name of a source: the server or `file`, and the path.
    func place(_ source: Source) -> (namespace: String, name: String) {
        let address = source.address
        guard source.isRemote, let url = URL(string: address), let scheme = url.scheme, let host = url.host() else {
            return ("file", address)
        }
        let port = url.port.map { ":\($0)" } ?? ""
        return ("\(scheme)://\(host)\(port)", url.path)
    }

    private func sourceDataset(_ source: Source, measures: StepMeasures?) -> JSONValue {
        let (namespace, name) = place(source)
        var object: JSONObject = [
            "namespace": .string(namespace), "name": .string(name),
            "facets": [
                "dataSource": facet(
                    "1-0-1/DatasourceDatasetFacet.json#/$defs/DatasourceDatasetFacet",
                    [
                        "name": .string(source.name),
                        "uri": .string(namespace == "file" ? "file:\(name)" : namespace + name),
                    ]
                )
            ],
        ]
        if let measures {
            object["inputFacets"] = [
                "inputStatistics": facet(
                    "1-0-0/InputStatisticsInputDatasetFacet.json#/$defs/InputStatisticsInputDatasetFacet",
                    [
                        "size": .integer(Int64(measures.bytesTransferred)),
                        "fileCount": .integer(Int64(measures.filesTotal)),
                    ]
                )
            ]
        }
        return .object(object)
    }

    private func output(_ node: DatasetGraph.Node, _ measures: StepMeasures?) -> JSONValue {
        let name = node.dataset.name
        var facets: JSONObject = ["dataSource": dataSource]
        facets["schema"] = schema(name)
        facets["columnLineage"] = columnLineage(name)
        var object: JSONObject = ["namespace": .string(warehouse), "name": .string(name.description)]
        if let measures {
            if !measures.expectations.isEmpty {
                facets["dataQualityAssertions"] = assertions(node.dataset, measures)
            }
            facets["dataQualityMetrics"] = metrics(measures)
            object["outputFacets"] = [
                "outputStatistics": facet(
                    "1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet",
                    ["rowCount": .integer(Int64(measures.rowsInserted))]
                )
            ]
        }
        object["facets"] = .object(facets)
        return .object(object)
    }

    private func metrics(_ measures: StepMeasures) -> JSONValue {
        facet(
            "1-0-3/DataQualityMetricsInputDatasetFacet.json#/$defs/DataQualityMetricsInputDatasetFacet",
            ["rowCount": .integer(Int64(measures.rowsTotal ?? 0)), "columnMetrics": [:]]
        )
    }

    private func assertions(_ dataset: Dataset, _ measures: StepMeasures) -> JSONValue {
        let list = measures.expectations.map { count -> JSONValue in
            let condition = dataset.expectations.first { $0.name == count.name }?.condition.text
            var object: JSONObject = [
                "assertion": .string("expect"), "success": .bool(count.failed == 0), "name": .string(count.name),
                "severity": .string(count.action == .warn ? "warn" : "error"),
                "expected": "0 rows violate it", "actual": .string("\(count.failed) rows violate it"),
            ]
            object["content"] = condition.map { .string($0) }
            object["contentType"] = condition.map { _ in "application/sql" }
            return .object(object)
        }
        return facet(
            "1-1-0/DataQualityAssertionsDatasetFacet.json#/$defs/DataQualityAssertionsDatasetFacet",
            ["assertions": .array(list)]
        )
    }

    // MARK: - Activities

    /// What an activity of a data factory read and wrote.
    private func moved(_ movement: Movement, _ event: RunEvent) -> (inputs: [JSONValue], outputs: [JSONValue]) {
        let inputs = movement.inputs.map { place -> JSONValue in
            let (namespace, name) = self.place(MovementLineage.relation(place))
            return [
                "namespace": .string(namespace), "name": .string(name),
                "facets": ["dataSource": dataSource(place, namespace)],
            ]
        }
        let all = movements.written[event.id] ?? []
        let outputs = all.map { written -> JSONValue in
            let namespace = written.place.namespace.isEmpty ? warehouse : written.place.namespace
            var facets: JSONObject = ["dataSource": dataSource(written.place, namespace)]
            if let lineage = written.lineage {
                let fields = lineage.outputs.map { JSONValue.object(["name": .string($0.name)]) }
                // Of a table whose rows were changed or deleted not all columns are named.
                if !fields.isEmpty, !written.isPart {
                    facets["schema"] = facet(
                        "1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet",
                        ["fields": .array(fields)]
                    )
                }
                facets["columnLineage"] = columnLineage(lineage)
            }
            var object: JSONObject = ["namespace": .string(namespace), "name": .string(written.place.name)]
            if let measures = event.measures, measures.rowsInserted > 0, all.count == 1 {
                object["outputFacets"] = [
                    "outputStatistics": facet(
                        "1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet",
                        ["rowCount": .integer(Int64(measures.rowsInserted))]
                    )
                ]
            }
            object["facets"] = .object(facets)
            return .object(object)
        }
        return (inputs, outputs)
    }

    private func dataSource(_ place: Movement.Place, _ namespace: String) -> JSONValue {
        let uri =
            place.namespace.isEmpty ? warehouse : namespace == "file" ? "file:\(place.name)" : namespace + place.name
        return facet(
            "1-0-1/DatasourceDatasetFacet.json#/$defs/DatasourceDatasetFacet",
            ["name": .string(place.dataset ?? place.name), "uri": .string(uri)]
        )
    }

    // MARK: - Columns

    private func columnLineage(_ name: DatasetName) -> JSONValue? {
        lineage[name]?.lineage.map { columnLineage($0) }
    }

    private func columnLineage(_ own: QueryLineage) -> JSONValue {
        var fields = JSONObject()
        for output in own.outputs { fields[output.name] = ["inputFields": .array(inputFields(output.origins))] }
        return facet(
            "1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet",
            ["fields": .object(fields), "dataset": .array(inputFields(own.rows))]
        )
    }

    private func inputFields(_ origins: ColumnOrigins) -> [JSONValue] {
        origins.columns().map { column in
            let (namespace, name) = place(column.relation)
            return [
                "namespace": .string(namespace), "name": .string(name), "field": .string(column.column),
                "transformations": .array(
                    (origins.influences[column] ?? []).sorted().map {
                        [
                            "type": .string($0.isDirect ? "DIRECT" : "INDIRECT"),
                            "subtype": .string($0.rawValue.uppercased()), "masking": false,
                        ]
                    }
                ),
            ]
        }
    }

    private func place(_ relation: String) -> (namespace: String, name: String) {
        if let model = InputColumn(relation: relation, column: "").model { return ("\(namespace)/models", model) }
        if let place = movements.places[relation], !place.namespace.isEmpty { return (place.namespace, place.name) }
        let prefix = "source "
        guard relation.hasPrefix(prefix), let source = pipeline.source(named: String(relation.dropFirst(prefix.count)))
        else { return (warehouse, relation) }
        return place(source)
    }
}
