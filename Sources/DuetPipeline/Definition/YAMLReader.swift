internal import Yams

/// A YAML value that knows where it stands, so that a wrong one can be pointed at.
struct YAMLValue {
    let node: Node
    let file: SourceFile

    var location: SourceLocation {
        SourceLocation(file: file.path, line: node.mark?.line ?? 0, column: node.mark?.column ?? 0)
    }

    func error(_ code: DuetError.Code, _ message: String, hint: String? = nil) -> DuetError {
        DuetError(code, message, hint: hint, at: location, excerpt: file.line(location.line))
    }

    /// The value as text; numbers and booleans as written.
    func string(_ what: String) throws(DuetError) -> String {
        guard case .scalar(let scalar) = node else {
            throw error(.wrongValue, "\(what) must be text, found \(kindName)")
        }
        return scalar.string
    }

    /// One of an enumeration's values.
    func choice<T: RawRepresentable & CaseIterable>(_ what: String) throws(DuetError) -> T where T.RawValue == String {
        let text = try string(what)
        if let value = T(rawValue: text.lowercased()) { return value }
        let known = T.allCases.map(\.rawValue)
        throw error(
            .wrongValue,
            "\(what) must be one of \(known.joined(separator: ", ")); found '\(text)'",
            hint: Suggestion.nearest(to: text, among: known).map { "did you mean '\($0)'?" }
        )
    }

    /// The members of a mapping in order; a key outside `known` is an error with a suggestion.
    func mapping(_ what: String, known: [String]? = nil) throws(DuetError) -> [(key: String, value: YAMLValue)] {
        guard case .mapping(let mapping) = node else {
            throw error(.wrongValue, "\(what) must be a mapping (key: value), found \(kindName)")
        }
        var members: [(key: String, value: YAMLValue)] = []
        for (keyNode, valueNode) in mapping {
            let keyValue = YAMLValue(node: keyNode, file: file)
            let key = try keyValue.string("a key of \(what)")
            if let known, !known.contains(key) {
                throw keyValue.error(
                    .unknownKey,
                    "\(what) has no key '\(key)'",
                    hint: Suggestion.hint(for: key, among: known, noun: "keys")
                )
            }
            members.append((key, YAMLValue(node: valueNode, file: file)))
        }
        return members
    }

    /// The items of a sequence.
    func sequence(_ what: String) throws(DuetError) -> [YAMLValue] {
        guard case .sequence(let sequence) = node else {
            throw error(.wrongValue, "\(what) must be a list, found \(kindName)")
        }
        return sequence.map { YAMLValue(node: $0, file: file) }
    }

    var isScalar: Bool { if case .scalar = node { true } else { false } }
    var isSequence: Bool { if case .sequence = node { true } else { false } }
    var isMapping: Bool { if case .mapping = node { true } else { false } }

    private var kindName: String {
        switch node {
        case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "'\(scalar.string)'"
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }

    /// Reads a file's text as YAML.
    static func root(of file: SourceFile) throws(DuetError) -> YAMLValue {
        let node: Node?
        do {
            node = try Yams.compose(yaml: file.text)
        } catch let error as YamlError {
            throw syntaxError(error, file: file)
        } catch {
            throw DuetError(
                .yamlSyntax,
                "cannot be read as YAML",
                at: SourceLocation(file: file.path),
                cause: "\(error)"
            )
        }
        guard let node else {
            throw DuetError(
                .yamlSyntax,
                "the file is empty",
                hint: "it needs at least: name: my_pipeline",
                at: SourceLocation(file: file.path, line: 1, column: 1)
            )
        }
        return YAMLValue(node: node, file: file)
    }

    private static func syntaxError(_ error: YamlError, file: SourceFile) -> DuetError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            DuetError(
                .yamlSyntax,
                problem,
                hint: "check the indentation (spaces, not tabs), quotes and colons around here",
                at: SourceLocation(file: file.path, line: mark.line, column: mark.column),
                excerpt: file.line(mark.line)
            )
        case .duplicatedKeysInMapping(let duplicates, let context):
            DuetError(
                .duplicateName,
                "the key '\(duplicates.map { "\($0)" }.joined(separator: "', '"))' stands twice in what begins here",
                hint: "keep one of them",
                at: SourceLocation(file: file.path, line: context.mark.line, column: context.mark.column),
                excerpt: file.line(context.mark.line)
            )
        default:
            DuetError(
                .yamlSyntax,
                "cannot be read as YAML",
                at: SourceLocation(file: file.path),
                cause: "\(error)"
            )
        }
    }
}
