internal import DuetPipeline

extension PipelineLint {
    /// The flowlets that a data flow runs, and those that they run: each must be there, and none within itself.
    mutating func checkFlowlets(
        of flow: FactoryResource,
        _ source: DataFlowSource,
        _ script: DataFlowScript,
        within path: [String]
    ) {
        for use in flow.flowletUses(script) {
            let key = use.flowlet.lowercased()
            func note(_ severity: FactoryFinding.Severity, _ code: DuetError.Code, _ message: String, _ hint: String?) {
                let error = DataFlowError(message, at: use.step.offset, hint: hint)
                findings.append(.init(severity, source.error(error, code: code), pipeline: pipeline.name))
            }
            guard let flowlet = index.factory.resource(.dataflow, named: use.flowlet) else {
                guard !use.isReferenced else { continue }
                note(
                    index.factory.isTemplate ? .warning : .error,
                    .unknownDataFlow,
                    "the flowlet '\(use.flowlet)' is not defined in this factory",
                    Suggestion.hint(for: use.flowlet, among: index.factory.names(of: .dataflow), noun: "names")
                )
                continue
            }
            guard flowlet.isFlowlet else {
                note(
                    .error,
                    .wrongProperty,
                    "'\(use.step.name)' runs '\(flowlet.name)' as a flowlet, and it is a data flow of its own",
                    "give it the type Flowlet, with inputs and outputs in place of sources and sinks"
                )
                continue
            }
            guard !path.contains(key) else {
                note(
                    .error,
                    .endlessRecursion,
                    "flowlets run each other without end: " + (path + [key]).map { "'\($0)'" }.joined(separator: " → "),
                    nil
                )
                continue
            }
            checkScript(of: flowlet, within: path + [key])
        }
    }
}
