internal import DuetPipeline
internal import Foundation

/// One step of the guided tour: something to see, something to do, and what it shows about the two styles.
///
/// A lesson is a Markdown file with the sections *You see*, *Do*, *What happened*, *Question*, *Answer* and *Check*. *Do*
/// and *Check* hold a fenced block of actions, one a line; in *What happened* `{{declarative.rows}}` and the like stand for
/// figures of the latest runs, so that a lesson never states a number that was not just measured.
public struct Lesson: Sendable {
    /// What is done, or checked afterwards.
    public enum Action: Sendable, Hashable {
        /// Goes back to the start.
        case reset
        /// Applies the scenario's steps up to the named one.
        case apply(step: String)
        /// Runs styles, in order.
        case run([String])
        /// Replaces a text in one of the pipeline's SQL files.
        case edit(file: String, from: String, to: String)
        /// Asks a style's warehouse.
        case ask(style: String, sql: String)
        /// The tables of both styles must be equal.
        case expectEqual
        /// A figure of the latest runs must compare in this way with another, or with a number.
        case expect(left: String, comparison: String, right: String)
    }

    /// Its place in the tour, from 1.
    public var number: Int
    /// The title.
    public var title: String
    /// What there is to see before anything is done.
    public var see: String
    /// What to do.
    public var actions: [Action]
    /// What happened in each style, and why.
    public var happened: String
    /// A question to think about.
    public var question: String
    /// Its answer.
    public var answer: String
    /// What must hold afterwards.
    public var checks: [Action]

    /// The lesson for the page.
    var json: JSONValue {
        [
            "number": .integer(Int64(number)), "title": .string(title), "see": .string(see),
            "actions": .array(actions.map(\.json)), "happened": .string(happened),
            "question": .string(question), "answer": .string(answer),
        ]
    }

    /// Reads a folder of lessons.
    ///
    /// - Parameter folder: The folder; its `.md` files are taken in the order of their names, which begin with a digit.
    /// - Returns: The lessons.
    /// - Throws: ``DuetError`` when the folder cannot be read or a lesson is wrong, with its place.
    public static func load(_ folder: String) throws -> [Lesson] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
                .filter { $0.hasSuffix(".md") && $0.first?.isNumber == true }.sorted()
        } catch {
            throw DuetError(
                .missingFile,
                "the folder of lessons '\(folder)' cannot be read",
                hint: "start in the repository's folder, or name the lessons' folder with --lessons",
                cause: error.localizedDescription
            )
        }
        return try names.enumerated().map { index, name in
            let path = "\(folder)/\(name)"
            return try LessonReader(SourceFile(path: path, text: try String(contentsOfFile: path, encoding: .utf8)))
                .read(number: index + 1)
        }
    }
}

extension Lesson.Action {
    /// The action in words, as the user is told it.
    public var words: String {
        switch self {
        case .reset: "start over"
        case .apply(let step): "apply the step '\(step)'"
        case .run(let styles): "run \(styles.joined(separator: ", then "))"
        case .edit(let file, let from, let to): "in \(file), replace '\(from)' by '\(to)'"
        case .ask(let style, let sql): "ask the \(style) warehouse: \(sql)"
        case .expectEqual: "the tables of both styles are equal"
        case .expect(let left, let comparison, let right): "\(left) \(comparison) \(right)"
        }
    }

    fileprivate var json: JSONValue {
        var object: JSONObject = ["words": .string(words)]
        switch self {
        case .reset: object["verb"] = "reset"
        case .apply(let step):
            object["verb"] = "apply"
            object["step"] = .string(step)
        case .run(let styles):
            object["verb"] = "run"
            object["styles"] = .array(styles.map { .string($0) })
        case .edit(let file, let from, let to):
            object["verb"] = "edit"
            object["file"] = .string(file)
            object["from"] = .string(from)
            object["to"] = .string(to)
        case .ask(let style, let sql):
            object["verb"] = "ask"
            object["style"] = .string(style)
            object["sql"] = .string(sql)
        case .expectEqual, .expect: object["verb"] = "check"
        }
        return .object(object)
    }
}

/// Reads one lesson's file.
struct LessonReader {
    private let file: SourceFile
    private let lines: [Substring]

    init(_ file: SourceFile) {
        self.file = file
        lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    func read(number: Int) throws -> Lesson {
        guard let first = lines.first, first.hasPrefix("# ") else {
            throw failure("a lesson begins with '# ' and its title", line: 1)
        }
        var sections: [String: (line: Int, lines: [Substring])] = [:]
        var current: String?
        for (index, line) in lines.enumerated().dropFirst() {
            if line.hasPrefix("## ") {
                let name = line.dropFirst(3).trimmingCharacters(in: .whitespaces).lowercased()
                sections[name] = (index + 2, [])
                current = name
            } else if let current {
                sections[current]?.lines.append(line)
            }
        }
        func text(_ name: String) throws -> String {
            guard let section = sections[name] else {
                throw failure("the lesson has no section '## \(name.capitalized)'", line: 1)
            }
            return section.lines.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
        }
        func actions(_ name: String) throws -> [Lesson.Action] {
            guard let section = sections[name] else {
                throw failure("the lesson has no section '## \(name.capitalized)'", line: 1)
            }
            var isInside = false
            var actions: [Lesson.Action] = []
            for (index, line) in section.lines.enumerated() {
                if line.hasPrefix("```") {
                    isInside.toggle()
                } else if isInside, !line.trimmingCharacters(in: .whitespaces).isEmpty {
                    actions.append(try action(String(line), line: section.line + index))
                }
            }
            return actions
        }
        return Lesson(
            number: number,
            title: String(first.dropFirst(2)),
            see: try text("you see"),
            actions: try actions("do"),
            happened: try text("what happened"),
            question: try text("question"),
            answer: try text("answer"),
            checks: try actions("check")
        )
    }

    private func action(_ text: String, line: Int) throws -> Lesson.Action {
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        let rest = words.count > 1 ? words[1].trimmingCharacters(in: .whitespaces) : ""
        let parts = rest.components(separatedBy: ": ")
        switch words[0] {
        case "reset" where rest.isEmpty: return .reset
        case "apply" where !rest.isEmpty: return .apply(step: rest)
        case "run" where rest == "both": return .run(["procedural", "declarative"])
        case "run" where ["procedural", "declarative"].contains(rest): return .run([rest])
        case "ask" where parts.count > 1 && ["procedural", "declarative"].contains(parts[0]):
            return .ask(style: parts[0], sql: parts.dropFirst().joined(separator: ": "))
        case "edit" where parts.count > 1:
            let change = parts.dropFirst().joined(separator: ": ").components(separatedBy: " => ")
            guard change.count == 2 else { break }
            return .edit(file: parts[0], from: change[0], to: change[1])
        case "expect" where rest == "equal": return .expectEqual
        case "expect":
            let terms = rest.split(separator: " ").map(String.init)
            guard terms.count == 3, ["<", "=", ">"].contains(terms[1]) else { break }
            return .expect(left: terms[0], comparison: terms[1], right: terms[2])
        default: break
        }
        throw failure(
            "'\(text)' is no action",
            line: line,
            hint: "actions are: reset; apply STEP; run procedural, declarative or both; ask STYLE: SQL; "
                + "edit FILE: TEXT => TEXT; expect equal; expect A < B (also = and >)"
        )
    }

    private func failure(_ message: String, line: Int, hint: String? = nil) -> DuetError {
        DuetError(
            .wrongValue,
            message,
            hint: hint,
            at: SourceLocation(file: file.path, line: line, column: 1),
            excerpt: file.line(line)
        )
    }
}
