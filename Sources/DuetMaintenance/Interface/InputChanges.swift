/// What has changed in a view's inputs in one update.
public struct InputChanges: Sendable {
    /// The kind of each input's change, by the input's name; an input that did not change is missing.
    public private(set) var kinds: [String: ChangeKind]
    /// The entries of each change.
    public private(set) var rows: [String: Int]
    /// Tables that stand for changes, for `NodeProgram.change(changedInputs:needsDelta:stateRows:deltas:)`.
    public private(set) var deltas: [String: String] = [:]
    /// Statements that drop these tables.
    public private(set) var cleanup: [String] = []
    /// Inputs that have changed in nothing that the view reads.
    public private(set) var passedOver: [String] = []
    /// What is known of these changes; `sift` uses it and adds what it finds.
    public var known = KnownLooks()
    /// What tells each change from others in `known`, by the input's name; none is shared where it is missing.
    private let identities: [String: String]

    /// Takes the changes as they are.
    ///
    /// - Parameters:
    ///   - kinds: The kind of each input's change.
    ///   - rows: The entries of each.
    ///   - identities: A text for each input whose change other views see as well, the same for all of them.
    public init(kinds: [String: ChangeKind], rows: [String: Int], identities: [String: String] = [:]) {
        self.kinds = kinds
        self.rows = rows
        self.identities = identities
    }

    /// Leaves out what does not concern a view.
    ///
    /// - Parameters:
    ///   - program: The view.
    ///   - ask: Runs a query and gives the integers of its one row.
    ///   - run: Runs a statement.
    /// - Throws: What the closures throw; the changes are then as they were.
    public mutating func sift<Failure: Error>(
        for program: ViewProgram,
        ask: (String) throws(Failure) -> [Int?],
        run: (String) throws(Failure) -> Void
    ) throws(Failure) {
        var sifted = self
        for (input, kind) in kinds.sorted(by: { $0.key < $1.key }) {
            guard let use = program.uses[input] else { continue }
            let identity = identities[input]
            if let identity, sifted.known.isUnchanged(use.read, in: identity) {
                sifted.passOver(input)
                continue
            }
            guard let look = use.look(at: kind) else { continue }
            let row = try ask(look.query)
            if let identity, look.findsNothingLeft(row) { sifted.known.add(use.read, of: identity) }
            switch look.finding(row, of: rows[input] ?? 0) {
            case .all: break
            case .nothing: sifted.passOver(input)
            case .part(let kind, let left):
                try run(look.keep)
                sifted.kinds[input] = kind
                sifted.rows[input] = left
                sifted.deltas[input] = look.table
                sifted.cleanup.append(look.cleanup)
            }
        }
        self = sifted
    }

    private mutating func passOver(_ input: String) {
        kinds[input] = nil
        rows[input] = nil
        passedOver.append(input)
    }
}
