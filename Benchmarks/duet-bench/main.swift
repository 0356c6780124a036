import Foundation

// Every figure is a ratio between two ways of doing the same work, measured in turn in one run of this program.
if CommandLine.arguments.dropFirst().first == RawSQL.argument {
    try RawSQL.runAsChild(Array(CommandLine.arguments.dropFirst(2)))
} else {
    let isHelp = CommandLine.arguments.contains { $0 == "--help" || $0 == "-h" }
    if isHelp {
        print(
            """
            usage: duet-bench [repetitions]
                   duet-bench datasets [count]
                   duet-bench lineage [repetitions [source rows]]

            Measures duet against bare DuckDB. Example: make bench
            """
        )
    } else if CommandLine.arguments.dropFirst().first == "datasets" {
        let count = CommandLine.arguments.dropFirst(2).first.flatMap(Int.init) ?? 1000
        try DatasetsBenchmark(count: max(2, count), repetitions: 3).run()
    } else if CommandLine.arguments.dropFirst().first == "lineage" {
        let numbers = CommandLine.arguments.dropFirst(2).compactMap { Int($0) }
        try LineageBenchmark(repetitions: numbers.first ?? 5, rows: numbers.dropFirst().first ?? 10_000_000).run()
    } else {
        let repetitions = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 5
        try FlightsBenchmark(repetitions: repetitions).run()
    }
}
