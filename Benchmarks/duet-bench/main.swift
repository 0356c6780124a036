import DuetTPC
import Foundation

// Every figure is a ratio between two ways of doing the same work, measured in turn in one run of this program.
if CommandLine.arguments.dropFirst().first == RawSQL.argument {
    try RawSQL.runAsChild(Array(CommandLine.arguments.dropFirst(2)))
} else {
    let arguments = Array(CommandLine.arguments.dropFirst())
    func value(_ option: String) -> String? {
        guard let index = arguments.firstIndex(of: option), index + 1 < arguments.count else { return nil }
        return arguments[index + 1]
    }
    let rounds = max(1, value("--rounds").flatMap(Int.init) ?? 5)
    let scale = value("--scale").flatMap(Double.init)
    if arguments.contains("--help") || arguments.contains("-h") {
        print(
            """
            usage: duet-bench [flights|tpch] [--rounds N] [--scale S]
                   duet-bench datasets [count]
                   duet-bench fetch [--rounds N]      transfers against the curl command (scripts/setup servers)
                   duet-bench inference [--rounds N]  a model in a pipeline against a bare loop (scripts/setup models)
                   duet-bench tpch-data --scale S --folder F

            Measures duet against bare DuckDB; without a name, flights and tpch. --scale is TPC-H's scale factor (1).
            tpch-data writes the tables of TPC-H as Parquet files.
            Example: duet-bench tpch --scale 0.1
            """
        )
    } else {
        switch arguments.first.flatMap({ $0.hasPrefix("-") ? nil : $0 }) {
        case "flights": try FlightsBenchmark(repetitions: rounds).run()
        case "datasets":
            let count = arguments.dropFirst().first.flatMap(Int.init) ?? 1000
            try DatasetsBenchmark(count: max(2, count), repetitions: 3).run()
        case "fetch": try await FetchBenchmark(repetitions: rounds).run()
        case "inference": try InferenceBenchmark(repetitions: rounds).run()
        case "tpch": try TPCHBenchmark(scale: scale ?? 1, rounds: rounds).run()
        case "tpch-data": try TPCH.write(to: value("--folder") ?? "tpch", scale: scale ?? 0.01)
        case nil:
            try FlightsBenchmark(repetitions: rounds).run()
            try TPCHBenchmark(scale: scale ?? 1, rounds: rounds).run()
        case let name?: throw TPCError("there is no benchmark '\(name)'; see duet-bench --help")
        }
    }
}
