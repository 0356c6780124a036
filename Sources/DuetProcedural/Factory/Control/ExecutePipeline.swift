internal import DuetExpression
internal import DuetFactory

extension ActivityExecution {
    func executePipeline(
        _ nameTemplate: ExpressionTemplate,
        _ template: ExpressionTemplate,
        waits: Bool
    ) throws(ExpressionError) {
        let called = try nameTemplate.evaluate(in: context)
        let name = Self.text(called)
        let given = try template.evaluate(in: context)
        let isRecursion = run.callers.contains { $0.lowercased() == name.lowercased() }
        if state.isDry, isRecursion || called.unknown != nil || given.unknown != nil {
            // Which way ends the recursion, or what is called, only a run can tell.
            input = ["pipeline": called, "parameters": given, "waitOnCompletion": .boolean(waits)]
            return end(.success(.unknown(UnknownValue("activity('\(definition.name)').output", type: "Object"))))
        }
        guard case .object(let parameters) = given else {
            let message =
                "the parameters for '\(name)' must be an Object; found the \(given.typeName) \(given.json.prefix(100))"
            return end(.failure(ActivityFailure("InvalidParameters", message, isFinal: true)))
        }
        input = ["pipeline": .string(name), "parameters": given, "waitOnCompletion": .boolean(waits)]
        guard run.depth < FactoryLimits.pipelineDepth else {
            let message =
                "pipelines call each other \(FactoryLimits.pipelineDepth) deep: \(run.callers.suffix(4).joined(separator: " → ")) → …"
            return end(
                .failure(
                    ActivityFailure(
                        "RecursionTooDeep",
                        message,
                        hint: "let a condition end the recursion",
                        isFinal: true
                    )
                )
            )
        }
        let child: PipelineExecution
        do throws(ActivityFailure) {
            child = try run.host.prepare(
                name,
                parameters: parameters,
                trigger: run.state.trigger,
                invokedBy: .pipeline(run.pipeline.name, runID: state.id),
                parent: run,
                stop: waits ? frame.stop : run.host.stop
            )
        } catch {
            return end(.failure(error))
        }
        run.recorder.note(child: child, of: self)
        guard waits else {
            run.host.enqueue(child) { _ in }
            return end(
                .success(["pipelineName": .string(child.pipeline.name), "pipelineRunId": .string(child.state.id)])
            )
        }
        isWaitingForPipeline = true
        run.host.enqueue(child) { [self] ended in childEnded(ended) }
    }

    private func childEnded(_ ended: PipelineRun) {
        isWaitingForPipeline = false
        let output: ExpressionValue = [
            "pipelineName": .string(ended.pipeline), "pipelineRunId": .string(ended.id),
            "pipelineReturnValue": .object(ended.returnValue),
        ]
        switch ended.status {
        case .succeeded: end(.success(output))
        case .cancelled where frame.stop.isStopped: endCancelled()
        default:
            // The service says only that the child failed; here its own error comes along.
            let failure = ended.failure
            end(
                .failure(
                    ActivityFailure(
                        failure?.code ?? "PipelineCancelled",
                        "Operation on target \(ended.target.isEmpty ? ended.pipeline : ended.target) failed: "
                            + (failure?.message ?? "the pipeline '\(ended.pipeline)' was cancelled"),
                        kind: failure?.kind ?? .user,
                        hint: failure?.hint,
                        isFinal: true
                    )
                ),
                target: ended.target
            )
        }
    }
}
