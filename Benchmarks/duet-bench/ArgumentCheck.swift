/// What each benchmark may be given: a slip must not start half an hour of something else.
enum ArgumentCheck {
    /// What follows an option.
    private enum Value {
        case none
        case count
        case decimal
        case text
    }

    /// A benchmark's options, and how many numbers may follow its name.
    private struct Form {
        var options: [String: Value] = [:]
        var numbers = 0
    }

    /// The benchmarks by name; an empty one for none.
    private static let forms: [String: Form] = [
        "": Form(options: ["--rounds": .count, "--scale": .decimal]),
        "flights": Form(options: ["--rounds": .count]),
        "tpch": Form(
            options: [
                "--rounds": .count, "--scale": .decimal, "--views": .text, "--statements": .none, "--record": .text,
            ]
        ),
        "tpch-data": Form(options: ["--scale": .decimal, "--folder": .text]),
        "datasets": Form(numbers: 1),
        "activities": Form(),
        "fetch": Form(options: ["--megabytes": .count, "--files": .count], numbers: 1),
        "inference": Form(options: ["--texts": .count, "--rows": .count, "--questions": .count], numbers: 1),
        "lineage": Form(numbers: 2),
        "equality": Form(numbers: 1),
    ]

    /// What is wrong with the arguments; nil when nothing is.
    static func fault(in arguments: [String]) -> String? {
        var rest = arguments[...]
        var name = ""
        if let first = rest.first, !first.hasPrefix("-") {
            name = first
            rest.removeFirst()
        }
        guard let form = forms[name] else {
            return
                "there is no benchmark '\(name)', only \(forms.keys.filter { !$0.isEmpty }.sorted().joined(separator: ", "))"
        }
        let subject = name.isEmpty ? "without a name, duet-bench" : "the benchmark '\(name)'"
        var numbers = 0
        while let word = rest.popFirst() {
            guard word.hasPrefix("-") else {
                numbers += 1
                guard Int(word) != nil, numbers <= form.numbers else { return "\(subject) takes no '\(word)'" }
                continue
            }
            guard let kind = form.options[word] else {
                let known = form.options.keys.sorted().joined(separator: ", ")
                return "\(subject) has no option '\(word)'" + (known.isEmpty ? ", and no others" : ", only \(known)")
            }
            if case .none = kind { continue }
            guard let value = rest.popFirst(), !value.hasPrefix("--") else {
                return "a value is missing behind \(word)"
            }
            switch kind {
            case .count where Int(value).map { $0 < 1 } ?? true:
                return "\(word) wants a number from 1 on, not '\(value)'"
            case .decimal where Double(value).map { $0 <= 0 } ?? true:
                return "\(word) wants a number above 0, not '\(value)'"
            default: continue
            }
        }
        return nil
    }
}
