import DuetPipeline
import Testing

@Suite struct SuggestionTests {
    @Test(arguments: [("flihgts", "flights"), ("Locaton", "location"), ("manifset", "manifest")])
    func `a mistyped name is recognised`(_ typed: String, _ meant: String) {
        #expect(Suggestion.nearest(to: typed, among: ["flights", "location", "manifest", "format"]) == meant)
    }

    @Test func `a name far from all others is not guessed at`() {
        #expect(Suggestion.nearest(to: "zebra", among: ["flights", "location"]) == nil)
    }
}
