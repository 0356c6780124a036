import Foundation

// Every figure is a ratio between two ways of doing the same work, measured in turn in one run of this program.
if CommandLine.arguments.dropFirst().first == RawSQL.argument {
    try RawSQL.runAsChild(Array(CommandLine.arguments.dropFirst(2)))
} else {
    let isHelp = CommandLine.arguments.contains { $0 == "--help" || $0 == "-h" }
    if isHelp {
        print("usage: duet-bench [repetitions | activities]\n\nMeasures duet against bare DuckDB. Example: make bench")
    } else if CommandLine.arguments.dropFirst().first == "activities" {
        try ActivitiesBenchmark().run()
    } else {
        let repetitions = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 5
        try FlightsBenchmark(repetitions: repetitions).run()
    }
}
