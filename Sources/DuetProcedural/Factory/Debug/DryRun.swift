public import DuetExpression
public import DuetFactory

/// A run that evaluates expressions and moves no data.
///
/// Activities that only read (Lookup, GetMetadata) do so; any other gives what it gave in the last run, or else an answer
/// of the service's shape without content. Waits take no time.
public enum DryRun {
    /// Handlers that change nothing.
    ///
    /// - Parameters:
    ///   - handlers: The real ones.
    ///   - recorded: What activities gave in an earlier run, by name in lower case.
    /// - Returns: A handler for each of the given ones.
    public static func handlers(
        _ handlers: [ActivityKind: any ActivityHandler],
        recorded: [String: ExpressionValue] = [:]
    ) -> [ActivityKind: any ActivityHandler] {
        var dry: [ActivityKind: any ActivityHandler] = [:]
        for (kind, handler) in handlers {
            let reads = kind == .lookup || kind == .getMetadata
            dry[kind] = DryHandler(real: reads ? handler : nil, recorded: recorded)
        }
        return dry
    }
}

private struct DryHandler: ActivityHandler {
    let real: (any ActivityHandler)?
    let recorded: [String: ExpressionValue]

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        if let real, case .succeeded(let output) = real.perform(call) { return .succeeded(output) }
        if let output = recorded[call.activity.name.lowercased()], !output.isNull { return .succeeded(output) }
        return .succeeded(Self.sample(call))
    }

    private static func sample(_ call: ActivityCall) -> ExpressionValue {
        switch call.activity.kind {
        case .copy:
            [
                "dataRead": 0, "dataWritten": 0, "filesRead": 0, "filesWritten": 0, "rowsRead": 0, "rowsCopied": 0,
                "copyDuration": 0, "throughput": 0.0, "errors": [],
            ]
        case .lookup:
            LookupHandler.flag(call["firstRowOnly"]) ?? true
                ? ["firstRow": .object(ExpressionObject())] : ["count": 0, "value": []]
        case .getMetadata: ["exists": false, "childItems": []]
        case .script: ["resultSetCount": 0, "recordsAffected": 0, "resultSets": []]
        case .delete: ["filesDeleted": 0]
        case .executeDataFlow: ["runStatus": ["metrics": .object(ExpressionObject())]]
        case .validation: ["exists": true]
        case let kind where kind?.isCommand == true: ["runOutput": "", "exitcode": 0]
        default: .object(ExpressionObject())
        }
    }
}
