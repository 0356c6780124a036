import DuetTPC
import Foundation

// Every figure is a ratio between two ways of doing the same work, measured in turn in one run of this program.
let arguments = Array(CommandLine.arguments.dropFirst())
/// The value after an option.
func value(_ option: String) -> String? {
    guard let index = arguments.firstIndex(of: option), index + 1 < arguments.count else { return nil }
    return arguments[index + 1]
}

let rounds = max(1, value("--rounds").flatMap(Int.init) ?? 5)
let scale = value("--scale").flatMap(Double.init) ?? 1
// What follows an option belongs to it.
let numbers = arguments.indices.dropFirst().filter { !arguments[$0 - 1].hasPrefix("--") }.compactMap {
    Int(arguments[$0])
}

if arguments.contains("--help") || arguments.contains("-h") {
    print(
        """
        usage: duet-bench [NAME] [--rounds N] [--scale S]

          flights               the flights pipeline against bare DuckDB
          tpch                  22 views under changes, against recomputing them; --scale is TPC-H's scale factor (1),
                                --views Q1,Q6 keeps only these, --statements prints each statement with its CPU time,
                                --record docs/benchmarks.md puts the table into that document
          datasets [COUNT]      a pipeline of very many datasets
          activities            the interpreter of activities and expressions
          fetch [ROUNDS] [--megabytes N] [--files N]
                                transfers against the curl command (scripts/setup servers)
          inference [ROUNDS] [--texts N] [--rows N] [--questions N]
                                models against a bare loop over the same model (scripts/setup models llm)
          lineage [ROUNDS [SOURCE ROWS]]
          equality [ROWS]       the proof of equality against EXCEPT ALL
          tpch-data --scale S --folder F   writes the tables of TPC-H as Parquet files

        Without a name: flights and tpch. Example: duet-bench tpch --scale 0.1
        """
    )
    exit(0)
}
if arguments.first != RawSQL.argument, let fault = ArgumentCheck.fault(in: arguments) {
    FileHandle.standardError.write(Data("error: \(fault); see duet-bench --help\n".utf8))
    exit(2)
}
do {
    if arguments.first == RawSQL.argument {
        try RawSQL.runAsChild(Array(arguments.dropFirst()))
    } else {
        try await runBenchmarks()
    }
} catch {
    // Left to itself, Swift would print where it was thrown and a backtrace.
    let text = "\(error)"
    FileHandle.standardError.write(Data((text.hasPrefix("error") ? text : "error: \(text)").utf8 + [10]))
    exit(1)
}

func runBenchmarks() async throws {
    switch arguments.first.flatMap({ $0.hasPrefix("-") ? nil : $0 }) {
    case "flights": try FlightsBenchmark(repetitions: rounds).run()
    case "tpch":
        let only = Set((value("--views") ?? "").split(separator: ",").map(String.init))
        try TPCHBenchmark(
            scale: scale,
            rounds: rounds,
            only: only,
            showsStatements: arguments.contains("--statements"),
            record: value("--record")
        ).run()
    case "tpch-data": try TPCH.write(to: value("--folder") ?? "tpch", scale: value("--scale") == nil ? 0.01 : scale)
    case "datasets": try DatasetsBenchmark(count: max(2, numbers.first ?? 1000), repetitions: 3).run()
    case "equality": try EqualityBenchmark(rows: numbers.first ?? 10_000_000).run()
    case "lineage":
        try LineageBenchmark(repetitions: numbers.first ?? 5, rows: numbers.dropFirst().first ?? 10_000_000).run()
    case "fetch":
        try await FetchBenchmark(
            repetitions: numbers.first ?? 5,
            megabytes: value("--megabytes").flatMap(Int.init) ?? 1024,
            files: value("--files").flatMap(Int.init) ?? 5000
        ).run()
    case "inference":
        try await InferenceBenchmark(
            repetitions: numbers.first ?? 3,
            texts: value("--texts").flatMap(Int.init) ?? 2400,
            rows: value("--rows").flatMap(Int.init) ?? 50_000,
            questions: value("--questions").flatMap(Int.init) ?? 40
        ).run()
    case "activities": try ActivitiesBenchmark().run()
    case nil:
        try FlightsBenchmark(repetitions: rounds).run()
        try TPCHBenchmark(scale: scale, rounds: rounds).run()
    case let name?:
        throw BenchmarkError("there is no benchmark '\(name)'; see duet-bench --help")
    }
}
