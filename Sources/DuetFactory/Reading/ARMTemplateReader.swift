internal import DuetPipeline

/// Reads the resources of an ARM template, as the service publishes factories.
///
/// Template expressions (`[concat(parameters('factoryName'), '/name')]`) are evaluated as far as they can be without a
/// deployment; a value `[[…` is the text `[…`.
struct ARMTemplateReader {
    let file: SourceFile

    init(_ file: SourceFile) { self.file = file }

    func read(into builder: inout FactoryBuilder) {
        guard let root = builder.read(file) else { return }
        if root["resources"] == nil, let type = root["type"]?.string?.lowercased(),
            let kind = Self.kind(type, parentIsFactory: false)
        {
            // One resource as the git integration keeps it, in a folder of another name.
            return builder.add(root, kind: kind, file: file, name: root["name"]?.string)
        }
        resources(root["resources"], parent: nil, TemplateScope(root), into: &builder, depth: 0)
    }

    private func resources(
        _ node: JSONNode?,
        parent: String?,
        _ scope: TemplateScope,
        into builder: inout FactoryBuilder,
        depth: Int
    ) {
        guard let node, depth < 16 else { return }
        // The second version of the language has an object of resources in place of the list.
        for resource in node.elements + node.members.map(\.value) {
            guard let type = resource["type"]?.string?.lowercased() else { continue }
            if type == "microsoft.resources/deployments" {
                nested(resource, scope, into: &builder, depth: depth + 1)
                continue
            }
            let isFactory = type == Self.factoryType
            if isFactory {
                if resource["properties"]?["globalParameters"] != nil { add(resource, .factory, scope, &builder) }
            } else if let kind = Self.kind(type, parentIsFactory: parent == Self.factoryType) {
                add(resource, kind, scope, &builder)
            }
            resources(resource["resources"], parent: type, scope, into: &builder, depth: depth + 1)
        }
    }

    /// A template within the template: it sees the values around it, or only what is handed to it.
    private func nested(_ resource: JSONNode, _ scope: TemplateScope, into builder: inout FactoryBuilder, depth: Int) {
        guard let properties = resource["properties"], let template = properties["template"] else { return }
        let isInner =
            properties["expressionEvaluationOptions"]?["scope"]?.string?.lowercased() == "inner"
        var inner = scope
        if isInner {
            var given: [String: JSONNode] = [:]
            for member in properties["parameters"]?.members ?? [] {
                // What the deployment does not know either stays unknown inside.
                given[member.name.lowercased()] = member.value["value"].map { scope.resolved($0) }
            }
            inner = TemplateScope(template, given: given)
        }
        resources(template["resources"], parent: nil, inner, into: &builder, depth: depth)
    }

    private func add(
        _ resource: JSONNode,
        _ kind: FactoryResource.Kind,
        _ scope: TemplateScope,
        _ builder: inout FactoryBuilder
    ) {
        let resource = scope.resolved(resource)
        builder.add(resource, kind: kind, file: file, name: resource["name"]?.string.map(Self.lastPart))
    }

    private static let factoryType = "microsoft.datafactory/factories"

    private static func kind(_ type: String, parentIsFactory: Bool) -> FactoryResource.Kind? {
        if type.hasPrefix("\(factoryType)/") { return kind(String(type.dropFirst(factoryType.count + 1))) }
        return parentIsFactory ? kind(type) : nil
    }

    private static func kind(_ type: String) -> FactoryResource.Kind? {
        switch type {
        case "pipelines": .pipeline
        case "datasets": .dataset
        case "linkedservices": .linkedService
        case "triggers": .trigger
        case "dataflows": .dataflow
        case "integrationruntimes": .integrationRuntime
        case "managedvirtualnetworks": .managedVirtualNetwork
        case "credentials": .credential
        default: nil
        }
    }

    /// The resource's own name: what stands behind the last slash.
    private static func lastPart(_ text: String) -> String {
        text.split(separator: "/").last.map(String.init) ?? text
    }
}
