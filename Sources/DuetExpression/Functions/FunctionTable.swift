/// Every function of the language, by name.
enum FunctionTable {
    private static let functions: [String: Function] = {
        var table: [String: Function] = [:]
        let groups = [
            StringFunctions.all, CollectionFunctions.all, LogicalFunctions.all, ConversionFunctions.all,
            EncodingFunctions.all, XMLFunctions.all, MathFunctions.all, DateFunctions.all,
        ]
        for function in groups.joined() { table[CaseMapping.lower(function.name)] = function }
        return table
    }()

    private static let roots: [String: (root: SyntaxTree.Root, count: Int)] = [
        "pipeline": (.pipeline, 0), "variables": (.variables, 1), "activity": (.activity, 1), "item": (.item, 0),
        "dataset": (.dataset, 0), "linkedservice": (.linkedService, 0), "trigger": (.trigger, 0),
        "triggerbody": (.triggerBody, 0),
    ]

    /// The names of all functions as documented, for completion and documentation.
    static var names: [String] { functions.values.map(\.name).sorted() }

    /// What a call of this name does.
    ///
    /// A wrong name or count is no fault of the text: it fails only when the call is reached.
    static func resolve(_ name: String, _ arguments: [SyntaxTree.NodeID]) -> SyntaxTree.Kind {
        let key = CaseMapping.lower(name)
        if let function = functions[key] {
            guard function.count.contains(arguments.count) else {
                return .brokenCall(wrongCount(name, function.count, arguments.count), arguments: arguments)
            }
            return .call(function, name: name, arguments: arguments)
        }
        if let (root, count) = roots[key] {
            guard arguments.count == count else {
                return .brokenCall(wrongCount(name, count...count, arguments.count), arguments: arguments)
            }
            return .root(root, arguments: arguments)
        }
        let known = functions.values.map(\.name) + roots.keys
        let failure = Failure(
            .unknownFunction,
            "there is no function '\(name)'",
            hint: Suggestion.hint(for: name, among: known.sorted())
        )
        return .brokenCall(failure, arguments: arguments)
    }

    private static func wrongCount(_ name: String, _ allowed: ClosedRange<Int>, _ count: Int) -> Failure {
        let wanted: String
        if allowed.upperBound == .max {
            wanted = "at least \(allowed.lowerBound)"
        } else if allowed.lowerBound == allowed.upperBound {
            wanted = allowed.lowerBound == 0 ? "no" : "\(allowed.lowerBound)"
        } else {
            wanted = "\(allowed.lowerBound) to \(allowed.upperBound)"
        }
        let noun = wanted.hasSuffix(" 1") || wanted == "1" ? "argument" : "arguments"
        return Failure(.argumentCount, "'\(name)' takes \(wanted) \(noun), but got \(count)")
    }
}
