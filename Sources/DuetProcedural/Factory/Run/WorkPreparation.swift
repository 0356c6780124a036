internal import DuetEngine
internal import DuetExpression
internal import DuetFactory

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
            pipeline: run.pipeline.name,
            runID: run.state.id,
            activityRunID: id,
            control: control
        )
    }

    private func values(
        _ template: ExpressionTemplate,
        _ context: RunContext
    ) throws(ExpressionError) -> ExpressionObject {
        if case .object(let object) = try template.evaluate(in: context) { object } else { ExpressionObject() }
    }

    private func dataset(_ reference: CompiledActivity.Reference) throws(ExpressionError) -> ResolvedDataset {
        let given = try values(reference.parameters, context)
        guard let resource = run.host.factory.resource(.dataset, named: reference.name) else {
            return ResolvedDataset(
                name: reference.name,
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
