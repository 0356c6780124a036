internal import Glibc

/// A library loaded while the program runs.
///
/// `@unchecked` since it is a pointer; it never changes, and looking a symbol up is safe from any thread. It is never
/// unloaded: threads that the library started may still run its code.
final class SharedLibrary: @unchecked Sendable {
    private let handle: UnsafeMutableRawPointer
    private let path: String

    init(path: String) throws {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw InferenceFault("cannot load '\(path)': \(dlerror().map { String(cString: $0) } ?? "no reason given")")
        }
        self.handle = handle
        self.path = path
    }

    /// A function of the library, as the C type given.
    func function<T>(_ name: String, as type: T.Type) throws -> T {
        guard let symbol = dlsym(handle, name) else { throw InferenceFault("'\(path)' has no function \(name)") }
        return unsafeBitCast(symbol, to: type)
    }
}
