/// Texts that stand for labels when neither a head nor the pipeline says what they mean.
enum Prototypes {
    /// The labels that `ai_analyze_sentiment` answers with unless a head knows others.
    static let sentiment = ["positive", "negative", "neutral", "mixed"]

    private static let standard: [String: [String]] = [
        "positive": [
            "I love it, this is excellent.", "A wonderful experience, highly recommended.",
            "Great quality, I am very happy.", "The best I have seen, a delight.",
        ],
        "negative": [
            "I hate it, this is terrible.", "An awful experience, avoid it.",
            "Poor quality, I am very disappointed.", "The worst I have seen, a waste.",
        ],
        "neutral": [
            "It is a product of this kind.", "The meeting is on Tuesday at ten.",
            "This text states facts without any judgement.", "It was delivered in a box.",
        ],
        "mixed": [
            "Some parts are great, but others are terrible.", "I love the idea and hate how it was made.",
            "Good quality, yet far too expensive and slow.", "There is much to like and much to dislike.",
        ],
    ]

    /// The texts for a label.
    static func texts(for label: String) -> [String] {
        standard[label.lowercased()] ?? [label, "This text is about \(label).", "The topic is \(label)."]
    }
}
