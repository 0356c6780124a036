internal import DuetPipeline

extension PipelineLint {
    /// The scripts of the data flows a pipeline runs: an error where one cannot be parsed, a warning where duet does not
    /// run something in it.
    mutating func checkDataFlows() {
        var seen: Set<String> = []
        for activity in pipeline.allActivities where activity.kind == .executeDataFlow && activity.inactiveMark == nil {
            let reference =
                activity.typeProperties["dataFlow"] ?? activity.typeProperties["dataflow"]
            guard let name = reference.flatMap(FactoryReference.init)?.name, seen.insert(name.lowercased()).inserted,
                let flow = index.factory.resource(.dataflow, named: name)
            else { continue }
            guard !flow.isFlowlet else {
                note(
                    .error,
                    .wrongProperty,
                    "'\(activity.name)' runs the flowlet '\(flow.name)', which only a data flow can",
                    hint: "run a data flow that has the flowlet as a transformation",
                    at: activity.node.offset
                )
                continue
            }
            guard let source = flow.dataFlowSource else {
                note(
                    .error,
                    .missingProperty,
                    "the data flow '\(flow.name)', which '\(activity.name)' runs, has no script",
                    hint: "add \"script\" or \"scriptLines\" to its \"typeProperties\"",
                    at: activity.node.offset
                )
                continue
            }
            checkScript(source, of: flow, within: [])
        }
    }

    /// The script of a flowlet.
    mutating func checkScript(of flowlet: FactoryResource, within path: [String]) {
        // A flowlet that two transformations run has its faults once.
        guard seenFlowlets.insert(flowlet.name.lowercased()).inserted else { return }
        guard let source = flowlet.dataFlowSource else {
            let error = flowlet.error(
                .missingProperty,
                "the flowlet '\(flowlet.name)' has no script",
                hint: "add \"script\" or \"scriptLines\" to its \"typeProperties\"",
                at: flowlet.node.offset
            )
            return findings.append(.init(.error, error, pipeline: pipeline.name))
        }
        checkScript(source, of: flowlet, within: path)
    }

    private mutating func checkScript(_ source: DataFlowSource, of flow: FactoryResource, within path: [String]) {
        do throws(DuetError) {
            let script = try source.parsed().script
            for obstacle in script.obstacles(isFlowlet: flow.isFlowlet) {
                findings.append(.init(.warning, source.error(obstacle, code: .unsupported), pipeline: pipeline.name))
            }
            checkFlowlets(of: flow, source, script, within: path)
        } catch {
            findings.append(.init(.error, error, pipeline: pipeline.name))
        }
    }
}
