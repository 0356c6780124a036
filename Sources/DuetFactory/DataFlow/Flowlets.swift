extension FactoryResource {
    /// Whether it is a flowlet: a data flow that others use as a transformation.
    public var isFlowlet: Bool { kind == .dataflow && type.lowercased() == "flowlet" }

    /// A transformation that runs a flowlet.
    public struct FlowletUse: Sendable {
        /// The transformation.
        public var step: DataFlowScript.Step
        /// The flowlet's name.
        public var flowlet: String
        /// Whether the resource refers to it beside the script, where references are looked at anyway.
        public var isReferenced: Bool
        /// Values for its parameters, in the data flow language; nil when none are given.
        public var parameters: JSONNode?
    }

    /// The transformations of a data flow that run flowlets.
    ///
    /// The reference beside the script (`transformations[].flowlet`) says which one; without it, the script's own
    /// `composition`.
    public func flowletUses(_ script: DataFlowScript) -> [FlowletUse] {
        let references = (typeProperties["transformations"]?.elements ?? []).filter { $0["flowlet"] != nil }
        return script.steps.filter { $0.kind == "compose" }.map { step in
            let reference = references.first { $0["name"]?.string?.lowercased() == step.name.lowercased() }
                .flatMap { $0["flowlet"] }
            let name = reference.flatMap(FactoryReference.init)?.name ?? step.composition ?? step.name
            return FlowletUse(
                step: step,
                flowlet: name,
                isReferenced: reference != nil,
                parameters: reference?["parameters"]
            )
        }
    }
}

extension DataFlowScript.Step {
    /// What `composition:` names.
    var composition: String? {
        for case .property("composition", let value) in arguments {
            if case .text(let text) = value.kind { return text }
        }
        return nil
    }
}
