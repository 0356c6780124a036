import DuetTestSupport
import Foundation

/// Files whose rows are drawn by lot: NULLs, duplicates, signs, quotes, letters of all kinds.
struct GeneratedData {
    var random: SeededGenerator
    private(set) var names: [String] = []
    private var next = 1

    init(random: SeededGenerator) { self.random = random }

    private static let words = [
        "plain", "", "NULL", "null", "with,comma", "with \"quotes\"", "größe", "和", "🎈🎈", " padded ", "it's", "-",
        "a|b;c",
        "%_\\", "line\nbreak", "0",
    ]

    /// A file of orders: id, customer, amount, day, note.
    mutating func orders() -> String {
        var lines = ["id,customer,amount,day,note"]
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            lines.append(order())
            // The same row again: tables are multisets.
            if Int.random(in: 0..<5, using: &random) == 0, let last = lines.last { lines.append(last) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private mutating func order() -> String {
        let word = Self.words.randomElement(using: &random) ?? ""
        // Quoted always: an unquoted empty field is NULL, a quoted one is text.
        let note = Int.random(in: 0..<6, using: &random) == 0 ? "" : "\"\(word.replacing("\"", with: "\"\""))\""
        return [
            optional("\(Int.random(in: 1...30, using: &random))"), optional("\(Int.random(in: 1...6, using: &random))"),
            optional("\(Int.random(in: -500...500, using: &random)).\(Int.random(in: 10...99, using: &random))"),
            optional("2024-0\(Int.random(in: 1...3, using: &random))-1\(Int.random(in: 0...9, using: &random))"), note,
        ].joined(separator: ",")
    }

    private mutating func optional(_ text: String) -> String {
        Int.random(in: 0..<9, using: &random) == 0 ? "" : text
    }

    /// The register of customers: number and name, with some missing and some twice.
    mutating func customers() -> String {
        var lines = ["number,name"]
        for number in 1...7 where Int.random(in: 0..<4, using: &random) > 0 {
            for _ in 0..<(Int.random(in: 0..<6, using: &random) == 0 ? 2 : 1) {
                lines.append(
                    "\(number),\"\((Self.words.randomElement(using: &random) ?? "").replacing("\"", with: "\"\""))\""
                )
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Adds, changes and removes files; at least one stays.
    mutating func change(_ fixture: PipelineFixture) throws -> [String] {
        var told: [String] = []
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            let name = "orders-\(next).csv"
            next += 1
            names.append(name)
            try fixture.drop(orders(), name)
            told.append("+\(name)")
        }
        if names.count > 1, Bool.random(using: &random), let name = names.randomElement(using: &random) {
            try fixture.drop(orders(), name)
            told.append("~\(name)")
        }
        if names.count > 2, Int.random(in: 0..<3, using: &random) == 0, let name = names.randomElement(using: &random) {
            names.removeAll { $0 == name }
            try fixture.folder.remove("data/\(name)")
            told.append("-\(name)")
        }
        if names.isEmpty {
            names.append("orders-0.csv")
            try fixture.drop(orders(), "orders-0.csv")
            told.append("+orders-0.csv")
        }
        if Int.random(in: 0..<3, using: &random) == 0 || next == 1 || told.isEmpty {
            try fixture.drop(customers(), "customers.csv")
            told.append("~customers.csv")
        }
        return told
    }
}
