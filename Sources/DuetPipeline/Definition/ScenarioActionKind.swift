/// What the generator can do in a scenario's step.
///
/// A new kind is a case here with its words and options, and a case where it is played; reading, listing, describing and
/// checking follow from these.
public enum ScenarioActionKind: String, Sendable, Hashable, CaseIterable {
    /// New rows arrive.
    case append
    /// Old rows change.
    case correct
    /// Old rows go.
    case delete
    /// A whole file goes.
    case deleteFile = "delete_file"
    /// Rows that belong to the oldest file arrive now.
    case late
    /// A file that was delivered is delivered again.
    case repeatFile = "repeat_file"
    /// A column is new.
    case newColumn = "new_column"
    /// A column has another name.
    case renameColumn = "rename_column"
    /// A column's values are of another type.
    case retypeColumn = "retype_column"
    /// Rows that are wrong arrive.
    case badRows = "bad_rows"
    /// A file without rows arrives.
    case emptyFile = "empty_file"
    /// The server of the sources fails.
    case outage
    /// The server of the sources is slow.
    case slow
    /// The process is killed in mid-run.
    case kill
    /// A dataset has another query.
    case changeQuery = "change_query"
    /// A dataset is new.
    case addDataset = "add_dataset"
    /// A rule for rows is another.
    case changeExpectation = "change_expectation"
    /// A model is asked in other words.
    case changePrompt = "change_prompt"
    /// A model's server does not answer.
    case modelDown = "model_down"

    /// An option of a kind.
    public struct Option: Sendable, Hashable {
        /// The name.
        public var name: String
        /// What is taken when it is not given; nil when the generator chooses.
        public var standard: String?
        /// What it means.
        public var meaning: String
        /// The form of its value.
        public var form: Form

        /// The form of a value.
        public enum Form: Sendable, Hashable {
            /// Any text.
            case text
            /// A number above 0.
            case number
            /// One of some words.
            case oneOf([String])
        }

        init(_ name: String, _ standard: String? = nil, _ form: Form = .text, _ meaning: String) {
            self.name = name
            self.standard = standard
            self.form = form
            self.meaning = meaning
        }
    }

    /// What it does, in a line.
    public var meaning: String {
        switch self {
        case .append: "rows like the source's own arrive: in a new file, or at the end of a single file"
        case .correct: "values of one column in old rows are exchanged for those of other rows"
        case .delete: "old rows are taken out of their files"
        case .deleteFile: "one of the source's files is taken away"
        case .late: "rows like those of the oldest file arrive in a new file"
        case .repeatFile: "a file arrives again, under its own name or another"
        case .newColumn: "rows arrive that have one more column"
        case .renameColumn: "a column has another name in the newest file (or the only one)"
        case .retypeColumn: "a column's values are of another type in the newest file (or the only one)"
        case .badRows: "rows arrive in which fields are empty or hold what does not belong there"
        case .emptyFile: "a file without rows arrives"
        case .outage: "the server answers 503 for some requests of each run"
        case .slow: "the server sends slowly"
        case .kill: "the process of each run is ended by kill -9 in the middle, and the run is done again"
        case .changeQuery: "a dataset's query changes"
        case .addDataset: "a dataset is added"
        case .changeExpectation: "a dataset's expectation acts otherwise"
        case .changePrompt: "a model is asked in other words"
        case .modelDown: "nothing listens at a model's address"
        }
    }

    /// Whether it passes: the step ends by taking it back and running again.
    public var isFault: Bool {
        switch self {
        case .renameColumn, .retypeColumn, .badRows, .emptyFile, .outage, .slow, .kill, .modelDown: true
        default: false
        }
    }

    /// Whether it changes the pipeline's definition and not its sources.
    public var changesDefinition: Bool {
        switch self {
        case .changeQuery, .addDataset, .changeExpectation, .changePrompt: true
        default: false
        }
    }

    /// Whether `set:` may give columns of the new rows other values.
    public var hasSet: Bool { self == .append || self == .late }

    /// Its options.
    public var options: [Option] {
        let source = Option("source", "the source; the one with the most bytes unless given")
        let percent = Option("percent", "1", .number, "how many rows, in percent of the source's rows")
        let rows = Option("rows", nil, .number, "how many rows; wins over percent")
        let column = Option("column", "the column; the generator chooses unless given")
        let dataset = Option("dataset", "the dataset; the last one that nothing reads unless given")
        return switch self {
        case .append, .late, .delete: [source, percent, rows]
        case .correct: [source, percent, rows, column]
        case .deleteFile: [source, Option("file", "the file's name; the oldest unless given")]
        case .repeatFile:
            [source, Option("name", "same", .oneOf(["same", "new"]), "whether the second delivery has the same name")]
        case .newColumn:
            [
                source, percent, rows, Option("column", "scenario_column", "the column's name"),
                Option("value", "'new'", "its value, in SQL over the row"),
            ]
        case .renameColumn: [source, column, Option("to", nil, "the new name; the old one and _renamed unless given")]
        case .retypeColumn: [source, column, Option("value", "'n/a'", "the values, in SQL over the row")]
        case .badRows:
            [source, percent, rows, column, Option("value", "", "what stands in the field; nothing unless given")]
        case .emptyFile:
            [source, Option("header", "yes", .oneOf(["yes", "no"]), "whether the file has a line of column names")]
        case .outage:
            [
                Option("source", "the source; all unless given"),
                Option("tries", "2", .number, "how many requests of each run fail"),
            ]
        case .slow: [Option("bytes_per_second", "20000000", .number, "how fast each answer comes")]
        case .kill: [Option("after", "3", .number, "after how many ended steps of the run the process is killed")]
        case .changeQuery:
            [dataset, Option("query", "the new query; the old one and a column scenario_change unless given")]
        case .addDataset:
            [
                Option("name", "scenario_added", "the dataset's name; in the schema of the dataset unless it has one"),
                Option("query", "its query; a count of the rows of the dataset unless given"), dataset,
            ]
        case .modelDown: [Option("model", "the model; all that have an address unless given")]
        case .changePrompt:
            [
                Option("model", "the model; the first that has an address unless given"),
                Option("text", "the new prompt; the old one and a line more unless given"),
            ]
        case .changeExpectation:
            [
                Option("dataset", "the dataset; the first with an expectation that warns or drops unless given"),
                Option("expectation", "its name; the first that warns or drops unless given"),
                Option(
                    "action",
                    nil,
                    .oneOf(["warn", "drop", "fail"]),
                    "what a violation leads to; warn turns to drop and drop to warn unless given"
                ),
            ]
        }
    }

    /// An example, as it stands in a step.
    public var example: String {
        switch self {
        case .append: "append: {source: flights, percent: 5, set: {day: \"'31'\"}}"
        case .correct: "correct: {source: flights, percent: 0.1, column: arr_delay}"
        case .delete: "delete: {source: flights, rows: 20}"
        case .deleteFile: "delete_file: {source: flights, file: 2013-01.csv}"
        case .late: "late: {source: flights, rows: 500}"
        case .repeatFile: "repeat_file: {source: flights, name: new}"
        case .newColumn: "new_column: {source: flights, column: gate, value: \"'B' || flight\"}"
        case .renameColumn: "rename_column: {source: planes, column: seats, to: seat_count}"
        case .retypeColumn: "retype_column: {source: planes, column: seats, value: \"seats || ' seats'\"}"
        case .badRows: "bad_rows: {source: flights, rows: 10, column: distance, value: far}"
        case .emptyFile: "empty_file: {source: flights}"
        case .outage: "outage: {tries: 50}"
        case .slow: "slow: {bytes_per_second: 500000}"
        case .kill: "kill: {after: 4}"
        case .changeQuery: "change_query: {dataset: gold.daily}"
        case .addDataset: "add_dataset: {name: gold.carriers, query: SELECT DISTINCT carrier FROM silver.flights}"
        case .changePrompt: "change_prompt: {model: judge}"
        case .modelDown: "model_down: {model: judge}"
        case .changeExpectation: "change_expectation: {dataset: silver.flights, expectation: has_arrived, action: drop}"
        }
    }
}

extension ScenarioActionKind.Option {
    fileprivate init(_ name: String, _ meaning: String) { self.init(name, nil, .text, meaning) }
    fileprivate init(_ name: String, _ standard: String?, _ meaning: String) {
        self.init(name, standard, .text, meaning)
    }
}
