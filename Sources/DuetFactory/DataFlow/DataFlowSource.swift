public import DuetPipeline

extension FactoryResource {
    /// The script of a data flow, which is one text or a list of lines; nil when there is none.
    public var dataFlowSource: DataFlowSource? {
        var nodes = [typeProperties["scriptLines"] ?? typeProperties["script"]].compactMap { $0 }
        if nodes.isEmpty {
            // Older flows keep a piece of script with each transformation.
            for property in ["sources", "transformations", "sinks"] {
                nodes += (typeProperties[property]?.elements ?? []).compactMap { $0["script"] }
            }
        }
        let lines = nodes.flatMap { node in node.string == nil ? node.elements : [node] }
        guard !lines.isEmpty else { return nil }
        return DataFlowSource(resource: self, lines: lines)
    }
}

/// A data flow's script, with where each of its characters stands in the JSON file.
public struct DataFlowSource: Sendable {
    /// The script.
    public let text: String
    private let resource: FactoryResource
    /// Where each line begins: in the script, and its string in the file.
    private let starts: [(unit: Int, offset: Int)]

    init(resource: FactoryResource, lines: [JSONNode]) {
        self.resource = resource
        var text = ""
        var starts: [(unit: Int, offset: Int)] = []
        for line in lines {
            if !starts.isEmpty { text += "\n" }
            starts.append((text.utf16.count, line.offset))
            text += line.string ?? ""
        }
        self.text = text
        self.starts = starts
    }

    /// The script parsed, its steps in order.
    ///
    /// - Throws: ``DuetError`` with `DATA_FLOW_SYNTAX` and the place in the JSON file.
    public func parsed() throws(DuetError) -> (script: DataFlowScript, order: [DataFlowScript.Step]) {
        do throws(DataFlowError) {
            let script = try DataFlowScript(parsing: text)
            return (script, try script.ordered())
        } catch {
            throw self.error(error)
        }
    }

    /// The error with its place in the JSON file.
    public func error(_ error: DataFlowError, code: DuetError.Code = .dataFlowSyntax) -> DuetError {
        resource.error(code, error.message, hint: error.hint, at: location(error.offset))
    }

    private func location(_ unit: Int) -> SourceLocation {
        let line = starts.last { $0.unit <= unit } ?? starts[0]
        return resource.file.location(ofUnit: unit - line.unit, inStringAt: line.offset)
    }
}

extension DataFlowScript.Step {
    /// What `format:` says, in lower case; nil when it says nothing.
    package var format: String? {
        for case .property("format", let value) in arguments {
            if case .text(let text) = value.kind { return text.lowercased() }
        }
        return nil
    }
}

extension DataFlowScript {
    /// The transformations that can be run here.
    public static let runnableKinds: Set<String> = [
        "source", "select", "derive", "filter", "join", "lookup", "exists", "aggregate", "window", "rank", "union",
        "split", "sort", "keygenerate", "pivot", "unpivot", "folddown", "assert", "alterrow", "cast", "parse",
        "stringify", "call", "compose", "sink",
    ]

    /// What cannot be run here, in the order written: transformations and functions.
    ///
    /// - Parameter isFlowlet: Whether the script is a flowlet's, which has inputs and outputs in place of sources and
    ///   sinks.
    /// - Returns: The obstacles.
    public func obstacles(isFlowlet: Bool = false) -> [DataFlowError] {
        var found: [DataFlowError] = []
        let ends: (own: Set<String>, other: Set<String>) =
            isFlowlet ? (["input", "output"], ["source", "sink"]) : ([], [])
        for step in steps {
            let isKnown = Self.runnableKinds.contains(step.kind) && !ends.other.contains(step.kind)
            if !isKnown, !ends.own.contains(step.kind) {
                found.append(
                    DataFlowError(
                        "'\(step.name)' is a transformation '\(step.kind)', which duet does not run",
                        at: step.offset
                    )
                )
            }
            if step.kind == "stringify", step.format == "xml" {
                found.append(
                    DataFlowError(
                        "'\(step.name)' is a 'stringify' of XML, which duet does not run",
                        at: step.offset,
                        hint: "it runs json and delimited"
                    )
                )
            }
            if step.kind == "call", let format = step.format, format != "rest" {
                found.append(
                    DataFlowError(
                        "'\(step.name)' calls '\(format)', which duet does not run",
                        at: step.offset,
                        hint: "it calls services of the format 'rest'"
                    )
                )
            }
            for argument in step.arguments { Self.visit(argument, &found) }
        }
        return found
    }

    private static let clauses: Set<String> = [
        "mapcolumn", "each", "match", "patternmatch", "groupby", "over", "asc", "desc", "output", "input",
        "partitionby",
        "pivotby", "ungroupby", "unroll", "insertif", "updateif", "deleteif", "upsertif", "expecttrue", "expectunique",
        "expectexists", "partitionfilenames", "partitionfilename", "sqlcommand", "headers",
    ]

    private static func visit(_ argument: DataFlowArgument, _ found: inout [DataFlowError]) {
        switch argument {
        case .value(let value): visit(value, &found)
        // Settings of a store hold what they like.
        case .property: break
        case .assignment(_, let value), .converted(_, let value, _): visit(value, &found)
        case .typed: break
        }
    }

    private static func visit(_ value: DataFlowExpression, _ found: inout [DataFlowError]) {
        switch value.kind {
        case .call(let name, let arguments, _):
            let isClause = clauses.contains(name)
            if !isClause, !DataFlowFunctions.isKnown(name) {
                found.append(DataFlowError("duet does not know the function '\(name)'", at: value.offset))
            }
            for argument in arguments { visit(argument, &found) }
        case .member(let inner, _), .unary(_, let inner): visit(inner, &found)
        case .index(let a, let b), .binary(_, let a, let b):
            visit(a, &found)
            visit(b, &found)
        case .array(let elements), .interpolation(let elements):
            for element in elements { visit(element, &found) }
        case .structure(let members): for member in members { visit(member.value, &found) }
        default: break
        }
    }
}

extension DuetError.Code {
    /// A data flow's script cannot be parsed.
    public static let dataFlowSyntax = Self("DATA_FLOW_SYNTAX")
}
