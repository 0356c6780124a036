public import DuetPipeline

/// One resource of a factory as its file has it: whole, with what duet does not know.
public struct FactoryResource: Sendable {
    /// The kinds of resource, by the folder in which the git integration keeps them.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A pipeline.
        case pipeline
        /// A dataset.
        case dataset
        /// A linked service.
        case linkedService
        /// A trigger.
        case trigger
        /// A data flow.
        case dataflow
        /// The factory itself, with its global parameters.
        case factory
        /// An integration runtime.
        case integrationRuntime
        /// A managed virtual network.
        case managedVirtualNetwork
        /// A credential.
        case credential

        /// The kind a folder of this name holds.
        init?(folder: String) {
            let lowered = folder.lowercased()
            guard let kind = Self.allCases.first(where: { $0.rawValue.lowercased() == lowered }) else { return nil }
            self = kind
        }
    }

    /// What it is.
    public var kind: Kind
    /// The name.
    public var name: String
    /// The file it stands in.
    public var file: SourceFile
    /// The whole resource.
    public var node: JSONNode
    /// Its `properties`; the resource itself when there are none.
    public var properties: JSONNode
    /// Parameter declarations.
    public var parameters: [FactoryParameter]

    /// The service's type, such as `DelimitedText` or `AzureBlobStorage`.
    public var type: String { properties["type"]?.string ?? "" }
    /// What the type defines; empty when there is none.
    public var typeProperties: JSONNode { properties["typeProperties"] ?? JSONNode(.object([])) }
    /// The linked service a dataset reads through.
    public var linkedService: FactoryReference? { properties["linkedServiceName"].flatMap(FactoryReference.init) }
    /// Where it begins.
    public var location: SourceLocation { file.location(at: node.offset) }
}

/// A declared parameter, variable or global parameter.
public struct FactoryParameter: Sendable {
    /// The name as written.
    public var name: String
    /// The type as written: String, Int, Float, Bool, Array, Object or SecureString.
    public var type: String
    /// The default; nil when there is none.
    public var defaultValue: JSONNode?
    /// Where it is declared.
    public var offset: Int

    /// Whether its value must not be shown.
    public var isSecure: Bool { type.lowercased() == "securestring" }

    /// Reads `{"name": {"type": …, "defaultValue": …}}`; a global parameter has `value` instead.
    static func read(_ node: JSONNode?) -> [FactoryParameter] {
        (node?.members ?? []).map { member in
            FactoryParameter(
                name: member.name,
                type: member.value["type"]?.string ?? "String",
                defaultValue: member.value["defaultValue"] ?? member.value["value"],
                offset: member.offset
            )
        }
    }
}

/// A reference to another resource, with values for its parameters.
public struct FactoryReference: Sendable {
    /// The name.
    public var name: String
    /// Where the name stands.
    public var offset: Int
    /// Values for the parameters of what is referred to; expressions among them.
    public var parameters: JSONNode?

    /// Reads `{"referenceName": …, "parameters": …}`; nil without a name.
    public init?(_ node: JSONNode) {
        guard let reference = node["referenceName"], let name = reference.expressionText else { return nil }
        self.name = name
        offset = reference.offset
        parameters = node["parameters"]
    }
}
