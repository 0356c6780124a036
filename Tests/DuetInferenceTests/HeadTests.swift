import DuetPipeline
import Foundation
import Testing

@testable import DuetInference

@Suite struct HeadTests {
    /// Three clouds of points, told apart by their first numbers, in an order that mixes them.
    private func rows() -> (vectors: [[Float]], labels: [String]) {
        var vectors: [[Float]] = []
        var labels: [String] = []
        for row in 0..<90 {
            let kind = row % 3
            let noise = Float((row * 37) % 11) / 40
            vectors.append([kind == 0 ? 1 : noise, kind == 1 ? 1 : noise, kind == 2 ? 1 : -noise, noise])
            labels.append(["a", "b", "c"][kind])
        }
        return (vectors, labels)
    }

    @Test func `a head learns what separates its labels, and the same rows give the same head`() throws {
        let (vectors, labels) = rows()
        let head = HeadTraining(vectors: vectors, labels: labels).head(encoder: "e")
        #expect(head.labels == ["a", "b", "c"])
        #expect(head.crossValidated > 0.95)
        for (vector, label) in zip(vectors, labels) {
            let scores = head.scores(vector)
            #expect(scores.indices.max { scores[$0] < scores[$1] }.map { head.labels[$0] } == label)
        }
        let again = HeadTraining(vectors: vectors, labels: labels).head(encoder: "e")
        #expect(again.version == head.version)
        let read = try Head(text: head.text, path: "h.json")
        #expect(read.version == head.version && read.scores(vectors[4]) == head.scores(vectors[4]))
    }

    @Test func `a head that was changed by hand is refused`() throws {
        let (vectors, labels) = rows()
        let head = HeadTraining(vectors: vectors, labels: labels).head(encoder: "e")
        let changed = head.text.replacingOccurrences(of: "\"a\"", with: "\"z\"")
        let error = #expect(throws: DuetError.self) { try Head(text: changed, path: "h.json") }
        #expect(error?.message.contains("not the one its version names") == true)
    }
}
