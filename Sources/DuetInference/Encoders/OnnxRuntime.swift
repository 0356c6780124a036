internal import Glibc

/// ONNX Runtime, through the table of functions that its C API consists of.
///
/// The table only ever grows at its end, so a function is known by its place; the places below are those of version 9
/// of the API, which every later library serves (onnxruntime_c_api.h, `OrtApi`).
///
/// `@unchecked` for the table and the environment, which never change and which the library lets any thread use.
final class OnnxRuntime: @unchecked Sendable {
    typealias Pointer = OpaquePointer
    typealias Status = OpaquePointer?

    private enum Slot: Int {
        case getErrorMessage = 2
        case createEnvironment = 3
        case createSession = 7
        case run = 9
        case createSessionOptions = 10
        case setGraphOptimization = 23
        case setThreads = 24
        case createTensor = 49
        case getTensorData = 51
        case createMemoryInfo = 69
        case releaseStatus = 93
        case releaseSession = 95
        case releaseValue = 96
        case releaseSessionOptions = 100
        case addConfiguration = 130
    }

    private let library: SharedLibrary
    private let table: UnsafePointer<UnsafeRawPointer?>
    private let environment: Pointer
    private let memory: Pointer

    /// Loads the library at a path.
    init(path: String) throws {
        library = try SharedLibrary(path: path)
        typealias GetTable = @convention(c) (UInt32) -> UnsafePointer<UnsafeRawPointer?>?
        typealias Base = @convention(c) () -> UnsafePointer<UnsafeRawPointer?>?
        let base = try library.function("OrtGetApiBase", as: Base.self)
        guard let entry = base()?.pointee, let table = unsafeBitCast(entry, to: GetTable.self)(9) else {
            throw InferenceFault("'\(path)' does not serve version 9 of ONNX Runtime's API")
        }
        self.table = table
        typealias Create = @convention(c) (Int32, UnsafePointer<CChar>, UnsafeMutablePointer<Pointer?>) -> Status
        typealias Memory = @convention(c) (Int32, Int32, UnsafeMutablePointer<Pointer?>) -> Status
        var environment: Pointer?
        // 3: errors are told, warnings are not.
        try Self.check(Self.entry(table, .createEnvironment, Create.self)(3, "duet", &environment), table)
        var memory: Pointer?
        // 0, 0: the device's own allocator, for the CPU.
        try Self.check(Self.entry(table, .createMemoryInfo, Memory.self)(0, 0, &memory), table)
        guard let environment, let memory else { throw InferenceFault("ONNX Runtime gave no environment") }
        self.environment = environment
        self.memory = memory
    }

    private static func entry<T>(_ table: UnsafePointer<UnsafeRawPointer?>, _ slot: Slot, _: T.Type) -> T {
        unsafeBitCast(table[slot.rawValue], to: T.self)
    }

    private func entry<T>(_ slot: Slot, _ type: T.Type) -> T { Self.entry(table, slot, type) }

    private static func check(_ status: Status, _ table: UnsafePointer<UnsafeRawPointer?>) throws {
        guard let status else { return }
        let message = entry(table, .getErrorMessage, (@convention(c) (Pointer) -> UnsafePointer<CChar>?).self)(status)
        let text = message.map { String(cString: $0) } ?? "no reason given"
        entry(table, .releaseStatus, (@convention(c) (Pointer) -> Void).self)(status)
        throw InferenceFault("ONNX Runtime: \(text)")
    }

    private func check(_ status: Status) throws { try Self.check(status, table) }

    /// Loads a model; each call runs on one thread, so that calls can share the cores out between them.
    func session(model path: String) throws -> Session {
        typealias Options = @convention(c) (UnsafeMutablePointer<Pointer?>) -> Status
        typealias Number = @convention(c) (Pointer, Int32) -> Status
        typealias Entry = @convention(c) (Pointer, UnsafePointer<CChar>, UnsafePointer<CChar>) -> Status
        typealias Create =
            @convention(c) (Pointer, UnsafePointer<CChar>, Pointer, UnsafeMutablePointer<Pointer?>) -> Status
        var options: Pointer?
        try check(entry(.createSessionOptions, Options.self)(&options))
        guard let options else { throw InferenceFault("ONNX Runtime gave no options") }
        defer { entry(.releaseSessionOptions, (@convention(c) (Pointer) -> Void).self)(options) }
        try check(entry(.setThreads, Number.self)(options, 1))
        try check(entry(.setGraphOptimization, Number.self)(options, 99))
        try check(entry(.addConfiguration, Entry.self)(options, "session.intra_op.allow_spinning", "0"))
        var session: Pointer?
        try check(entry(.createSession, Create.self)(environment, path, options, &session))
        guard let session else { throw InferenceFault("ONNX Runtime gave no session for '\(path)'") }
        return Session(self, session)
    }

    /// A loaded model.
    ///
    /// `@unchecked` since the library lets any number of threads run one session.
    final class Session: @unchecked Sendable {
        private let runtime: OnnxRuntime
        private let pointer: Pointer

        fileprivate init(_ runtime: OnnxRuntime, _ pointer: Pointer) {
            self.runtime = runtime
            self.pointer = pointer
        }

        deinit { runtime.entry(.releaseSession, (@convention(c) (Pointer) -> Void).self)(pointer) }

        /// Runs the model over matrices of 64-bit integers.
        ///
        /// - Parameters:
        ///   - inputs: The name and the numbers of each input, row by row.
        ///   - rows: The rows of each.
        ///   - columns: The columns of each.
        ///   - output: The name of the output wanted, a tensor of floats.
        ///   - body: Gets the output's numbers, which are gone when it returns.
        /// - Returns: What the body gives.
        /// - Throws: ``InferenceFault`` with the library's words.
        func run<T>(
            _ inputs: [(name: String, values: [Int64])],
            rows: Int,
            columns: Int,
            output: String,
            _ body: (UnsafePointer<Float>) -> T
        ) throws -> T {
            typealias Run =
                @convention(c) (
                    Pointer, Pointer?, UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<Pointer?>, Int,
                    UnsafePointer<UnsafePointer<CChar>?>, Int, UnsafeMutablePointer<Pointer?>
                ) -> Status
            typealias Data = @convention(c) (Pointer, UnsafeMutablePointer<UnsafeMutableRawPointer?>) -> Status
            let release = runtime.entry(.releaseValue, (@convention(c) (Pointer) -> Void).self)
            // The tensors borrow these buffers, and the names these strings, until the run is over.
            var buffers: [UnsafeMutableBufferPointer<Int64>] = []
            var names: [UnsafeMutablePointer<CChar>?] = []
            var tensors: [Pointer?] = []
            defer {
                for tensor in tensors { if let tensor { release(tensor) } }
                for buffer in buffers { buffer.deallocate() }
                for name in names { free(name) }
            }
            for input in inputs {
                let buffer = UnsafeMutableBufferPointer<Int64>.allocate(capacity: input.values.count)
                _ = buffer.initialize(from: input.values)
                buffers.append(buffer)
                names.append(strdup(input.name))
                tensors.append(try tensor(over: buffer, shape: [Int64(rows), Int64(columns)]))
            }
            names.append(strdup(output))
            let texts = names.map { $0.map { UnsafePointer($0) } }
            var result: Pointer?
            let status = texts.withUnsafeBufferPointer { texts -> Status in
                guard let first = texts.baseAddress else { return nil }
                return tensors.withUnsafeBufferPointer { tensors -> Status in
                    guard let values = tensors.baseAddress else { return nil }
                    return runtime.entry(.run, Run.self)(
                        pointer,
                        nil,
                        first,
                        values,
                        inputs.count,
                        first + inputs.count,
                        1,
                        &result
                    )
                }
            }
            try runtime.check(status)
            guard let result else { throw InferenceFault("ONNX Runtime gave no output '\(output)'") }
            defer { release(result) }
            var data: UnsafeMutableRawPointer?
            try runtime.check(runtime.entry(.getTensorData, Data.self)(result, &data))
            guard let data else { throw InferenceFault("ONNX Runtime's output '\(output)' has no data") }
            return body(UnsafePointer(data.assumingMemoryBound(to: Float.self)))
        }

        private func tensor(over buffer: UnsafeMutableBufferPointer<Int64>, shape: [Int64]) throws -> Pointer? {
            typealias Create =
                @convention(c) (
                    Pointer, UnsafeMutableRawPointer?, Int, UnsafePointer<Int64>, Int, Int32,
                    UnsafeMutablePointer<Pointer?>
                ) -> Status
            var tensor: Pointer?
            // 7: ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64.
            let status = runtime.entry(.createTensor, Create.self)(
                runtime.memory,
                buffer.baseAddress,
                buffer.count * 8,
                shape,
                shape.count,
                7,
                &tensor
            )
            try runtime.check(status)
            return tensor
        }
    }
}
