import DuckKit
import DuetEngine
import DuetEvents
import DuetPipeline

/// What the activities of a data factory's runs have written, in order, as the event log tells.
struct FactoryHistory {
    /// Something done to the rows of one place.
    struct Write {
        /// When, among all writes; later ones have greater numbers.
        var position: Int
        /// The positions between which the activity was at work.
        var span: ClosedRange<Int>
        /// The activity's event.
        var event: Int
        /// The activity, as `pipeline/activity`.
        var activity: String
        /// When it ended, in UTC.
        var time: String
        /// `schema.table`, or a file's path, in lower case for tables.
        var place: String
        var effect: Movement.Effect
        /// How the rows follow from others; nil where nothing tells.
        var recipe: Recipe?
        /// What it reads, for columns alone: places that no recipe names.
        var inputs: [Movement.Place]
    }

    private(set) var writes: [Write] = []
    /// Activities that may have written something that is not told, with the reason, by position.
    private(set) var hidden: [(position: Int, activity: String, reason: String)] = []
    private var byPlace: [String: [Int]] = [:]

    /// More statements than one activity has.
    private static let stride = 10_000

    /// Reads the log.
    ///
    /// - Parameter connection: A connection that has the events attached as `events`.
    /// - Throws: ``DuckDBError`` when they cannot be read.
    init(_ connection: Connection) throws {
        let rows = try connection.rows(
            """
            SELECT origin.run_id, origin.step, event_type, strftime(timestamp, '%Y-%m-%d %H:%M:%S'), details->>'movement'
            FROM events WHERE event_type = 'step_started' OR (details->'movement') IS NOT NULL
            ORDER BY min(timestamp) OVER (PARTITION BY origin.run_id), origin.run_id, sequence
            """
        )
        var starts: [String: Int] = [:]
        for (event, row) in rows.enumerated() {
            let step = row[1].string ?? ""
            let key = "\(row[0].string ?? "") \(step)"
            guard row[2].string != "step_started" else {
                starts[key] = event
                continue
            }
            // Of turns of a loop that run at once only the first is told to begin.
            let start = starts.removeValue(forKey: key) ?? event
            guard let text = row[4].string, let movement = Movement(json: try JSONValue(parsing: text)) else {
                continue
            }
            let first = event * Self.stride
            if let reason = movement.hidden { hidden.append((first, step, reason)) }
            for (index, output) in movement.outputs.enumerated() {
                guard let effect = output.effect else { continue }
                let write = Write(
                    position: first + index,
                    span: (start * Self.stride)...(first + Self.stride - 1),
                    event: event,
                    activity: step,
                    time: row[3].string ?? "",
                    place: Self.key(output.place),
                    effect: effect,
                    recipe: output.recipe ?? Self.recipe(output),
                    inputs: movement.inputs
                )
                byPlace[write.place, default: []].append(writes.count)
                writes.append(write)
            }
        }
    }

    private static func key(_ place: Movement.Place) -> String {
        place.namespace.isEmpty ? place.name.lowercased() : place.name
    }

    /// The recipe of a statement's rows.
    private static func recipe(_ output: Movement.Output) -> Recipe? {
        guard let query = output.query, output.effect == .append || output.effect == .replace else { return nil }
        var recipe = Recipe(query: query, schema: output.schema)
        recipe.columns = output.columns.map(\.name)
        return recipe
    }

    /// What was written to a place before a position, back to where it had no other rows; the newest first.
    func writers(of place: String, before position: Int) -> [Write] {
        var found: [Write] = []
        for index in (byPlace[place] ?? []).reversed() where writes[index].position < position {
            let write = writes[index]
            if write.effect == .clear { break }
            found.append(write)
            if write.effect == .replace { break }
        }
        return found
    }

    /// What was written to a place after a reader had begun, other than by statements of its own before it.
    func later(_ place: String, than reader: Write) -> Write? {
        for index in byPlace[place] ?? [] {
            let write = writes[index]
            if write.event == reader.event ? write.position >= reader.position : write.position > reader.span.lowerBound
            {
                return write
            }
        }
        return nil
    }

    /// What was written to a place while a reader was at work, so that nobody knows whether it was read.
    func meanwhile(_ place: String, _ reader: Write) -> Write? {
        (byPlace[place] ?? []).map { writes[$0] }.first {
            $0.event != reader.event && $0.span.overlaps(reader.span) && $0.effect != .append
        }
    }

    /// Whether anything is known to have been written to a place.
    func knows(_ place: String) -> Bool { byPlace[place] != nil }
}
