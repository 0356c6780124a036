/// Why a list of activities counts as succeeded or failed.
///
/// The rule: of the activities nothing depends on (the leaves), those that were skipped are replaced by what they depend
/// on; the list succeeds when every activity so found has succeeded.
/// Source: tutorial-pipeline-failure-error-handling, "Error handling and pipeline success".
struct Verdict {
    /// An activity that counts.
    struct Voice {
        var number: Int
        /// The skipped leaf it stands in for; nil when it is a leaf itself.
        var standsFor: Int?
    }

    let isSuccess: Bool
    let voices: [Voice]

    init(statuses: [ActivityStatus], parents: [[Int]], children: [[Int]]) {
        var voices: [Voice] = []
        var seen: Set<Int> = []
        for leaf in statuses.indices where children[leaf].isEmpty {
            var open = [leaf]
            while let number = open.popLast() {
                guard seen.insert(number).inserted else { continue }
                if statuses[number] == .skipped, !parents[number].isEmpty {
                    open += parents[number].reversed()
                } else {
                    voices.append(Voice(number: number, standsFor: number == leaf ? nil : leaf))
                }
            }
        }
        self.voices = voices
        isSuccess = voices.allSatisfy { statuses[$0.number] == .succeeded || statuses[$0.number] == .skipped }
    }

    /// The verdict in words, one sentence a line.
    func explanation(names: [String], statuses: [ActivityStatus], children: [[Int]]) -> String {
        guard !names.isEmpty else { return "Green: there is no activity." }
        func said(_ voice: Voice) -> String {
            let name = "'\(names[voice.number])' \(statuses[voice.number].rawValue.lowercased())"
            return voice.standsFor.map { "\(name) (counts because '\(names[$0])', which depends on it, was skipped)" }
                ?? name
        }
        if isSuccess {
            let shown = voices.prefix(5).map(said).joined(separator: "; ")
            let more = voices.count > 5 ? "; and \(voices.count - 5) more" : ""
            var text = "Green: every activity that counts succeeded: \(shown)\(more)."
            for (number, status) in statuses.enumerated() where status == .failed {
                let handlers = children[number].filter { statuses[$0] == .succeeded }.map { "'\(names[$0])'" }
                let how = handlers.isEmpty ? "" : " and was handled by \(handlers.joined(separator: ", "))"
                text +=
                    "\n'\(names[number])' failed\(how); only activities that nothing depends on decide, so it does not count."
            }
            return text
        }
        let guilty = voices.filter { statuses[$0.number] != .succeeded && statuses[$0.number] != .skipped }
        var text = "Red: \(guilty.prefix(5).map(said).joined(separator: "; "))."
        text += guilty.count > 5 ? " \(guilty.count - 5) more did not succeed." : ""
        let handled = guilty.filter { $0.standsFor != nil }
        if let voice = handled.first {
            text += "\n'\(names[voice.number])' failed and one of its branches was skipped, so its failure counts; "
            text += "to forgive it, let everything that depends on it end in one activity that runs either way."
        }
        return text
    }
}
