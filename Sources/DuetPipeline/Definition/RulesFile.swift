/// rules.yml: rules kept in one place, and given to datasets by their tags.
struct RulesFile {
    private struct Rule {
        var name: String
        var form: Form
        var action: Expectation.Action
        var tags: Set<String>
        var location: SourceLocation
    }

    private enum Form {
        case condition(MappedText)
        case table(TableCheck.Form)
    }

    private var rules: [Rule] = []
    private let path: String

    /// The table property that names the tags whose rules a dataset is held to.
    static let property = "duet.rules"

    init(_ file: SourceFile, parameters: Parameters) throws(DuetError) {
        path = file.path
        let root = try YAMLValue.root(of: file)
        for (_, list) in try root.mapping("rules.yml", known: ["rules"]) {
            for item in try list.sequence("'rules'") {
                let rule = try Self.rule(item, file: file, parameters: parameters)
                if rules.contains(where: { $0.name.lowercased() == rule.name.lowercased() }) {
                    throw item.error(.duplicateName, "two rules are named '\(rule.name)'", hint: "rename one of them")
                }
                rules.append(rule)
            }
        }
    }

    private static func rule(_ item: YAMLValue, file: SourceFile, parameters: Parameters) throws(DuetError) -> Rule {
        var name = ""
        var form: Form?
        var action = Expectation.Action.warn
        var tags: Set<String> = []
        let known = ["name", "condition", "unique", "row_count", "action", "tags"]
        for (key, value) in try item.mapping("a rule", known: known) {
            switch key {
            case "name": name = try value.string("the rule's name")
            case "action": action = try value.choice("the rule's action")
            case "tags":
                for tag in try value.sequence("the rule's tags") { tags.insert(try tag.string("a tag").lowercased()) }
            default:
                if form != nil {
                    throw value.error(
                        .wrongValue,
                        "a rule has one of condition, unique and row_count",
                        hint: "write another rule for the other"
                    )
                }
                form = try self.form(key, value, file: file, parameters: parameters)
            }
        }
        guard !name.isEmpty, let form, !tags.isEmpty else {
            throw item.error(
                .missingKey,
                "a rule needs a name, tags, and one of condition, unique and row_count",
                hint: "for example: {name: has_id, condition: id IS NOT NULL, action: drop, tags: [orders]}"
            )
        }
        if case .table = form, action == .drop {
            throw item.error(
                .wrongValue,
                "the rule '\(name)' is about all rows together and cannot say which row to drop",
                hint: "action: warn, or fail"
            )
        }
        return Rule(name: name, form: form, action: action, tags: tags, location: item.location)
    }

    private static func form(
        _ key: String,
        _ value: YAMLValue,
        file: SourceFile,
        parameters: Parameters
    ) throws(DuetError) -> Form {
        if key == "unique" {
            var columns: [String] = []
            for column in try value.sequence("the columns of 'unique'") {
                columns.append(try column.string("a column"))
            }
            return .table(.unique(columns))
        }
        let location = value.location
        let condition = try parameters.fill(try value.string("the condition")) { _ in location }
        var text = MappedText(file: file)
        let read = try Self.read(condition, at: location, path: file.path, parameters: parameters)
        text.insert(read, for: file.offset(of: location))
        return key == "condition" ? .condition(text) : .table(.rowCount(text))
    }

    /// A condition as it is read in a constraint.
    private static func read(
        _ condition: String,
        at location: SourceLocation,
        path: String,
        parameters: Parameters
    ) throws(DuetError) -> String {
        let file = SourceFile(path: path, text: condition)
        do throws(DuetError) {
            let tokens = try SQLToken.tokens(of: file)
            guard !tokens.contains(where: { $0.isWord("SELECT") }) else {
                throw DuetError(
                    .unsupported,
                    "a rule looks at one row, and has no query of its own",
                    hint: "join what it needs to know in the dataset's query, or make a view of the check"
                )
            }
            return try QueryReader.query(tokens: tokens[...], file: file, parameters: parameters).text.text
        } catch {
            throw DuetError(error.code, error.message, hint: error.hint, at: location)
        }
    }

    /// Gives a dataset the rules of its tags.
    ///
    /// - Throws: ``DuetError`` for a tag that no rule has, and for a name that the dataset has already.
    func attach(to dataset: inout Dataset) throws(DuetError) {
        guard let property = dataset.properties.last(where: { $0.key.lowercased() == Self.property }) else { return }
        let tags = property.value.split(separator: ",").map { $0.trimmed.lowercased() }
        for tag in tags where !rules.contains(where: { $0.tags.contains(tag) }) {
            throw DuetError(
                .unknownKey,
                "'\(dataset.name)' asks for rules with the tag '\(tag)', which no rule in \(path) has",
                hint: Suggestion.hint(for: tag, among: Set(rules.flatMap(\.tags)), noun: "tags"),
                at: dataset.location
            )
        }
        for rule in rules where !rule.tags.isDisjoint(with: tags) {
            if dataset.constraintNames.contains(rule.name.lowercased()) {
                throw DuetError(
                    .duplicateName,
                    "'\(dataset.name)' has a constraint '\(rule.name)' and gets a rule of that name from \(path)",
                    hint: "rename one of them",
                    at: dataset.location
                )
            }
            switch rule.form {
            case .condition(let text):
                dataset.expectations.append(
                    Expectation(name: rule.name, condition: text, action: rule.action, location: rule.location)
                )
            case .table(let form):
                dataset.tableChecks.append(
                    TableCheck(name: rule.name, form: form, action: rule.action, location: rule.location)
                )
            }
        }
    }
}

extension SourceFile {
    /// The UTF-8 offset of a place in the file.
    func offset(of location: SourceLocation) -> Int {
        var start = 0
        var line = 1
        while line < location.line, let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            start = end + 1
            line += 1
        }
        let text = self.line(location.line)
        return start + text.prefix(max(0, location.column - 1)).utf8.count
    }
}

extension Substring {
    /// Without white space at its ends.
    fileprivate var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
