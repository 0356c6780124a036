internal import DuetPipeline

/// Everything that can be said about a factory without running it.
enum FactoryLint {
    static func findings(in factory: Factory) -> [FactoryFinding] {
        let index = FactoryIndex(factory)
        var findings: [FactoryFinding] = []
        for pipeline in factory.pipelines {
            var lint = PipelineLint(pipeline, index)
            lint.checkStructure()
            lint.checkReferences()
            lint.checkExpressions()
            lint.checkDataFlows()
            findings += lint.findings
        }
        for resource in factory.resources {
            findings += ResourceReferences.missing(in: resource.properties, of: resource, index)
        }
        return findings + RecursionLint.findings(in: factory)
    }
}

/// A factory's names in lower case, for quick answers.
struct FactoryIndex {
    let factory: Factory
    private let names: [FactoryResource.Kind: Set<String>]
    let globalParameters: Set<String>
    /// A factory read without its factory/ folder says nothing about its global parameters.
    let knowsGlobalParameters: Bool

    init(_ factory: Factory) {
        self.factory = factory
        var names: [FactoryResource.Kind: Set<String>] = [:]
        for kind in FactoryResource.Kind.allCases { names[kind] = Set(factory.names(of: kind).map { $0.lowercased() }) }
        self.names = names
        globalParameters = Set(factory.globalParameters.map { $0.name.lowercased() })
        knowsGlobalParameters = !factory.globalParameters.isEmpty
    }

    func contains(_ kind: FactoryResource.Kind, _ name: String) -> Bool {
        names[kind]?.contains(name.lowercased()) ?? false
    }
}

/// Checks one pipeline; its parts are in extensions, one a subject.
struct PipelineLint {
    let pipeline: FactoryPipeline
    let index: FactoryIndex
    var findings: [FactoryFinding] = []
    /// The flowlets whose scripts were looked at, in lower case.
    var seenFlowlets: Set<String> = []

    init(_ pipeline: FactoryPipeline, _ index: FactoryIndex) {
        self.pipeline = pipeline
        self.index = index
    }

    mutating func note(
        _ severity: FactoryFinding.Severity,
        _ code: DuetError.Code,
        _ message: String,
        hint: String? = nil,
        at offset: Int
    ) {
        let error = pipeline.resource.error(code, message, hint: hint, at: offset)
        findings.append(FactoryFinding(severity, error, pipeline: pipeline.name))
    }
}
