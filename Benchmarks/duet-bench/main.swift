import Foundation

// Every figure is a ratio between two ways of doing the same work, measured in turn in one run of this program.
if CommandLine.arguments.dropFirst().first == RawSQL.argument {
    try RawSQL.runAsChild(Array(CommandLine.arguments.dropFirst(2)))
} else {
    let isHelp = CommandLine.arguments.contains { $0 == "--help" || $0 == "-h" }
    if isHelp {
        print(
            """
            usage: duet-bench [repetitions]        duet against bare DuckDB
                   duet-bench datasets [count]     a graph of very many datasets
                   duet-bench equality [rows]      the proof of equality against EXCEPT ALL; 10,000,000 rows unless given

            Example: make bench
            """
        )
    } else if CommandLine.arguments.dropFirst().first == "equality" {
        let rows = CommandLine.arguments.dropFirst(2).first.flatMap(Int.init) ?? 10_000_000
        try EqualityBenchmark(rows: rows).run()
    } else if CommandLine.arguments.dropFirst().first == "datasets" {
        let count = CommandLine.arguments.dropFirst(2).first.flatMap(Int.init) ?? 1000
        try DatasetsBenchmark(count: max(2, count), repetitions: 3).run()
    } else {
        let repetitions = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 5
        try FlightsBenchmark(repetitions: repetitions).run()
    }
}
