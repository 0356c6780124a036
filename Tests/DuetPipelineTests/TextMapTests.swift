import DuetPipeline
import DuetTestSupport
import Testing

/// Places in texts: lines, columns, and text made from other text.
@Suite struct TextMapTests {
    @Test func `a place is a line and a column in characters`() {
        let file = SourceFile(path: "f", text: "ab\nçd🎈e\r\n\nx")
        let place = { (offset: Int) in "\(file.location(at: offset))" }
        #expect(place(0) == "f:1:1")
        #expect(place(2) == "f:1:3")
        #expect(place(3) == "f:2:1")
        #expect(place(5) == "f:2:2")
        #expect(place(10) == "f:2:4")
        #expect(place(13) == "f:3:1")
        #expect(place(14) == "f:4:1")
        #expect(place(99) == "f:4:2")
        #expect(place(-5) == "f:1:1")
        #expect([0, 1, 3, 4, 5].map { file.line($0) } == ["", "ab", "", "x", ""])
    }

    @Test func `an empty file has one line`() {
        let file = SourceFile(path: "f", text: "")
        #expect("\(file.location(at: 0))" == "f:1:1")
        #expect(file.line(1).isEmpty)
    }

    @Test func `every byte of a made text leads back to where it came from`() {
        var random = SeededGenerator(seed: TestSeed.announced(for: "text map"))
        let source = String((0..<200).map { _ in "ab\n".randomElement(using: &random) ?? "a" })
        let file = SourceFile(path: "f", text: source)
        for _ in 0..<100 {
            var map = MappedText(file: file)
            var origins: [Int] = []
            var position = 0
            while position < 200 {
                let end = min(200, position + Int.random(in: 0...20, using: &random))
                if Bool.random(using: &random) {
                    map.copy(position..<end)
                    origins += Array(position..<end)
                } else {
                    let inserted = String(repeating: "é", count: Int.random(in: 0...5, using: &random))
                    map.insert(inserted, for: position)
                    origins += Array(repeating: position, count: inserted.utf8.count)
                }
                position = end
            }
            #expect(map.text.utf8.count == origins.count)
            for (offset, origin) in origins.enumerated() { #expect(map.origin(of: offset) == origin) }
        }
    }

    @Test func `the caret of an error stands under its character, tabs included`() {
        let file = SourceFile(path: "f", text: "\ta\tb c")
        let location = file.location(at: 3)
        let error = DuetError(.sqlSyntax, "no", at: location, excerpt: file.line(1))
        #expect(error.description == "f:1:4: error[SQL_SYNTAX]: no\n    \ta\tb c\n    \t \t^")
    }
}
