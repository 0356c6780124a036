import Foundation

// Every figure is a ratio between two ways of doing the same work, measured in turn in one run of this program.
if CommandLine.arguments.dropFirst().first == RawSQL.argument {
    try RawSQL.runAsChild(Array(CommandLine.arguments.dropFirst(2)))
} else {
    let isHelp = CommandLine.arguments.contains { $0 == "--help" || $0 == "-h" }
    if isHelp {
        print(
            "usage: duet-bench [repetitions]\n       duet-bench datasets [count]\n"
                + "       duet-bench inference [repetitions]\n\n"
                + "Measures duet against bare DuckDB. Example: make bench"
        )
    } else if CommandLine.arguments.dropFirst().first == "datasets" {
        let count = CommandLine.arguments.dropFirst(2).first.flatMap(Int.init) ?? 1000
        try DatasetsBenchmark(count: max(2, count), repetitions: 3).run()
    } else if CommandLine.arguments.dropFirst().first == "inference" {
        try InferenceBenchmark(repetitions: CommandLine.arguments.dropFirst(2).first.flatMap(Int.init) ?? 3).run()
    } else {
        let repetitions = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 5
        try FlightsBenchmark(repetitions: repetitions).run()
    }
}
