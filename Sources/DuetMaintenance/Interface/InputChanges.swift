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

    /// Takes the changes as they are.
    public init(kinds: [String: ChangeKind], rows: [String: Int]) {
        self.kinds = kinds
        self.rows = rows
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
            guard let look = program.uses[input]?.look(at: kind) else { continue }
            switch look.finding(try ask(look.query), of: rows[input] ?? 0) {
            case .all: break
            case .nothing:
                sifted.kinds[input] = nil
                sifted.rows[input] = nil
                sifted.passedOver.append(input)
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
}
