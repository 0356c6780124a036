import Foundation

// Every figure is a ratio between two ways of doing the same work, measured in turn in one run of this program.
if CommandLine.arguments.dropFirst().first == RawSQL.argument {
    try RawSQL.runAsChild(Array(CommandLine.arguments.dropFirst(2)))
} else {
    let arguments = CommandLine.arguments.dropFirst()
    let isHelp = CommandLine.arguments.contains { $0 == "--help" || $0 == "-h" }
    if isHelp {
        print(
            """
            usage: duet-bench [repetitions]          duet against bare DuckDB
                   duet-bench datasets [count]       a pipeline of many datasets
                   duet-bench fetch [repetitions]    transfers against the curl command (scripts/setup servers)

            Example: make bench
            """
        )
    } else if arguments.first == "datasets" {
        let count = arguments.dropFirst().first.flatMap(Int.init) ?? 1000
        try DatasetsBenchmark(count: max(2, count), repetitions: 3).run()
    } else if arguments.first == "fetch" {
        try await FetchBenchmark(repetitions: arguments.dropFirst().first.flatMap(Int.init) ?? 5).run()
    } else {
        let repetitions = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 5
        try FlightsBenchmark(repetitions: repetitions).run()
    }
}
