internal import DuckKit
internal import DuetEngine
public import DuetExpression
public import DuetFactory
internal import DuetPipeline
internal import Foundation

/// ExecuteDataFlow: a mapping data flow's script as SQL on the warehouse.
struct DataFlowHandler: ActivityHandler {
    let environment: FactoryEnvironment

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        answer {
            guard let flow = call.dataFlow else {
                let name = call["dataFlow"]?.objectValue?.value(ignoringCase: "referenceName")?.stringValue ?? ""
                throw ActivityFailure("DataFlowNotFound", "the factory has no data flow '\(name)'", isFinal: true)
            }
            let connection = try environment.warehouse.connect()
            do {
                let (script, order) = try flow.source.parsed()
                return try call.control.interruptible(connection) {
                    let run = DataFlowRun(connection, script, order: order, .init(flow, call, environment))
                    try run.setParameters(flow.parameters)
                    var transfer = DataFlowTransfer(call, flow, environment, run)
                    return try transfer.perform()
                }
            } catch let error as DataFlowError {
                throw Self.failure(flow.source.error(error), flow)
            } catch let error as DuetError where error.code == .dataFlowSyntax {
                throw Self.failure(error, flow)
            }
        }
    }

    static func failure(_ error: DuetError, _ flow: ResolvedDataFlow) -> ActivityFailure {
        ActivityFailure(
            "DataFlowFailed",
            "\(flow.isFlowlet ? "flowlet" : "data flow") '\(flow.name)': \(error.message)"
                + (error.location.map { " (\($0))" } ?? ""),
            hint: error.hint,
            isFinal: true
        )
    }
}

/// A data flow with its datasets, as an activity runs it.
public struct ResolvedDataFlow: Sendable {
    /// The name.
    public var name: String
    /// The script.
    public var source: DataFlowSource
    /// Values for its parameters, in the data flow language, by name in lower case.
    public var parameters: [String: ExpressionValue]
    /// The datasets of sources and sinks by their names in lower case; inline ones are made from the script.
    public var datasets: [String: ResolvedDataset]
    /// The linked services of inline sources and sinks and of external calls, by name in lower case.
    public var linkedServices: [String: ResolvedLinkedService]
    /// The flowlets that its transformations run, by the transformations' names in lower case.
    public var flowlets: [String: ResolvedDataFlow] = [:]
    /// Whether it is a flowlet of another data flow.
    public var isFlowlet = false
}
