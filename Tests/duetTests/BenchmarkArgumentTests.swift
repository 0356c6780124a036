import DuetTestSupport
import Testing

/// What `duet-bench` does with arguments that it does not know: each of its runs takes minutes.
@Suite struct BenchmarkArgumentTests {
    static let slips: [([String], String)] = [
        (["tpch", "--view", "Q1"], "the benchmark 'tpch' has no option '--view', only --record, --rounds"),
        (["tpch", "--rounds", "five"], "--rounds wants a number from 1 on, not 'five'"),
        (["tpch", "--scale"], "a value is missing behind --scale"),
        (["tpch", "Q1"], "the benchmark 'tpch' takes no 'Q1'"),
        (["--scale", "0"], "--scale wants a number above 0, not '0'"),
        (["flights", "--scale", "1"], "the benchmark 'flights' has no option '--scale'"),
        (["tpch-data", "--rounds", "1"], "the benchmark 'tpch-data' has no option '--rounds'"),
        (["datasets", "10", "20"], "the benchmark 'datasets' takes no '20'"),
        (["datasets", "--rounds", "3"], "the benchmark 'datasets' has no option '--rounds', and no others"),
        (["activities", "1"], "the benchmark 'activities' takes no '1'"),
        (["fetch", "--files", "0"], "--files wants a number from 1 on, not '0'"),
        (["inference", "--models", "x"], "the benchmark 'inference' has no option '--models'"),
        (["lineage", "1", "2", "3"], "the benchmark 'lineage' takes no '3'"),
        (["equality", "--rows", "5"], "the benchmark 'equality' has no option '--rows'"),
        (["tcph"], "there is no benchmark 'tcph', only activities, datasets"),
    ]

    @Test(arguments: slips)
    func `an argument that a benchmark does not know is told, and nothing is run`(
        _ words: [String],
        _ told: String
    )
        async throws
    {
        let result = try await BuiltCommand("duet-bench").run(words, in: TemporaryFolder())
        #expect(result.status == 2)
        #expect(result.output.isEmpty)
        #expect(result.errors.hasPrefix("error: \(told)"), "\(result.errors)")
    }
}
