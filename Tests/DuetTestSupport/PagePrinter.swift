internal import Foundation

/// Headless Chromium that draws one page and hands it back, which `scripts/setup browser` brings.
public struct PagePrinter: Sendable {
    /// What a page has become after its scripts have run.
    public struct Shown: Sendable {
        /// The document as HTML.
        public var page: String
        /// What the console says: errors, and what pages write there.
        public var console: [String]
    }

    private let path: String

    /// Finds the browser.
    ///
    /// - Throws: ``TestFailure`` when there is none.
    public init() throws {
        let places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        guard let path = places.first(where: FileManager.default.isExecutableFile) else {
            throw TestFailure("there is no Chromium: run scripts/setup browser")
        }
        self.path = path
    }

    /// Opens a file and waits until it is drawn.
    ///
    /// - Parameter file: The page.
    /// - Returns: What it has become.
    /// - Throws: ``TestFailure`` when the browser fails.
    public func open(_ file: String) async throws -> Shown {
        let profile = try TemporaryFolder()
        let browser = path
        return try await offPool {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: browser)
            process.arguments = [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--user-data-dir=\(profile.path)", "--enable-logging=stderr", "--v=0", "--timeout=120000",
                "--virtual-time-budget=20000", "--dump-dom", "file://\(file)",
            ]
            process.standardInput = FileHandle.nullDevice
            // Files and not pipes: neither can fill up while the other is read.
            let output = "\(profile.path)/page"
            let errors = "\(profile.path)/console"
            for path in [output, errors] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
            guard let page = FileHandle(forWritingAtPath: output), let log = FileHandle(forWritingAtPath: errors) else {
                throw TestFailure("cannot write to \(profile.path)")
            }
            process.standardOutput = page
            process.standardError = log
            try process.run()
            process.waitUntilExit()
            let text = { (path: String) in
                String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
            }
            guard process.terminationStatus == 0 else {
                throw TestFailure("the browser ended with \(process.terminationStatus): \(text(errors).suffix(500))")
            }
            let console = text(errors).split(separator: "\n").filter { $0.contains(":CONSOLE") }.map(String.init)
            return Shown(page: text(output), console: console)
        }
    }
}
