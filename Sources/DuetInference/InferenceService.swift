public import DuetFetch
public import DuetPipeline
internal import Foundation
internal import Synchronization

/// What calls of models come to.
public enum InferenceMode: Sendable, Hashable {
    /// Answers.
    case answer
    /// Made-up answers, and counts of what real ones would take: for plans.
    case count
}

/// Where a service finds and keeps what it needs.
public struct InferenceOptions: Sendable {
    /// The result store's file; nil for none that outlives the run.
    public var store: String?
    /// The pipeline that asks, whose inputs without an answer are kept as its own; nil keeps them as everybody's.
    public var pipeline: String?
    /// Whether results are kept for later runs only where a model says `reuse: true`, as in the procedural style.
    public var keepsOnlyReused = false
    /// What calls come to.
    public var mode = InferenceMode.answer
    /// What all calls of the run may cost; nil for no limit.
    public var budget: Double?
    /// Whether the run is to stop.
    public var isCancelled: @Sendable () -> Bool = { false }
    /// Makes requests to endpoints.
    public var fetcher: @Sendable () -> Fetcher
    /// Variables that hold keys, and `DUET_MODELS`.
    public var environment: [String: String] = ProcessInfo.processInfo.environment
    /// What the endpoints' rates go by.
    package var clock = PaceClock()

    /// Creates options.
    public init(store: String?, fetcher: @escaping @Sendable () -> Fetcher) {
        self.store = store
        self.fetcher = fetcher
    }
}

/// Answers the calls of models that a run's queries make.
///
/// Nothing is loaded or opened before a call needs it. ``close()`` it when the run ends.
public final class InferenceService: Sendable {
    let models: [ModelDeclaration]
    let options: InferenceOptions
    let budget: Budget
    private let folder: String
    private let modelFolder: ModelFolder
    private let embedded = Mutex<[String: EmbeddedModel]>([:])
    private let endpoints = Mutex<[String: EndpointModel]>([:])
    private let meters = Mutex<[Int: InferenceMeter]>([:])
    private let shared = LazyStore()
    private let transient = LazyStore()

    /// Creates a service.
    ///
    /// - Parameters:
    ///   - models: The models that may be called.
    ///   - folder: The pipeline's folder, where heads and prompts are.
    ///   - options: What it may use.
    public init(models: [ModelDeclaration], folder: String, options: InferenceOptions) {
        self.models = models
        self.folder = folder
        self.options = options
        budget = Budget(options.budget)
        modelFolder = ModelFolder(environment: options.environment)
    }

    /// A service that answers nothing, to ask for identities.
    convenience init(models: [ModelDeclaration], folder: String, store: String) {
        self.init(models: models, folder: folder, options: InferenceOptions(store: store) { Fetcher() })
    }

    /// By what the store knows a model's answers.
    func storedIdentity(of model: ModelDeclaration) throws -> String {
        switch model.backend {
        case .embedded: try embeddedModel(model).vectorIdentity
        case .endpoint: try endpointModel(model).identity
        }
    }

    /// What the answers of a call depend on besides its arguments: the model, its version and the prompt's.
    ///
    /// - Throws: ``DuetError`` with `UNKNOWN_MODEL` or `MODEL_MISSING`.
    public func identity(of call: InferenceCall) throws -> String {
        let declaration = try declaration(call.function, named: call.model)
        let generation = Generations(store: options.store).number(of: declaration.name)
        let version =
            switch declaration.backend {
            case .embedded: try embeddedModel(declaration).version
            case .endpoint: try endpointModel(declaration).version(of: call.function)
            }
        return "\(call.function.rawValue) \(declaration.name) \(version) \(generation)"
    }

    /// Begins to count what a connection's statements call.
    public func meter(connection: Int) -> InferenceMeter {
        let meter = InferenceMeter()
        meters.withLock { $0[connection] = meter }
        return meter
    }

    /// Ends counting.
    public func release(connection: Int) {
        meters.withLock { _ = $0.removeValue(forKey: connection) }
    }

    /// Closes the result store, everything being in it; to be called by a thread that lives on.
    ///
    /// - Throws: ``DuetError`` or ``DuckDBError`` when it cannot be written.
    public func close() throws {
        try shared.close()
        try transient.close()
    }

    /// The meter of a connection; one that nobody reads when nobody began to count.
    public func meter(of connection: Int) -> InferenceMeter {
        meters.withLock { $0[connection] } ?? InferenceMeter()
    }

    /// The model that answers a function: the one a call names, or the one that lists the function.
    func declaration(_ function: InferenceFunction, named name: String?) throws -> ModelDeclaration {
        let found =
            name.map { name in models.first { $0.name == name } }
            ?? models.first { $0.functions.contains(function.rawValue) } ?? fallback(function)
        guard let found else {
            let what = name.map { "there is no model '\($0)'" } ?? "no model answers \(function.rawValue)"
            throw DuetError(
                .unknownModel,
                "\(what)",
                hint: name.flatMap { Suggestion.hint(for: $0, among: models.map(\.name), noun: "models") }
                    ?? "declare one in pipeline.yml under 'models:', with functions: [\(function.rawValue)]"
            )
        }
        guard found.backend == .endpoint || function.isEmbeddable else {
            throw DuetError(
                .unknownModel,
                "the model '\(found.name)' is embedded and cannot answer \(function.rawValue), which writes text",
                hint: "name a model with backend: endpoint",
                at: found.location
            )
        }
        return found
    }

    /// The only model that could.
    private func fallback(_ function: InferenceFunction) -> ModelDeclaration? {
        let able = models.filter { $0.backend == .endpoint || function.isEmbeddable }
        return able.count == 1 ? able.first : nil
    }

    func embeddedModel(_ declaration: ModelDeclaration) throws -> EmbeddedModel {
        try embedded.withLock { loaded in
            if let model = loaded[declaration.name] { return model }
            let model = try EmbeddedModel(declaration, folder: folder, models: modelFolder)
            loaded[declaration.name] = model
            return model
        }
    }

    func endpointModel(_ declaration: ModelDeclaration) throws -> EndpointModel {
        try endpoints.withLock { loaded in
            if let model = loaded[declaration.name] { return model }
            let model = try EndpointModel(
                declaration,
                folder: folder,
                environment: options.environment,
                generation: Generations(store: options.store).number(of: declaration.name),
                clock: options.clock
            )
            loaded[declaration.name] = model
            return model
        }
    }

    /// The store that a model's answers are looked up and kept in.
    func book(for model: ModelDeclaration) throws -> (book: AnswerBook, store: ResultStore) {
        let isKept = options.store != nil && (!options.keepsOnlyReused || model.isReused)
        let isCounting = options.mode == .count
        return try isKept
            ? shared.open(options.store, isReadOnly: isCounting, pipeline: options.pipeline)
            : transient.open(nil, isReadOnly: isCounting, pipeline: nil)
    }
}

/// A store that is opened when it is first asked for.
private final class LazyStore: Sendable {
    private let opened = Mutex<(book: AnswerBook, store: ResultStore)?>(nil)

    func open(_ path: String?, isReadOnly: Bool, pipeline: String?) throws -> (book: AnswerBook, store: ResultStore) {
        try opened.withLock { opened in
            if let opened { return opened }
            // Counting makes no file: what is not there has no answers.
            let isThere = path.map { FileManager.default.fileExists(atPath: $0) } ?? false
            let store = try ResultStore(
                path: isReadOnly && !isThere ? nil : path,
                isReadOnly: isReadOnly,
                pipeline: pipeline
            )
            let entry = (AnswerBook(store: store), store)
            opened = entry
            return entry
        }
    }

    func close() throws {
        let store = opened.withLock { opened in
            defer { opened = nil }
            return opened?.store
        }
        try store?.close()
    }
}

/// How often the results of each model were declared invalid: part of what its answers depend on.
///
/// A file of its own beside the store, so that planning needs not open the store.
struct Generations {
    private let path: String?

    init(store: String?) { path = store.map { $0 + ".generations" } }

    func number(of model: String) -> Int { all[model] ?? 0 }

    private var all: [String: Int] {
        guard let path, FileManager.default.fileExists(atPath: path) else { return [:] }
        do {
            return try JSONDecoder().decode([String: Int].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            // What cannot be read counts as new: asking again is safe, an old answer is not.
            return [:]
        }
    }

    func advance(_ model: String) throws {
        guard let path else { return }
        var numbers = all
        numbers[model, default: 0] += 1
        try JSONEncoder().encode(numbers).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
