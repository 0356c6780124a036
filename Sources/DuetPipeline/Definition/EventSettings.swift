/// What pipeline.yml says under `events`: how long events are kept, and who else is told of them.
public struct EventSettings: Sendable, Hashable {
    /// Days after which a run's events leave the warehouse; nil for never.
    public var keepDays: Int? = 365
    /// The most runs whose events the warehouse keeps; nil for all.
    public var keepRuns: Int? = 10_000
    /// Where runs are told as OpenLineage while they go: addresses, or files relative to the current folder.
    public var openLineage: [String] = []

    /// What holds where nothing is said.
    public init() {}

    init(_ value: YAMLValue, _ parameters: Parameters) throws(DuetError) {
        for (key, value) in try value.mapping("events", known: ["keep_days", "keep_runs", "openlineage"]) {
            switch key {
            case "keep_days": keepDays = try Self.count(value, key)
            case "keep_runs": keepRuns = try Self.count(value, key)
            default:
                let places = value.isSequence ? try value.sequence(key) : [value]
                for place in places {
                    let location = place.location
                    openLineage.append(try parameters.fill(try place.string(key)) { _ in location })
                }
            }
        }
    }

    /// A number from 1, or `all`.
    private static func count(_ value: YAMLValue, _ key: String) throws(DuetError) -> Int? {
        let text = try value.string(key)
        if text == "all" { return nil }
        guard let number = Int(text), number > 0 else {
            throw value.error(
                .wrongValue,
                "\(key) must be a whole number from 1, or all; found '\(text)'",
                hint: "write for example: \(key): 30"
            )
        }
        return number
    }
}
