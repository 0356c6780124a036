import DuetPipeline
import Testing

@testable import DuetInference

/// Needs `scripts/setup models`.
@Suite struct EncoderTests {
    private let texts = [
        "I love this film", "A dull, endless mess.", "naïve café — 東京 is big 🙂!", "ok", "",
        "The plot moves along at a pace that never lets you go, and the actors seem to enjoy every minute of it.",
    ]

    @Test(arguments: ["minilm", "e5-small"])
    func `a text's vector does not depend on what else is in its batch`(_ name: String) throws {
        let encoder = try ModelFolder().encoder(name)
        let prepared = texts.map { encoder.prepare($0, limit: encoder.maximumTokens) }
        let together = try encoder.encode(prepared)
        for (text, vector) in zip(prepared, together) {
            #expect(try encoder.encode([text]) == [vector])
            #expect(abs(Vector.dot(vector, vector) - 1) < 1e-4)
        }
    }

    @Test(arguments: ["minilm", "e5-small"])
    func `texts of like meaning lie closer than others`(_ name: String) throws {
        let encoder = try ModelFolder().encoder(name)
        let vectors = try encoder.encode(
            ["The film was wonderful.", "What a great movie!", "The invoice is due on Friday."].map {
                encoder.prepare($0, limit: encoder.maximumTokens)
            }
        )
        #expect(Vector.dot(vectors[0], vectors[1]) > Vector.dot(vectors[0], vectors[2]))
    }

    @Test func `words are cut into the pieces that BERT's own tokenizer cuts them into`() throws {
        let vocabulary = try WordPiece(
            vocabulary: ["[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", ",", "cafe", "東", "!", "runn", "##ing"]
                .joined(separator: "\n")
        )
        #expect(vocabulary.tokens("Unaffable, CAFÉ 東!") == [3, 4, 5, 6, 7, 8, 9])
        #expect(vocabulary.tokens("running\u{0}\t\n xyz") == [10, 11, 0])
        #expect(vocabulary.tokens(String(repeating: "a", count: 101)) == [0])
        #expect(vocabulary.tokens("").isEmpty)
    }

    @Test func `an encoder that is not there is told with what to do`() {
        let error = #expect(throws: DuetError.self) { try ModelFolder().encoder("gpt-17") }
        #expect(error?.code == .modelMissing)
        #expect(error?.hint?.contains("scripts/setup models") == true)
    }
}
