internal import DuetPipeline

/// Reads the resources of an ARM template, as the service publishes factories.
///
/// Template expressions (`[concat(parameters('factoryName'), '/name')]`) are not evaluated but for what names and
/// defaults need; a value `[[…` is the text `[…`.
struct ARMTemplateReader {
    let file: SourceFile

    init(_ file: SourceFile) { self.file = file }

    func read(into builder: inout FactoryBuilder) {
        guard let root = builder.read(file) else { return }
        let parameters = root["parameters"]?.members ?? []
        let defaults = Dictionary(
            parameters.compactMap { member in member.value["defaultValue"].map { (member.name.lowercased(), $0) } },
            uniquingKeysWith: { first, _ in first }
        )
        resources(root["resources"], parentIsFactory: false, defaults, into: &builder, depth: 0)
    }

    private func resources(
        _ node: JSONNode?,
        parentIsFactory: Bool,
        _ defaults: [String: JSONNode],
        into builder: inout FactoryBuilder,
        depth: Int
    ) {
        guard let node, depth < 16 else { return }
        // The second version of the language has an object of resources in place of the list.
        for resource in node.elements + node.members.map(\.value) {
            guard let type = resource["type"]?.string?.lowercased() else { continue }
            if type == "microsoft.resources/deployments" {
                let inner = resource["properties"]?["template"]?["resources"]
                resources(inner, parentIsFactory: false, defaults, into: &builder, depth: depth + 1)
                continue
            }
            let prefix = "microsoft.datafactory/factories"
            let isFactory = type == prefix
            if isFactory {
                if resource["properties"]?["globalParameters"] != nil { add(resource, .factory, defaults, &builder) }
            } else if let kind = Self.kind(
                type.hasPrefix("\(prefix)/") ? String(type.dropFirst(prefix.count + 1)) : type
            ),
                type.hasPrefix("\(prefix)/") || parentIsFactory
            {
                add(resource, kind, defaults, &builder)
            }
            resources(resource["resources"], parentIsFactory: isFactory, defaults, into: &builder, depth: depth + 1)
        }
    }

    private func add(
        _ resource: JSONNode,
        _ kind: FactoryResource.Kind,
        _ defaults: [String: JSONNode],
        _ builder: inout FactoryBuilder
    ) {
        let name = resource["name"]?.string.map(Self.name)
        builder.add(resolved(resource, defaults), kind: kind, file: file, name: name)
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

    /// The resource's own name: what stands after the last slash of the last literal.
    static func name(_ text: String) -> String {
        guard text.hasPrefix("["), !text.hasPrefix("[[") else { return lastPart(text) }
        let literals = text.split(separator: "'", omittingEmptySubsequences: false)
        // Every second piece stands between quotes.
        let quoted = literals.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
        return quoted.last { $0 != "/" && !$0.isEmpty }.map(lastPart) ?? text
    }

    private static func lastPart(_ text: String) -> String {
        text.split(separator: "/").last.map(String.init) ?? text
    }

    /// The value with `[[` undone and `[parameters('x')]` replaced by the default, where there is one.
    private func resolved(_ node: JSONNode, _ defaults: [String: JSONNode]) -> JSONNode {
        switch node.kind {
        case .string(let text) where text.hasPrefix("[["):
            return JSONNode(.string(String(text.dropFirst())), at: node.offset)
        case .string(let text) where text.hasPrefix("[parameters('") && text.hasSuffix("')]"):
            let name = String(text.dropFirst("[parameters('".count).dropLast("')]".count)).lowercased()
            return defaults[name].map { JSONNode($0.kind, at: node.offset) } ?? node
        case .array(let elements):
            return JSONNode(.array(elements.map { resolved($0, defaults) }), at: node.offset)
        case .object(let members):
            let resolvedMembers = members.map { member in
                JSONNode.Member(name: member.name, offset: member.offset, value: resolved(member.value, defaults))
            }
            return JSONNode(.object(resolvedMembers), at: node.offset)
        default: return node
        }
    }
}
