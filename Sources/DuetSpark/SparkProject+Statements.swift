import DuetPipeline

/// A dataset's statements.
extension SparkProject {
    mutating func statements(of dataset: Dataset) throws -> [String] {
        tell(dataset)
        if let capture = dataset.capture { return try captured(dataset, capture) }
        if !dataset.unitedFlows.isEmpty { return try united(dataset) }
        guard let flow = dataset.flows.first else { return [] }
        if dataset.isFedByName {
            let name = flow.name == dataset.name.description ? dataset.name.table : flow.name
            return [
                head(dataset, columns: declared(dataset)) + ";",
                try append(name, into: dataset, try query(flow.query, of: dataset)),
            ]
        }
        var text = try query(flow.query, of: dataset)
        if let frame = dataset.columnFrame { text = try framed(text, frame, dataset) }
        return [head(dataset) + "\nAS " + (try kept(text, dataset)) + ";"]
    }

    private func append(_ name: String, into dataset: Dataset, _ query: String) throws -> String {
        "CREATE FLOW \(SparkName.quoted(name)) AS INSERT INTO \(SparkName.dataset(dataset)) BY NAME\n\(query);"
    }

    // MARK: - The shell

    private mutating func head(_ dataset: Dataset, columns: String = "") -> String {
        let kind =
            SparkName.isView(dataset)
            ? "TEMPORARY VIEW" : dataset.kind == .streamingTable ? "STREAMING TABLE" : "MATERIALIZED VIEW"
        var text = "CREATE \(kind) \(SparkName.dataset(dataset))\(columns)"
        if let comment = dataset.comment, !SparkName.isView(dataset) {
            if comment.contains("\\") {
                remark(dataset.name, "its comment has a backslash", "write the comment anew", at: dataset.location)
            } else {
                text += "\nCOMMENT \(SparkName.literal(comment))"
            }
        }
        let properties = dataset.properties.filter { !$0.key.lowercased().hasPrefix("duet.") && !$0.key.contains("\\") }
        if !properties.isEmpty, !SparkName.isView(dataset) {
            let written = properties.map { "\(SparkName.literal($0.key)) = \(SparkName.literal($0.value))" }
            text += "\nTBLPROPERTIES (\(written.joined(separator: ", ")))"
        }
        return text
    }

    /// The columns of a table that flows feed, with their types.
    private mutating func declared(_ dataset: Dataset) -> String {
        let typed = dataset.columns.filter { $0.type != nil }
        guard !typed.isEmpty, typed.count == dataset.columns.count else { return "" }
        let columns = typed.map { column -> String in
            if column.generated != nil {
                errors.append(
                    DuetError(
                        .unsupported,
                        "the export to Spark has no rule for GENERATED ALWAYS AS in a table that flows feed",
                        hint: "compute '\(column.name)' in the flows' queries",
                        at: column.location,
                        excerpt: column.excerpt
                    )
                )
            }
            return "  \(SparkName.quoted(column.name)) \(column.type ?? "")"
        }
        return " (\n\(columns.joined(separator: ",\n"))\n)"
    }

    /// Says what of a dataset's statement has no form in Spark.
    private mutating func tell(_ dataset: Dataset) {
        let name = dataset.name
        for expectation in dataset.expectations {
            let rule = "the expectation \(expectation.name) (\(expectation.condition.text))"
            switch expectation.action {
            case .warn:
                remark(
                    name,
                    "\(rule) is left out: Spark has no expectations",
                    "count the rows that break it, in a materialized view of its own",
                    at: expectation.location
                )
            case .drop where dataset.kind != .view:
                remark(
                    name,
                    "\(rule) is a WHERE: rows that break it are left out as before, but neither counted nor quarantined",
                    "keep them in a materialized view with the opposite condition, if you want to see them",
                    at: expectation.location
                )
            case .fail where dataset.kind != .view:
                remark(
                    name,
                    "\(rule) is a WHERE with raise_error: the flow fails as before, but Spark empties a materialized view "
                        + "before it computes it, and so do those that read it",
                    "run it again after the data are put right",
                    at: expectation.location
                )
            default:
                remark(
                    name,
                    "\(rule) is left out: Spark has none on views",
                    "put it on a table",
                    at: expectation.location
                )
            }
        }
        for check in dataset.tableChecks {
            remark(
                name,
                "the rule \(check.name) \(check.text) is left out",
                "check it in a materialized view of its own",
                at: check.location
            )
        }
        if !dataset.primaryKey.isEmpty || !dataset.foreignKeys.isEmpty {
            remark(
                name,
                "its keys are left out: Spark's pipelines take none",
                "nothing; they are informational",
                at: dataset.location
            )
        }
        for layout in dataset.layout {
            remark(name, "\(layout) is left out", "add it where the table format has it", at: dataset.location)
        }
        if dataset.visibility == .private {
            remark(
                name,
                "PRIVATE is left out: the table is seen by all",
                "take the rights to it away",
                at: dataset.location
            )
        }
        if dataset.refreshPolicy != .auto {
            remark(
                name,
                "REFRESH POLICY \(dataset.refreshPolicy.rawValue) is left out: Spark computes it in full at every update",
                "nothing; the rows are the same",
                at: dataset.location
            )
        }
        if dataset.logMessage != nil {
            remark(name, "its log message is left out", "query the table after the run", at: dataset.location)
        }
    }

    // MARK: - Queries

    /// A query in Spark's SQL.
    private mutating func query(_ query: Query, of dataset: Dataset) throws -> String {
        let text = query.unframed ?? query.text
        // What reads files has views in their place; these are made first, for the relations are looked up below.
        var views: [String: String] = [:]
        for read in query.fileReads { views[read.relation] = view(for: read) }
        let streams = Set(query.streamOffsets)
        let graph = graph
        let schema = pipeline.defaultSchema
        var writer = SparkQuery(text) { given, table, offset in
            var name = views[table]
            if name == nil {
                let full = DatasetName(schema: given.isEmpty ? schema : given, table: table)
                name = graph[full].map { SparkName.dataset($0.dataset) } ?? "\(full)"
            }
            guard let offset, streams.contains(offset) else { return name ?? table }
            return "STREAM(\(name ?? table))"
        }
        let written = writer.statement(try tree(text.text))
        errors += writer.errors
        return written
    }

    /// An expression over a dataset's rows.
    private mutating func condition(_ text: MappedText) throws -> String {
        let tree = try tree("SELECT \(text.text)")
        var shifted = MappedText(file: text.file)
        shifted.insert("SELECT ", for: text.origin(of: 0))
        shifted.append(text)
        var writer = SparkQuery(shifted) { schema, table, _ in schema.isEmpty ? table : "\(schema).\(table)" }
        let written = writer.condition(tree)
        errors += writer.errors
        return written
    }

    /// A query held to the rules that decide which rows there are.
    private mutating func kept(_ query: String, _ dataset: Dataset) throws -> String {
        guard dataset.kind != .view else { return query }
        var conditions: [String] = []
        for expectation in dataset.expectations where expectation.action != .warn {
            let rule = try condition(expectation.condition)
            if expectation.action == .drop {
                conditions.append("coalesce(\(rule), false)")
            } else {
                let message = SparkName.literal("\(dataset.name): rows that violate \(expectation.name)")
                conditions.append("CASE WHEN \(rule) THEN true ELSE CAST(raise_error(\(message)) AS BOOLEAN) END")
            }
        }
        guard !conditions.isEmpty else { return query }
        // Rows that fail the update do so before others are dropped, as duet has it.
        let ordered = conditions.filter { $0.hasPrefix("CASE") } + conditions.filter { !$0.hasPrefix("CASE") }
        let lines = query.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }
        return "SELECT *\nFROM (\n\(lines.joined(separator: "\n"))\n) AS __rows\nWHERE "
            + ordered.joined(separator: "\n  AND ")
    }

    /// A query with the columns that a list names, of its types.
    private mutating func framed(_ query: String, _ frame: ColumnFrame, _ dataset: Dataset) throws -> String {
        let lines = query.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }
        let names = frame.columns.map { SparkName.quoted($0.name) }
        let alias = frame.goesByPlace ? "__given(\(names.joined(separator: ", ")))" : "__given"
        var columns: [String] = []
        for column in frame.columns {
            let name = SparkName.quoted(column.name)
            let value = try column.generated.map { "(\(try condition($0)))" } ?? name
            guard let type = column.type else {
                columns.append(value == name ? name : "\(value) AS \(name)")
                continue
            }
            let tree = try tree("SELECT CAST(NULL AS \(type))")
            var writer = SparkQuery(MappedText(file: dataset.flows[0].query.text.file)) { _, table, _ in table }
            let cast = writer.condition(tree)
            guard writer.errors.isEmpty else {
                errors.append(
                    DuetError(
                        .unsupported,
                        "the export to Spark has no rule for the type \(type)",
                        at: column.location,
                        excerpt: column.excerpt
                    )
                )
                continue
            }
            columns.append("\(cast.replacing("CAST(NULL AS", with: "CAST(\(value) AS")) AS \(name)")
        }
        return "SELECT \(columns.joined(separator: ", "))\nFROM (\n\(lines.joined(separator: "\n"))\n) AS \(alias)"
    }

    // MARK: - Flows

    private mutating func united(_ dataset: Dataset) throws -> [String] {
        var texts = [head(dataset, columns: declared(dataset)) + ";"]
        if dataset.unitedFlows.count > 1 {
            remark(
                dataset.name,
                "several flows feed it, and with the default parquet format Spark 4.3 lost rows of all but one of them under "
                    + "a run that says COMPLETED",
                "use a table format with transactions (Delta, Iceberg), and count the rows",
                at: dataset.location
            )
        }
        for name in dataset.unitedFlows {
            guard let flow = graph[name]?.dataset, let query = flow.flows.first?.query else { continue }
            let own = String(name.table.drop { $0 != "@" }.dropFirst())
            if flow.isOnce {
                remark(
                    dataset.name,
                    "the flow \(own) that runs ONCE is left out: Spark has none",
                    "insert its rows by hand after the first update",
                    at: flow.location
                )
                continue
            }
            texts.append(try append(own, into: dataset, try kept(try self.query(query, of: flow), dataset)))
        }
        return texts
    }

    private mutating func captured(_ dataset: Dataset, _ capture: ChangeCapture) throws -> [String] {
        let missing: String? =
            if capture.readsSnapshots { "AUTO CDC FROM SNAPSHOT" } else if capture.truncateCondition != nil {
                "APPLY AS TRUNCATE WHEN"
            } else if capture.ignoresNulls { "IGNORE NULL UPDATES" } else { nil }
        if let missing {
            errors.append(
                DuetError(
                    .unsupported,
                    "open-source Spark's pipelines have no \(missing), which makes '\(dataset.name)'",
                    hint: "give its rows as a source, or run this part with duet",
                    at: capture.location
                )
            )
            return []
        }
        remark(
            dataset.name,
            "its AUTO CDC is written, but Spark 4.3 runs it only on a table format that has MERGE",
            "configure Delta or Iceberg as the format of tables",
            at: capture.location
        )
        guard let reads = dataset.flows.first?.query, let events = graph[dataset.name]?.inputs.first,
            let input = graph[events]?.dataset
        else { return [] }
        var texts: [String] = []
        var source = SparkName.dataset(input)
        if input.flowTarget != nil {
            guard input.unitedFlows.isEmpty, let flow = input.flows.first else {
                errors.append(
                    DuetError(
                        .unsupported,
                        "the export to Spark has no rule for several change flows into '\(dataset.name)'",
                        hint:
                            "bring the events together first: one table with several flows, and AUTO CDC INTO from that",
                        at: capture.location
                    )
                )
                return []
            }
            source = SparkName.quoted("\(dataset.name.schema)_\(dataset.name.table)_events")
            texts.append("CREATE TEMPORARY VIEW \(source)\nAS \(try query(flow.query, of: input));")
        } else if reads.fileReads.isEmpty == false {
            return []
        }
        let names = { (columns: [ChangeCapture.ColumnName]) in
            "(\(columns.map { SparkName.quoted($0.name) }.joined(separator: ", ")))"
        }
        let choice = { (columns: ChangeCapture.Columns) -> String in
            switch columns {
            case .all: "*"
            case .only(let columns): names(columns)
            case .except(let columns): "* EXCEPT \(names(columns))"
            }
        }
        var text = "CREATE FLOW \(SparkName.quoted("\(dataset.name.table)_changes")) AS AUTO CDC INTO "
        text += "\(SparkName.dataset(dataset))\nFROM STREAM(\(source))\nKEYS \(names(capture.keys))"
        if let deletes = capture.deleteCondition { text += "\nAPPLY AS DELETE WHEN \(try condition(deletes))" }
        text += "\nSEQUENCE BY \(try condition(capture.sequence))"
        if capture.columns != .all { text += "\nCOLUMNS \(choice(capture.columns))" }
        text += "\nSTORED AS SCD TYPE \(capture.history.rawValue)"
        if capture.history == .versions, capture.tracked != .all {
            text += "\nTRACK HISTORY ON \(choice(capture.tracked))"
        }
        return [head(dataset, columns: declared(dataset)) + ";"] + texts + [text + ";"]
    }
}
