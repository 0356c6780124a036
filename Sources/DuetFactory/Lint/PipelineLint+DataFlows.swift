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
            do throws(DuetError) {
                for obstacle in try source.parsed().script.obstacles {
                    findings.append(
                        .init(.warning, source.error(obstacle, code: .unsupported), pipeline: pipeline.name)
                    )
                }
            } catch {
                findings.append(.init(.error, error, pipeline: pipeline.name))
            }
        }
    }
}
