public import DuetExpression
public import DuetFactory

/// A run that evaluates expressions and moves no data.
///
/// Activities that only read (Lookup, GetMetadata) do so where they can; any other gives what it gave in the last run, or
/// else values that are unknown until it is run, of the types the service's have. Waits take no time.
public enum DryRun {
    /// Handlers that change nothing, for a runner with ``FactoryRunner/isDry`` set.
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
        // What is to be read must be known; and it may be made by an activity before, which has not been run.
        if let real, !call.containsUnknown, case .succeeded(let output) = real.perform(call) {
            return .succeeded(output)
        }
        if let output = recorded[call.activity.name.lowercased()], !output.isNull { return .succeeded(output) }
        return .succeeded(Self.sample(call))
    }

    /// An output of the service's shape whose values are unknown.
    private static func sample(_ call: ActivityCall) -> ExpressionValue {
        let path = "activity('\(call.activity.name)').output"
        let members: [(type: String, names: String)] =
            switch call.activity.kind {
            case .copy:
                [
                    (
                        "Integer",
                        """
                        dataRead dataWritten filesRead filesWritten rowsRead rowsCopied rowsSkipped copyDuration \
                        usedDataIntegrationUnits usedParallelCopies
                        """
                    ), ("Float", "throughput"), ("Array", "errors"), ("String", "logFilePath"),
                ]
            case .lookup:
                LookupHandler.flag(call["firstRowOnly"]) ?? true
                    ? [("Object", "firstRow")] : [("Integer", "count"), ("Array", "value")]
            case .getMetadata:
                [
                    ("Boolean", "exists"), ("Array", "childItems structure"), ("Integer", "size columnCount"),
                    ("String", "itemName itemType lastModified created contentMD5"),
                ]
            case .script: [("Integer", "resultSetCount recordsAffected"), ("Array", "resultSets")]
            case .delete: [("Integer", "filesDeleted"), ("String", "logPath")]
            case .executeDataFlow: [("Object", "runStatus")]
            case .validation: [("Boolean", "exists"), ("Integer", "size"), ("Array", "childItems")]
            case let kind where kind?.isCommand == true: [("Integer", "exitcode")]
            default: []
            }
        let known = members.flatMap { type, names in
            names.split(separator: " ").map { name in
                (String(name), ExpressionValue.unknown(UnknownValue("\(path).\(name)", type: type)))
            }
        }
        return .unknown(UnknownValue(path, type: "Object", members: ExpressionObject(known)))
    }
}

extension ActivityCall {
    /// Whether anything the activity would work on is unknown.
    fileprivate var containsUnknown: Bool {
        let services = ([linkedService] + (inputs + outputs).map(\.linkedService)).compactMap { $0 }
        let objects = [properties] + (inputs + outputs).map(\.properties) + services.map(\.properties)
        return objects.contains { ExpressionValue.object($0).containsUnknown }
    }
}
