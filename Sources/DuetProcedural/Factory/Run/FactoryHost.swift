internal import DuetExpression
internal import DuetFactory
internal import Foundation

/// Who started a run.
enum Invoker {
    case person
    case trigger(name: String, type: String, id: String)
    case pipeline(String, runID: String)

    var text: String {
        switch self {
        case .person: "Manual"
        case .trigger(let name, _, _): name
        case .pipeline(let name, _): "PipelineActivity: \(name)"
        }
    }
}

/// All runs of one call to ``FactoryRunner/run(_:)``: starts them, and keeps to each pipeline's concurrency.
final class FactoryHost {
    let factory: Factory
    let loop: EventLoop
    let recorder: FactoryRecorder
    let handlers: [ActivityKind: any ActivityHandler]
    let services: ExpressionServices
    let debugger: (any FactoryDebugger)?
    let isDry: Bool
    let stop = StopScope(parent: nil)
    private let globalParameters: ExpressionObject
    private var compiled: [String: CompiledScope] = [:]
    private var underWay: [String: Int] = [:]
    private var waiting: [String: [(run: PipelineExecution, done: (PipelineRun) -> Void)]] = [:]

    init(
        factory: Factory,
        loop: EventLoop,
        recorder: FactoryRecorder,
        handlers: [ActivityKind: any ActivityHandler],
        services: ExpressionServices,
        debugger: (any FactoryDebugger)? = nil,
        isDry: Bool = false
    ) {
        self.factory = factory
        self.loop = loop
        self.recorder = recorder
        self.handlers = handlers
        self.services = services
        self.debugger = debugger
        self.isDry = isDry
        globalParameters = ExpressionObject(
            factory.globalParameters.map { ($0.name, $0.defaultValue?.expressionValue ?? .null) }
        )
    }

    func prepare(
        _ name: String,
        parameters given: ExpressionObject,
        trigger: ExpressionValue?,
        invokedBy: Invoker,
        parent: PipelineExecution?,
        stop: StopScope,
        selection: ActivitySelection = ActivitySelection()
    ) throws(ActivityFailure) -> PipelineExecution {
        guard let pipeline = factory.pipeline(named: name) else {
            throw ActivityFailure(
                "PipelineNotFound",
                "the factory has no pipeline '\(name)'",
                hint: "it has: " + factory.pipelines.prefix(8).map { "'\($0.name)'" }.joined(separator: ", "),
                isFinal: true
            )
        }
        let parameters = try Parameters.values(of: pipeline, given: given, recorder.redactor)
        let key = pipeline.name.lowercased()
        let scope = compiled[key] ?? CompiledScope(pipeline.activities, of: pipeline)
        compiled[key] = scope
        let id = services.identifier().uuidString.lowercased()
        let state = RunState(
            id: id,
            services: services,
            parameters: parameters,
            globalParameters: globalParameters,
            systemVariables: systemVariables(id, pipeline, invokedBy, parent),
            trigger: trigger
        )
        state.isDry = isDry
        for variable in pipeline.variables {
            let initial = variable.defaultValue?.expressionValue ?? VariableType.initial(variable.type)
            state.variables[variable.name.lowercased()] = RunState.Variable(
                name: variable.name,
                type: variable.type,
                value: selection.variables.value(ignoringCase: variable.name) ?? initial
            )
        }
        return PipelineExecution(
            pipeline,
            scope: scope,
            state: state,
            host: self,
            parent: parent,
            stop: stop,
            invokedBy: invokedBy.text,
            selection: selection
        )
    }

    /// What `pipeline()` gives.
    ///
    /// Source: control-flow-system-variables.
    private func systemVariables(
        _ id: String,
        _ pipeline: FactoryPipeline,
        _ invoker: Invoker,
        _ parent: PipelineExecution?
    ) -> ExpressionObject {
        var object: ExpressionObject = [
            "DataFactory": .string(factory.name), "Pipeline": .string(pipeline.name), "RunId": .string(id),
            "TriggerTime": .string(ActivityResult.text(loop.clock.now)),
            "GroupId": .string(parent?.state.systemVariables["GroupId"]?.stringValue ?? id),
        ]
        switch invoker {
        case .person:
            object["TriggerType"] = "Manual"
            object["TriggerName"] = "Manual"
            object["TriggerId"] = .string(id)
        case .trigger(let name, let type, let triggerID):
            object["TriggerType"] = .string(type)
            object["TriggerName"] = .string(name)
            object["TriggerId"] = .string(triggerID)
        case .pipeline(let name, let runID):
            object["TriggerType"] = "PipelineActivity"
            object["TriggerName"] = parent?.state.systemVariables["TriggerName"] ?? "Manual"
            object["TriggerId"] = .string(runID)
            object["TriggeredByPipelineName"] = .string(name)
            object["TriggeredByPipelineRunId"] = .string(runID)
        }
        return object
    }

    /// Starts a run, or lets it wait until its pipeline's concurrency has room.
    func enqueue(_ run: PipelineExecution, _ done: @escaping (PipelineRun) -> Void) {
        let key = run.pipeline.name.lowercased()
        guard let most = run.pipeline.concurrency, most > 0, underWay[key, default: 0] >= most else {
            return start(run, done)
        }
        // A run that waits for one of its own callers to end would wait for ever.
        let waits = run.callers.dropLast().filter { $0.lowercased() == key }.count
        if waits >= most {
            return run.refused(
                ActivityFailure(
                    "ConcurrencyDeadlock",
                    "'\(run.pipeline.name)' may run \(most) at a time, and all of these are waiting for this call to end",
                    hint: "raise \"concurrency\", or call another pipeline",
                    isFinal: true
                ),
                done
            )
        }
        guard waiting[key, default: []].count < FactoryLimits.queuedRuns else {
            return run.refused(
                ActivityFailure(
                    "TooManyQueuedRuns",
                    "\(FactoryLimits.queuedRuns) runs of '\(run.pipeline.name)' are waiting already, the most allowed",
                    isFinal: true
                ),
                done
            )
        }
        waiting[key, default: []].append((run, done))
    }

    private func start(_ run: PipelineExecution, _ done: @escaping (PipelineRun) -> Void) {
        let key = run.pipeline.name.lowercased()
        underWay[key, default: 0] += 1
        run.start { [self] ended in
            underWay[key, default: 1] -= 1
            if let next = waiting[key]?.first {
                waiting[key]?.removeFirst()
                start(next.run, next.done)
            }
            done(ended)
        }
    }

    /// Stops everything.
    func cancel() {
        let all = waiting.values.flatMap { $0 }
        waiting.removeAll()
        stop.stop()
        for (run, done) in all { run.refused(nil, done) }
    }
}

/// Values for a pipeline's parameters.
enum Parameters {
    static func values(
        of pipeline: FactoryPipeline,
        given: ExpressionObject,
        _ redactor: Redactor
    ) throws(ActivityFailure) -> ExpressionObject {
        var values = ExpressionObject()
        for parameter in pipeline.parameters {
            guard let value = given.value(ignoringCase: parameter.name) ?? parameter.defaultValue?.expressionValue
            else {
                throw ActivityFailure(
                    "MissingParameter",
                    "the pipeline '\(pipeline.name)' needs a value for its parameter '\(parameter.name)' (\(parameter.type))",
                    hint: "give one with --parameter \(parameter.name)=…, or add a defaultValue",
                    isFinal: true
                )
            }
            if parameter.isSecure { redactor.addAll(in: value) }
            guard let converted = VariableType.converted(value, to: parameter.type) else {
                let shown = parameter.isSecure ? Redactor.mask : String(value.json.prefix(100))
                throw ActivityFailure(
                    "InvalidParameter",
                    "the parameter '\(parameter.name)' of '\(pipeline.name)' is of type \(parameter.type) and cannot be "
                        + "the \(value.typeName) \(shown)",
                    isFinal: true
                )
            }
            values[parameter.name] = converted
        }
        for name in given.names
        where !pipeline.parameters.contains(where: { $0.name.lowercased() == name.lowercased() }) {
            let known = pipeline.parameters.map { "'\($0.name)'" }.joined(separator: ", ")
            throw ActivityFailure(
                "UnknownParameter",
                "the pipeline '\(pipeline.name)' has no parameter '\(name)'",
                hint: known.isEmpty ? "it has none" : "it has: \(known)",
                isFinal: true
            )
        }
        return values
    }
}
