public import DuetExpression
internal import DuetFactory
internal import Synchronization

/// An activity that is about to begin, and all it can see.
public struct DebugStop {
    /// The pipeline's name.
    public var pipeline: String
    /// Where it stands: the names of containers around it, with the iteration, and its own.
    public var path: String
    /// The activity's type.
    public var type: String
    /// The variables, secrets masked.
    public var variables: ExpressionObject
    /// The parameters, secrets masked.
    public var parameters: ExpressionObject
    /// What activities before it gave, as `activity('…')` has it, secrets masked; in no order.
    public var activities: ExpressionObject
    /// The loop's element; nil outside a loop.
    public var item: ExpressionValue?
    /// The value of an expression at this place, or why there is none.
    public var evaluate: (String) -> String
}

/// What is to happen at a stop.
public enum DebugAnswer: Sendable {
    /// Go on to the next breakpoint.
    case go
    /// Go on to the next activity.
    case step
    /// End the run.
    case quit
}

/// Stops runs at activities.
public protocol FactoryDebugger: Sendable {
    /// Whether to stop at an activity; its name or its path may be meant.
    func stops(at name: String, path: String) -> Bool
    /// Called on the run's thread, which waits for the answer.
    func answer(_ stop: DebugStop) -> DebugAnswer
}

/// A debugger with commands a line each, from a terminal or a script.
public final class CommandDebugger: FactoryDebugger {
    private let names: Set<String>
    private let read: @Sendable () -> String?
    private let write: @Sendable (String) -> Void
    private let ask: (@Sendable (String) throws -> String)?
    private let isStepping: Mutex<Bool>

    /// Creates a debugger.
    ///
    /// - Parameters:
    ///   - names: The activities to stop at; case does not count, and `*` is the first one that comes.
    ///   - read: Gives the next command; nil at the end of a script, which lets the run go on to its end.
    ///   - write: Shows an answer.
    ///   - ask: Answers a SELECT over the warehouse; nil when there is none to ask.
    public init(
        _ names: [String],
        read: @escaping @Sendable () -> String?,
        write: @escaping @Sendable (String) -> Void,
        ask: (@Sendable (String) throws -> String)? = nil
    ) {
        self.ask = ask
        isStepping = Mutex(names.contains("*"))
        self.names = Set(names.map { $0.lowercased() })
        self.read = read
        self.write = write
    }

    /// Whether the activity is one of the names, or every activity is.
    public func stops(at name: String, path: String) -> Bool {
        names.contains(name.lowercased()) || names.contains(path.lowercased()) || isStepping.withLock { $0 }
    }

    /// The commands, as `help` shows them.
    public static let help = """
        c, continue        go on to the next breakpoint
        n, next            go on to the next activity
        v, variables       show variables
        p, parameters      show parameters
        o, outputs [NAME]  show what activities gave, or one of them
        e, eval TEXT       evaluate an expression here, such as @variables('x')
        t, table NAME      show the first rows of a table
        s, sql SELECT      ask the warehouse
        q, quit            end the run
        """

    /// Reads and answers commands until one lets the run go on.
    public func answer(_ stop: DebugStop) -> DebugAnswer {
        isStepping.withLock { $0 = false }
        write("stopped before \(stop.pipeline)/\(stop.path) (\(stop.type))")
        if let item = stop.item { write("  item() = \(item.json)") }
        show(stop.variables)
        while let line = read() {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            let rest = words.count > 1 ? words[1] : ""
            switch words.first ?? "" {
            case "c", "continue": return .go
            case "n", "next":
                isStepping.withLock { $0 = true }
                return .step
            case "q", "quit": return .quit
            case "v", "variables": show(stop.variables)
            case "p", "parameters": show(stop.parameters)
            case "o", "outputs":
                if rest.isEmpty {
                    show(stop.activities)
                } else if let found = stop.activities.value(ignoringCase: rest) {
                    write("  \(found.json)")
                } else {
                    write("  no activity '\(rest)' has run before this point")
                }
            case "t", "table": look("SELECT * FROM \(rest) LIMIT 10")
            case "s", "sql": look(rest)
            case "e", "eval": write("  \(stop.evaluate(rest))")
            case "": break
            default: write(Self.help)
            }
        }
        return .go
    }

    /// Shows what the warehouse holds as activities have left it.
    private func look(_ sql: String) {
        guard let ask else { return write("  there is no warehouse to ask") }
        do {
            write(try ask(sql))
        } catch {
            // A wrong question is told, and the next command is read.
            write("  \(error)")
        }
    }

    private func show(_ object: ExpressionObject) {
        if object.isEmpty { write("  none") }
        for (name, value) in zip(object.names, object.values) { write("  \(name) = \(value.json)") }
    }
}

extension ActivityExecution {
    /// Stops here when somebody asked for it; false when the run is to end.
    func passesBreakpoint() -> Bool {
        guard let debugger = run.host.debugger, debugger.stops(at: definition.name, path: path) else { return true }
        let redactor = run.recorder.redactor
        var activities = ExpressionObject()
        for name in context.activityNames {
            if let value = context.activity(named: name) { activities[name] = redactor.scrub(value) }
        }
        let variables = state.variables.values.sorted { $0.name < $1.name }
            .map { ($0.name, redactor.scrub($0.value)) }
        let context = context
        let answer = debugger.answer(
            DebugStop(
                pipeline: run.pipeline.name,
                path: path,
                type: definition.type,
                variables: ExpressionObject(variables),
                parameters: run.recorder.shown(state.parameters, declared: run.pipeline.parameters),
                activities: activities,
                item: context.item.map(redactor.scrub),
                evaluate: { text in
                    do throws(ExpressionError) {
                        return redactor.scrub(try Expression(parsing: text).evaluate(in: context)).json
                    } catch {
                        return redactor.scrub("\(error.message)" + (error.hint.map { " (\($0))" } ?? ""))
                    }
                }
            )
        )
        return answer != .quit
    }
}
