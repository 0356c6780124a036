import DuetPipeline
import Foundation

/// Turns a query into the tables that are kept for it and the SQL that keeps them up to date.
///
/// The query is cut into blocks; what a block cannot get from changes alone (groups, distinct rows, windows, first rows)
/// is kept as a node with a state table, and each node has a rule of its own. Everything between nodes (filters,
/// projections, unions, joins of all kinds) has change rules that need no state.
public struct MaintenanceCompiler {
    private let frontEnd: any QueryFrontEnd
    private let functions: FunctionCatalogue

    /// Creates a compiler that asks the given front end.
    public init(frontEnd: any QueryFrontEnd, functions: FunctionCatalogue = .standard) {
        self.frontEnd = frontEnd
        self.functions = functions
    }

    /// Compiles a view.
    ///
    /// - Parameters:
    ///   - view: The view's name; the table that holds it, and the beginning of the names of hidden tables.
    ///   - query: A SELECT.
    ///   - inputs: Every relation whose changes are known; what the query reads beside them makes it a full
    ///     recomputation.
    ///   - stateSchema: Where state tables are made; empty for the default schema.
    /// - Returns: The program; every query that DuckDB accepts has one.
    /// - Throws: What the front end throws for a query that DuckDB does not accept.
    public func compile(
        view: String,
        query: String,
        inputs: [InputRelation],
        stateSchema: String
    ) throws -> ViewProgram {
        let document = try frontEnd.syntaxTree(of: query)
        guard let statements = document["statements"]?.array, statements.count == 1,
            let written = statements[0]["node"]
        else {
            throw DuetError(
                .unsupported,
                "'\(view)' is not a single SELECT that DuckDB can take apart",
                hint: "write one SELECT; PIVOT can be written as conditional aggregates"
            )
        }
        let node = SyntaxTree.normalised(written)
        let columns = Self.distinctNames(try frontEnd.columns(of: query))
        let findings = functions.findings(in: node)
        var problems = findings.reasons
        if SyntaxTree.contains(node, where: { $0["class"]?.string == "COLLATE" }) {
            problems.append("COLLATE makes different texts equal, so it has no rule")
        }
        for input in inputs where input.isCollated {
            problems.append("it reads \(input.name), whose texts COLLATE makes equal, so it has no rule")
        }
        if !Self.isComposed(query) {
            problems.append("characters are written with combining marks, so that texts may be taken for equal")
        }
        if problems.isEmpty {
            let translator = makeTranslator(view, inputs, stateSchema, node)
            do {
                return try translator.program(node, columns, frontEnd)
            } catch let unsupported as Unsupported {
                problems.append(unsupported.reason)
            } catch let mismatch as TypeMismatch {
                problems.append(mismatch.description)
            } catch {
                // The query itself is known to bind, so what failed is SQL of this library's own making.
                problems.append("its rules could not be followed: \(error)")
            }
        }
        let translator = makeTranslator(view, inputs, stateSchema, node)
        return try translator.fullProgram(node, columns, problems, findings)
    }

    /// Whether texts that look the same are the same: Swift takes `é` and `e` with an accent for equal, DuckDB does not.
    private static func isComposed(_ query: String) -> Bool {
        query.utf8.allSatisfy { $0 < 128 }
            || query.unicodeScalars.elementsEqual(query.precomposedStringWithCanonicalMapping.unicodeScalars)
    }

    private func makeTranslator(
        _ view: String,
        _ inputs: [InputRelation],
        _ stateSchema: String,
        _ node: JSONValue
    ) -> Translator {
        Translator(
            frontEnd: frontEnd,
            inputs: inputs,
            functions: functions,
            view: view,
            stateSchema: stateSchema,
            reserved: SyntaxTree.allLambdaParameters(in: node)
        )
    }

    /// Column names as a table can have them: a repeated name gets a number.
    private static func distinctNames(_ columns: [ViewColumn]) -> [ViewColumn] {
        var used: Set<String> = []
        return columns.map { column in
            var name = column.name
            var number = 0
            while !used.insert(name.folded).inserted {
                number += 1
                name = "\(column.name)_\(number)"
            }
            return ViewColumn(name: name, type: column.type)
        }
    }
}

/// A translation that gives other types than the query has.
struct TypeMismatch: Error, CustomStringConvertible {
    let description: String
}

/// What in a query is not the same every time.
struct Findings {
    var reasons: [String] = []
    var readsClock = false
    var isDeterministic = true
}

extension FunctionCatalogue {
    func findings(in node: JSONValue) -> Findings {
        var findings = Findings()
        for name in QueryShape(syntaxTree: node).functions.sorted() {
            if volatile.contains(name) {
                findings.reasons.append("\(name) may answer differently each time")
                findings.isDeterministic = false
            } else if clock.contains(name) {
                findings.reasons.append("\(name) depends on when or where the query runs")
                findings.readsClock = true
            }
        }
        var words: Set<String> = []
        _ = SyntaxTree.contains(node) { object in
            if let sample = object["sample"], !sample.isNull { findings.isDeterministic = false }
            if let names = SyntaxTree.columnNames(of: .object(object)), names.count == 1 {
                words.insert(names[0].folded)
            }
            return false
        }
        for word in words.sorted() where word.hasPrefix("current_") && clock.contains(word) {
            findings.reasons.append("\(word) depends on when or where the query runs")
            findings.readsClock = true
        }
        return findings
    }
}

extension SyntaxTree {
    /// The names of all lambda parameters, which no column may take.
    static func allLambdaParameters(in tree: JSONValue) -> Set<String> {
        var names: Set<String> = []
        _ = contains(tree) { object in
            names.formUnion(lambdaParameters(object))
            return false
        }
        return names
    }
}
