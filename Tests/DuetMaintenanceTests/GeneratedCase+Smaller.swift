import DuetMaintenance

/// Making a failing case smaller by its parts, once the choices that it was made from give nothing more.
extension GeneratedCase {
    /// The case with one thing less, in every way there is.
    private var smaller: [GeneratedCase] {
        var cases: [GeneratedCase] = []
        func add(_ change: (inout GeneratedCase) -> Void) {
            var copy = self
            change(&copy)
            if copy.isPossible { cases.append(copy) }
        }
        for index in updates.indices { add { $0.updates.remove(at: index) } }
        for table in tables {
            let name = table.name
            if !query.contains("\(name) ") {
                add { $0.drop(table: name) }
                continue
            }
            for row in Set((start[name] ?? []).map(\.row)).sorted() {
                // Without what takes it away, or with it where an equal row stays.
                add { $0.drop(row: row, of: name, withChange: true) }
                add { $0.drop(row: row, of: name, withChange: false) }
            }
            for update in updates.indices {
                for entry in (updates[update][name] ?? []).indices {
                    add { $0.updates[update][name]?.remove(at: entry) }
                }
            }
            for (position, column) in table.columns.enumerated()
            where table.columns.count > 1 && !query.contains(".\(column.name)") {
                add { $0.drop(column: position, of: name) }
            }
        }
        return cases
    }

    /// Makes the case smaller while it keeps failing.
    ///
    /// - Parameters:
    ///   - budget: How many attempts to make.
    ///   - fails: Whether a case fails.
    /// - Returns: A case that fails, and from which nothing more can be left out if the budget was enough.
    func smallest(budget: Int, fails: (GeneratedCase) -> Bool) -> GeneratedCase {
        var best = self
        var attempts = 0
        while let next = best.smaller.first(where: {
            attempts += 1
            return attempts <= budget && fails($0)
        }) {
            best = next
        }
        return best
    }

    /// Whether no row is taken away that is not there, and no key is there twice.
    private var isPossible: Bool {
        for table in tables {
            var counts: [String: Int] = [:]
            for rows in [start] + updates {
                for (row, weight) in rows[table.name] ?? [] { counts[row, default: 0] += weight }
                if counts.values.contains(where: { $0 < 0 }) { return false }
                guard let key = table.uniqueKey, table.columns.first?.name == key else { continue }
                let keys = counts.flatMap { Array(repeating: Self.key($0.key), count: $0.value) }
                if Set(keys).count < keys.count { return false }
            }
        }
        return true
    }

    private mutating func drop(table: String) {
        tables.removeAll { $0.name == table }
        start[table] = nil
        for index in updates.indices { updates[index][table] = nil }
    }

    /// Takes one of equal rows away, and what first takes it away if that is wanted.
    private mutating func drop(row: String, of table: String, withChange: Bool) {
        guard let index = start[table]?.firstIndex(where: { $0.row == row }) else { return }
        start[table]?.remove(at: index)
        for update in updates.indices where withChange {
            guard let entry = updates[update][table]?.firstIndex(where: { $0.row == row && $0.weight < 0 }) else {
                continue
            }
            updates[update][table]?.remove(at: entry)
            return
        }
    }

    private mutating func drop(column: Int, of table: String) {
        guard let index = tables.firstIndex(where: { $0.name == table }) else { return }
        tables[index].columns.remove(at: column)
        func without(_ rows: [(row: String, weight: Int)]?) -> [(row: String, weight: Int)]? {
            rows?.map { entry in
                // Generated values have no commas in them.
                var values = entry.row.split(separator: ", ").map(String.init)
                values.remove(at: column)
                return (values.joined(separator: ", "), entry.weight)
            }
        }
        start[table] = without(start[table])
        for update in updates.indices { updates[update][table] = without(updates[update][table]) }
    }
}
