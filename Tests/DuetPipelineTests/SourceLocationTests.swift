import Testing

@testable import DuetPipeline

/// Where a byte stands in a file, whatever the lines are like.
@Suite struct SourceLocationTests {
    /// The place by the definition: count the line breaks, then the characters behind the last.
    private func counted(_ text: String, _ offset: Int) -> String {
        let before = String(decoding: Array(text.utf8)[..<offset], as: UTF8.self)
        let lines = before.split(separator: "\n", omittingEmptySubsequences: false)
        return "f:\(lines.count):\((lines.last?.count ?? 0) + 1)"
    }

    @Test(arguments: [
        String(repeating: "abcdefghij", count: 900), String(repeating: "aé日👩‍👩‍👧e\u{301} ", count: 400),
        "short\n" + String(repeating: "x", count: 3_000) + "\nüü" + String(repeating: "ö", count: 2_000) + "\nend",
    ])
    func `a place in a long line is the one that counting gives`(_ text: String) {
        let file = SourceFile(path: "f", text: text)
        var index = text.startIndex
        var number = 0
        while index < text.endIndex {
            let offset = text.utf8.distance(from: text.startIndex, to: index)
            if number % 37 == 0 || offset % 1_024 < 8 {
                #expect("\(file.location(at: offset))" == counted(text, offset))
            }
            text.formIndex(after: &index)
            number += 1
        }
    }

    @Test func `to find a place in a line of a megabyte a few of its bytes are read`() {
        let file = SourceFile(path: "f", text: String(repeating: #"{"name": "é", "n": 1},"#, count: 50_000))
        let read = stride(from: 0, to: file.bytes.count, by: 997).map { offset in
            offset - file.knownPlace(before: offset, lineStart: 0).offset
        }
        #expect(read.allSatisfy { (0..<1_100).contains($0) })
    }

    @Test func `only a line that can be read is shown`() {
        let file = SourceFile(path: "f", text: "one\n" + String(repeating: "x", count: 201))
        #expect(file.excerpt(ofLine: 1) == "one")
        #expect(file.excerpt(ofLine: 2) == nil)
        #expect(file.excerpt(ofLine: 3) == nil)
    }
}
