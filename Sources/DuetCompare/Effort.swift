internal import DuetEngine
internal import DuetFactory
internal import DuetPipeline
public import DuetReport
internal import Foundation

/// Counts what each style's definition takes to write and to change, in the files themselves.
public struct Effort {
    private let pipeline: Pipeline

    /// Looks at a pipeline's folder.
    ///
    /// - Throws: ``DuetErrors`` when the definition is wrong.
    public init(folder: String, parameters: [String: String] = [:]) throws {
        pipeline = try Pipeline.load(folder: folder, overrides: parameters)
    }

    /// One definition's texts, cut into tokens.
    private struct Definition {
        var name: String
        var files = 0
        var statements = 0
        var lines = 0
        var tokens: [String] = []
        /// How often each word or name occurs, in lower case.
        var counts: [String: Int] = [:]

        mutating func add(sql text: String, path: String) throws {
            let file = SourceFile(path: path, text: text)
            let found = try SQLToken.tokens(of: file)
            lines += Set(found.map { file.location(at: $0.range.lowerBound).line }).count
            tokens += found.map(\.text)
            for token in found { count(token) }
        }

        mutating func count(_ token: SQLToken) {
            guard token.kind == .word || token.kind == .quotedName || token.kind == .parameter else { return }
            var name = token.unquoted.lowercased()
            if name.hasPrefix("${") { name = String(name.dropFirst(2).dropLast().split(separator: ".").last ?? "") }
            counts[name, default: 0] += 1
        }

        /// Counts a JSON value's names, values and punctuation; the text of an expression or a statement by its own.
        mutating func add(_ value: JSONValue) {
            switch value {
            case .object(let object):
                tokens += ["{", "}"]
                for (index, member) in object.members.enumerated() {
                    tokens += index > 0 ? [",", member.key, ":"] : [member.key, ":"]
                    add(member.value)
                }
            case .array(let items):
                tokens += ["[", "]"]
                for (index, item) in items.enumerated() {
                    if index > 0 { tokens.append(",") }
                    add(item)
                }
            case .string(let text):
                do {
                    let found = try SQLToken.tokens(of: SourceFile(path: "", text: text))
                    tokens += found.isEmpty ? [""] : found.map(\.text)
                    for token in found { count(token) }
                } catch {
                    // A text with a lone quote is no SQL; it is one value.
                    tokens.append(text)
                }
            default: tokens.append("value")
            }
        }

        var size: EffortReport.Size {
            .init(definition: name, files: files, statements: statements, lines: lines, tokens: tokens.count)
        }
    }

    /// Counts.
    ///
    /// - Returns: Sizes and places of change.
    /// - Throws: An error when a file cannot be read.
    public func report() throws -> EffortReport {
        let definitions = [try declarative(), try derived(), try handWritten()].compactMap { $0 }
        return EffortReport(sizes: definitions.map(\.size), changes: changes(definitions))
    }

    private func declarative() throws -> Definition {
        var definition = Definition(name: "declarative")
        let folder = "\(pipeline.folder)/transformations"
        for name in try names(folder) where name.hasSuffix(".sql") {
            definition.files += 1
            try definition.add(sql: try text("\(folder)/\(name)"), path: name)
        }
        // Users' statements: a flow's hidden dataset stands for its CREATE FLOW.
        definition.statements = pipeline.datasets.count
        return definition
    }

    /// The activities that duet derives, as the JSON that `duet export adf` writes; nil where a factory has no words.
    private func derived() throws -> Definition? {
        let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
        var definition = Definition(name: "procedural, derived")
        do throws(DuetError) {
            for (_, value) in try FactoryExport.files(of: pipeline, graph: graph).files { add(value, &definition) }
        } catch {
            guard error.code == .unsupported else { throw error }
            return nil
        }
        return definition
    }

    private func add(_ value: JSONValue, _ definition: inout Definition) {
        definition.files += 1
        definition.lines += value.text(pretty: true).split(separator: "\n").count
        definition.statements += activities(value)
        definition.add(value)
    }

    private func handWritten() throws -> Definition? {
        let folder = "\(pipeline.folder)/activities"
        guard FileManager.default.fileExists(atPath: folder) else { return nil }
        var definition = Definition(name: "procedural, hand-written")
        for name in try names(folder) {
            if name.hasSuffix(".json") {
                add(try JSONValue(parsing: try text("\(folder)/\(name)")), &definition)
            } else if name.hasSuffix(".sql") {
                let text = try text("\(folder)/\(name)")
                definition.files += 1
                try definition.add(sql: text, path: name)
                definition.statements += try SQLToken.tokens(of: SourceFile(path: name, text: text))
                    .split { $0.isSymbol(";") }.count
            }
        }
        return definition.files == 0 ? nil : definition
    }

    /// Objects that are activities: those with a name, a type and what an activity has.
    private func activities(_ value: JSONValue) -> Int {
        switch value {
        case .object(let object):
            let isActivity = object["name"] != nil && object["type"] != nil && object["typeProperties"] != nil
            return object.members.reduce(isActivity ? 1 : 0) { $0 + activities($1.value) }
        case .array(let items): return items.reduce(0) { $0 + activities($1) }
        default: return 0
        }
    }

    private func changes(_ definitions: [Definition]) -> [EffortReport.Change] {
        let average = { (names: [String], change: String, what: String) -> EffortReport.Change in
            let names = Set(names.map { $0.lowercased() })
            return .init(
                change: change,
                counted: "\(what): \(names.count)",
                places: definitions.map { definition in
                    let found = names.compactMap { definition.counts[$0] }
                    return found.isEmpty ? nil : Double(found.reduce(0, +)) / Double(found.count)
                }
            )
        }
        return [
            average(aliases(), "add or rename a column", "occurrences of a name that a query gives a column"),
            average(pipeline.sources.map(\.name), "add or move a source", "occurrences of a source's name"),
            average(
                pipeline.datasets.flatMap(\.expectations).map(\.name),
                "add or change a rule",
                "occurrences of an expectation's name"
            ),
            average(
                pipeline.publishedDatasets.map(\.name.table),
                "split or rename a dataset",
                "occurrences of a dataset's name"
            ),
        ]
    }

    /// The names that queries give their columns by AS.
    private func aliases() -> [String] {
        pipeline.datasets.flatMap(\.flows).flatMap { flow -> [String] in
            do throws(DuetError) {
                let tokens = try SQLToken.tokens(of: SourceFile(path: "", text: flow.query.original))
                return zip(tokens, tokens.dropFirst()).compactMap { word, name in
                    let isName = name.kind == .word || name.kind == .quotedName
                    return word.isWord("AS") && isName && name.text.count > 1 ? name.unquoted : nil
                }
            } catch {
                // The definition has been read before; what cannot be cut into tokens has no names to count.
                return []
            }
        }
    }

    private func names(_ folder: String) throws -> [String] {
        (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []).sorted()
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
}
