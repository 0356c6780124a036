internal import DuetEngine
internal import DuetExpression
internal import DuetFactory
internal import DuetPipeline

/// Evaluates all that a handler needs to see of an activity, its datasets and their linked services.
struct WorkPreparation {
    let run: PipelineExecution
    let context: RunContext

    func call(
        _ activity: FactoryActivity,
        _ template: CompiledActivity.WorkTemplate,
        id: String,
        control: RunControl
    ) throws(ExpressionError) -> ActivityCall {
        var properties = ExpressionObject()
        if case .object(let object) = try template.properties.evaluate(in: context) { properties = object }
        var inputs: [ResolvedDataset] = []
        for reference in template.inputs { inputs.append(try dataset(reference)) }
        var outputs: [ResolvedDataset] = []
        for reference in template.outputs { outputs.append(try dataset(reference)) }
        var service: ResolvedLinkedService?
        if let reference = template.linkedService {
            service = try linkedService(reference.name, try values(reference.parameters, context), context)
        }
        return ActivityCall(
            activity: activity,
            properties: properties,
            inputs: inputs,
            outputs: outputs,
            linkedService: service,
            dataFlow: activity.kind == .executeDataFlow ? try dataFlow(properties) : nil,
            pipeline: run.pipeline.name,
            runID: run.state.id,
            activityRunID: id,
            control: control,
            redactor: run.recorder.redactor
        )
    }

    /// The data flow with the datasets and linked services of its sources and sinks; nil when there is none.
    private func dataFlow(_ properties: ExpressionObject) throws(ExpressionError) -> ResolvedDataFlow? {
        let reference = properties.value(ignoringCase: "dataFlow")?.objectValue
        guard let name = reference?.value(ignoringCase: "referenceName")?.stringValue,
            let resource = run.host.factory.resource(.dataflow, named: name), let source = resource.dataFlowSource
        else { return nil }
        func object(_ name: String, _ key: String) -> ExpressionObject {
            reference?.value(ignoringCase: name)?.objectValue?.value(ignoringCase: key)?.objectValue
                ?? ExpressionObject()
        }
        var flow = try resolved(resource, source, object, within: [])
        let given = reference?.value(ignoringCase: "parameters")?.objectValue ?? ExpressionObject()
        for (name, value) in zip(given.names, given.values) { flow.parameters[name.lowercased()] = value }
        return flow
    }

    /// A data flow or flowlet with what the activity gives for its datasets and linked services, by kind and by name;
    /// the path is the flowlets that it is within, in lower case.
    private func resolved(
        _ resource: FactoryResource,
        _ source: DataFlowSource,
        _ given: (_ kind: String, _ name: String) -> ExpressionObject,
        within path: [String]
    ) throws(ExpressionError) -> ResolvedDataFlow {
        var flow = ResolvedDataFlow(
            name: resource.name,
            source: source,
            parameters: [:],
            datasets: [:],
            linkedServices: [:],
            isFlowlet: !path.isEmpty
        )
        let ends = ["sources", "sinks", "transformations"].flatMap { resource.typeProperties[$0]?.elements ?? [] }
        for end in ends {
            guard let name = end["name"]?.string else { continue }
            if let target = end["dataset"].flatMap(FactoryReference.init) {
                flow.datasets[name.lowercased()] = try dataset(named: target.name, given("datasetParameters", name))
            } else if let target = end["linkedService"].flatMap(FactoryReference.init) {
                flow.linkedServices[name.lowercased()] = try linkedService(
                    target.name,
                    given("linkedServiceParameters", name),
                    context
                )
            }
        }
        // A script that cannot be read is told when it is run.
        guard case .success(let (script, _)) = Result(catching: { () throws(DuetError) in try source.parsed() }) else {
            return flow
        }
        for use in resource.flowletUses(script) {
            let key = use.flowlet.lowercased()
            guard !path.contains(key), let flowlet = run.host.factory.resource(.dataflow, named: use.flowlet),
                flowlet.isFlowlet, let source = flowlet.dataFlowSource
            else { continue }
            var inner = try resolved(flowlet, source, given, within: path + [key])
            for member in use.parameters?.members ?? [] {
                // An expression may stand as text or, as in activities, with its type.
                inner.parameters[member.name.lowercased()] = (member.value["value"] ?? member.value).expressionValue
            }
            flow.flowlets[use.step.name.lowercased()] = inner
        }
        return flow
    }

    private func values(
        _ template: ExpressionTemplate,
        _ context: RunContext
    ) throws(ExpressionError) -> ExpressionObject {
        if case .object(let object) = try template.evaluate(in: context) { object } else { ExpressionObject() }
    }

    private func dataset(_ reference: CompiledActivity.Reference) throws(ExpressionError) -> ResolvedDataset {
        try dataset(named: reference.name, try values(reference.parameters, context))
    }

    private func dataset(named name: String, _ given: ExpressionObject) throws(ExpressionError) -> ResolvedDataset {
        guard let resource = run.host.factory.resource(.dataset, named: name) else {
            return ResolvedDataset(
                name: name,
                type: "",
                properties: ExpressionObject(),
                schema: .null,
                linkedService: nil
            )
        }
        var inner = context
        inner.dataset = withDefaults(given, resource.parameters)
        var service: ResolvedLinkedService?
        if let target = resource.linkedService {
            let parameters = try CompiledActivity.Reference(target).parameters
            service = try linkedService(target.name, try values(parameters, inner), inner)
        }
        var properties = ExpressionObject()
        let template = try ExpressionTemplate(parsing: resource.typeProperties.expressionValue)
        if case .object(let object) = try template.evaluate(in: inner) { properties = object }
        return ResolvedDataset(
            name: resource.name,
            type: resource.type,
            properties: properties,
            schema: resource.properties["schema"]?.expressionValue ?? .null,
            linkedService: service
        )
    }

    private func linkedService(
        _ name: String,
        _ given: ExpressionObject,
        _ context: RunContext
    ) throws(ExpressionError) -> ResolvedLinkedService {
        guard let resource = run.host.factory.resource(.linkedService, named: name) else {
            return ResolvedLinkedService(name: name, type: "", parameters: given, properties: ExpressionObject())
        }
        var inner = context
        inner.linkedService = withDefaults(given, resource.parameters)
        for parameter in resource.parameters where parameter.isSecure {
            if let value = inner.linkedService?.value(ignoringCase: parameter.name) {
                run.recorder.redactor.addAll(in: value)
            }
        }
        var properties = ExpressionObject()
        let template = try ExpressionTemplate(parsing: resource.typeProperties.expressionValue)
        if case .object(let object) = try template.evaluate(in: inner) { properties = object }
        run.recorder.hideSecrets(of: properties)
        return ResolvedLinkedService(
            name: resource.name,
            type: resource.type,
            parameters: inner.linkedService ?? given,
            properties: properties
        )
    }

    private func withDefaults(_ given: ExpressionObject, _ declared: [FactoryParameter]) -> ExpressionObject {
        var values = given
        for parameter in declared where values.value(ignoringCase: parameter.name) == nil {
            if let value = parameter.defaultValue?.expressionValue { values[parameter.name] = value }
        }
        return values
    }
}
