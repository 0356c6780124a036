internal import DuetPipeline

/// Puts resources together into a factory, whatever they were read from.
struct FactoryBuilder {
    private(set) var factory: Factory
    /// Resources that stand in for the factory's own, as kind and name in lower case.
    private var given: Set<String> = []

    init(name: String, path: String, isTemplate: Bool = false) {
        factory = Factory(name: name, path: path)
        factory.isTemplate = isTemplate
    }

    /// Adds a file of the git layout.
    mutating func add(_ file: SourceFile, kind: FactoryResource.Kind, isGiven: Bool = false) {
        guard let node = read(file) else { return }
        if isGiven {
            add(node, kind: kind, file: file, name: node["name"]?.string)
            given.insert("\(kind.rawValue) \((node["name"]?.string ?? "").lowercased())")
            return
        }
        // Parameters of the templates that are published lie beside the factory itself.
        if kind == .factory, node["name"] == nil, node["properties"] == nil { return }
        add(node, kind: kind, file: file, name: node["name"]?.string)
    }

    /// Reads a file, noting what is wrong with it; nil when it is no JSON object.
    mutating func read(_ file: SourceFile) -> JSONNode? {
        factory.fileCount += 1
        var tolerated: [JSONFault] = []
        do throws(JSONFault) {
            let node = try JSONNode.read(file, tolerated: &tolerated)
            for fault in tolerated.prefix(3) { note(.warning, fault, file) }
            guard node.isObject else {
                throw JSONFault(message: "a resource must be an object, found \(node.kindName)", offset: node.offset)
            }
            return node
        } catch {
            factory.unparsedCount += 1
            note(.error, error, file)
            return nil
        }
    }

    mutating func add(_ node: JSONNode, kind: FactoryResource.Kind, file: SourceFile, name: String?) {
        let fileName = file.path.split(separator: "/").last.map(String.init) ?? file.path
        let properties = node["properties"] ?? node
        var resource = FactoryResource(
            kind: kind,
            name: name ?? (fileName.hasSuffix(".json") ? String(fileName.dropLast(5)) : fileName),
            file: file,
            node: node,
            properties: properties,
            parameters: FactoryParameter.read(properties["parameters"])
        )
        if name == nil {
            let error = resource.error(
                .missingProperty,
                "the \(kind.rawValue) has no name; the file's is taken",
                hint: "add \"name\": \"\(resource.name)\"",
                at: node.offset
            )
            factory.findings.append(.init(.warning, error, pipeline: kind == .pipeline ? resource.name : nil))
        }
        if given.contains("\(kind.rawValue) \(resource.name.lowercased())") { return }
        let twin =
            kind == .pipeline
            ? factory.pipeline(named: resource.name)?.resource : factory.resource(kind, named: resource.name)
        if let twin {
            let error = resource.error(
                .duplicateName,
                "the \(kind.rawValue) '\(resource.name)' is defined a second time; the first is at \(twin.location)",
                hint: "names differ by more than case: rename one of them",
                at: node.member("name")?.value.offset ?? node.offset
            )
            // Nested templates deploy the same thing several times, which changes nothing.
            let severity: FactoryFinding.Severity = factory.isTemplate ? .warning : .error
            factory.findings.append(.init(severity, error, pipeline: kind == .pipeline ? resource.name : nil))
            return
        }
        switch kind {
        case .pipeline:
            var reader = PipelineReader(resource)
            factory.pipelines.append(reader.pipeline())
            factory.findings += reader.findings
        case .factory:
            factory.globalParameters += FactoryParameter.read(properties["globalParameters"])
            factory.resources.append(resource)
        default:
            if kind == .linkedService { resource.parameters = FactoryParameter.read(properties["parameters"]) }
            factory.resources.append(resource)
        }
    }

    /// The factory, in an order that does not depend on the file system, with everything checked.
    consuming func finish() -> Factory {
        factory.pipelines.sort { $0.name < $1.name }
        factory.resources.sort { ($0.kind.rawValue, $0.name) < ($1.kind.rawValue, $1.name) }
        factory.findings += FactoryLint.findings(in: factory)
        factory.findings.sort { a, b in
            guard let x = a.error.location, let y = b.error.location else { return false }
            return (x.file, x.line, x.column) < (y.file, y.line, y.column)
        }
        return factory
    }

    private mutating func note(_ severity: FactoryFinding.Severity, _ fault: JSONFault, _ file: SourceFile) {
        let location = file.location(at: fault.offset)
        let error = DuetError(
            .jsonSyntax,
            fault.message,
            hint: severity == .error ? "check the commas, quotes and brackets before this place" : nil,
            at: location,
            excerpt: file.excerpt(ofLine: location.line)
        )
        factory.findings.append(FactoryFinding(severity, error))
    }
}
