import DuetReport
import Testing

@Suite struct TextTests {
    @Test(arguments: [
        (0.0, "0"), (-1, "0"), (.nan, "0"), (.infinity, "0"), (0.000123, "0.000123"), (0.01234, "0.0123"),
        (0.5, "0.500"),
        (1.2345, "1.23"), (12.345, "12.3"), (123.45, "123"), (98765, "98765"),
    ])
    func `three digits count`(_ value: Double, _ text: String) {
        #expect(NumberText.significant(value) == text)
        #expect(NumberText.seconds(value) == "\(text) s")
    }

    @Test(arguments: [
        (1.005, 0, "1"), (2.5, 1, "2.5"), (-0.126, 2, "-0.13"), (1.999, 2, "2.00"), (0.05, 3, "0.050"), (0, 2, "0.00"),
    ])
    func `decimals are as many as asked for`(_ value: Double, _ digits: Int, _ text: String) {
        #expect(NumberText.decimals(value, digits) == text)
    }

    @Test(arguments: [
        (0, "0"), (999, "999"), (1000, "1,000"), (-1000, "-1,000"), (336_776, "336,776"),
        (1_000_000_000, "1,000,000,000"),
        (Int.min, "-9,223,372,036,854,775,808"),
    ])
    func `counts are grouped`(_ value: Int, _ text: String) {
        #expect(NumberText.count(value) == text)
    }

    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (31_140_000, "31.1 MB"), (2_500_000_000, "2.50 GB"),
        (7_000_000_000_000_000, "7000.0 TB"),
    ])
    func `bytes come in the unit that fits`(_ value: Int, _ text: String) {
        #expect(NumberText.bytes(value) == text)
    }

    @Test func `a table is aligned and has no space at its ends of line`() {
        let table = TextTable.text(
            header: ["name", "n"],
            rows: [["größe", "1"], ["x", "1000"], ["short"], ["a", "2", "too many"]],
            rightAligned: [1]
        )
        #expect(
            table == """
                name      n
                -----  ----
                größe     1
                x      1000
                short
                a         2
                """
        )
    }

    @Test func `a table without rows is its header`() {
        #expect(TextTable.text(header: ["a"], rows: []) == "a\n-")
    }

    @Test func `the median is the middle`() {
        #expect(Statistics.median([]) == 0)
        #expect(Statistics.median([3, 1, 2]) == 2)
        #expect(Statistics.median([4, 1, 2, 3]) == 2.5)
    }
}
