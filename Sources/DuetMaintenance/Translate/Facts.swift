import DuetPipeline

extension Translator {
    /// One kept row that answers questions about a query, each as SQL over `count(*)` and `count(value)`, where value is
    /// the query's first column.
    func facts(of translated: Translated, _ questions: [(name: String, text: String)]) throws -> Relation {
        guard !translated.relation.leaves.contains(where: \.isGenerated) else {
            throw Unsupported("a function may make more rows than can be counted for a subquery")
        }
        let rows = names.fresh("rows")
        let known = names.fresh("known")
        let value = translated.outputs.first.map { pool.intern($0.value) }
        var accumulators: [AggregatePlan.Accumulator] = []
        if let value, questions.contains(where: { $0.text.contains("count(value)") }) {
            accumulators.append(AggregatePlan.Accumulator(name: known, kind: .count(value), type: "BIGINT"))
        }
        let finals = questions.map { question in
            let text = question.text.split(separator: " ").map { word in
                switch word {
                case "count(*)": SQLText.identifier(rows)
                case "count(value)": SQLText.identifier(known)
                default: String(word)
                }
            }
            return AggregatePlan.Final(name: question.name, text: text.joined(separator: " "))
        }
        let plan = AggregatePlan(
            input: translated.relation,
            keys: [],
            accumulators: accumulators,
            finals: finals,
            rows: rows,
            outputs: finals.map { NamedExpression(name: $0.name, expression: .column($0.name)) }
        )
        let visible = finals.map { ViewColumn(name: $0.name, type: "BOOLEAN") }
        return .leaf(keep(.aggregate(plan), visible, rule: "whether a subquery has rows"))
    }
}
