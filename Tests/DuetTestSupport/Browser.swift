public import DuetPipeline
public import Foundation
import Synchronization

/// A real browser without a window: headless Chromium, told what to do by its driver (W3C WebDriver).
///
/// `scripts/setup browser` brings both.
public final class Browser: Sendable {
    private let driver: Driver
    private let session: String

    /// Starts a browser.
    ///
    /// - Parameters:
    ///   - width: The window's width in pixels.
    ///   - height: Its height.
    ///   - isDark: Whether it prefers dark pages.
    /// - Throws: ``TestFailure`` when Chromium or its driver is missing or does not start.
    public init(width: Int = 1400, height: Int = 1000, isDark: Bool = false) async throws {
        driver = try await offPool { try Driver() }
        var arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--window-size=\(width),\(height)",
        ]
        if isDark { arguments.append("--blink-settings=preferredColorScheme=0") }
        let wishes: JSONValue = [
            "capabilities": [
                "alwaysMatch": [
                    "browserName": "chrome",
                    "goog:loggingPrefs": ["browser": "ALL"],
                    "goog:chromeOptions": ["args": .array(arguments.map { .string($0) })],
                ]
            ]
        ]
        let answer = try await driver.send("POST", "/session", wishes)
        guard let id = answer["sessionId"]?.string else { throw TestFailure("no session: \(answer.text())") }
        session = "/session/\(id)"
    }

    /// Makes the page as wide and high as a phone's, which may be narrower than a window can be.
    public func emulate(width: Int, height: Int) async throws {
        let parameters: JSONValue = [
            "width": .integer(Int64(width)), "height": .integer(Int64(height)), "deviceScaleFactor": 2, "mobile": true,
        ]
        _ = try await driver.send(
            "POST",
            "\(session)/goog/cdp/execute",
            ["cmd": "Emulation.setDeviceMetricsOverride", "params": parameters]
        )
    }

    /// Opens a page and waits until it is loaded.
    public func open(_ url: URL) async throws {
        _ = try await driver.send("POST", "\(session)/url", ["url": .string(url.absoluteString)])
    }

    /// Runs a script in the page.
    ///
    /// - Parameter script: The body of a function.
    /// - Returns: What it returns.
    /// - Throws: ``TestFailure`` when the script fails.
    public func run(_ script: String) async throws -> JSONValue {
        try await driver.send("POST", "\(session)/execute/sync", ["script": .string(script), "args": []])
    }

    /// Waits until an expression is true in the page, as long as a slow machine may take.
    ///
    /// - Throws: ``TestFailure`` when it does not become true within two minutes.
    public func wait(until expression: String) async throws {
        // Checked at each frame of the page itself, so that nothing here sleeps.
        let script = """
            const done = arguments[arguments.length - 1];
            const end = performance.now() + 120000;
            const look = () => {
              if (\(expression)) done(true);
              else if (performance.now() > end) done(false);
              else requestAnimationFrame(look);
            };
            look();
            """
        _ = try await driver.send("POST", "\(session)/timeouts", ["script": 150_000])
        let answer = try await driver.send("POST", "\(session)/execute/async", ["script": .string(script), "args": []])
        guard answer == true else {
            let log = try await messages().joined(separator: "\n")
            throw TestFailure("the page never came to: \(expression)\n\(log)")
        }
    }

    /// What the page has written to its console since the last call; errors of the page among it.
    public func messages() async throws -> [String] {
        let answer = try await driver.send("POST", "\(session)/se/log", ["type": "browser"])
        return (answer.array ?? []).map { "\($0["level"]?.string ?? ""): \($0["message"]?.string ?? "")" }
    }

    /// Sets the window's size.
    public func resize(width: Int, height: Int) async throws {
        let size: JSONValue = ["width": .integer(Int64(width)), "height": .integer(Int64(height))]
        _ = try await driver.send("POST", "\(session)/window/rect", size)
    }

    /// A picture of the window, as PNG.
    public func screenshot() async throws -> Data {
        let answer = try await driver.send("GET", "\(session)/screenshot")
        guard let data = answer.string.flatMap({ Data(base64Encoded: $0) }) else {
            throw TestFailure("the browser made no picture")
        }
        return data
    }

    /// Presses a key, as WebDriver names it; the focused element gets it.
    public func press(_ key: String) async throws {
        let actions: JSONValue = [
            "actions": [
                [
                    "type": "key", "id": "keyboard",
                    "actions": [
                        ["type": "keyDown", "value": .string(key)], ["type": "keyUp", "value": .string(key)],
                    ],
                ]
            ]
        ]
        _ = try await driver.send("POST", "\(session)/actions", actions)
    }

    /// Ends the browser.
    public func close() async throws {
        _ = try await driver.send("DELETE", session)
        driver.end()
    }
}

/// The driver's process.
private final class Driver: Sendable {
    private let port: UInt16
    private let process: Int32
    private let hasEnded = Mutex(false)

    /// How often it is started until it has a port.
    ///
    /// The driver asks the system for a free port of IPv6, then takes the same one of IPv4, and exits when a connection
    /// has that. After tests that made thousands of connections this is not rare, and another port is all it needs.
    private static let attempts = 20

    init() throws {
        var texts: [String] = []
        for _ in 0..<Self.attempts {
            let (process, port, text) = try Self.start()
            if let port {
                self.port = port
                self.process = process
                return
            }
            texts.append(text)
        }
        throw TestFailure(
            "chromedriver did not start in \(Self.attempts) attempts; run 'scripts/setup browser' once\n"
                + (texts.last ?? "")
        )
    }

    /// Starts the driver once; without a port it has ended, or is about to.
    private static func start() throws -> (process: Int32, port: UInt16?, text: String) {
        let task = Process()
        task.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // The port is chosen by the system and told on standard output.
        task.arguments = ["chromedriver", "--port=0"]
        let output = Pipe()
        task.standardOutput = output
        task.standardError = FileHandle.nullDevice
        try task.run()
        var text = ""
        // By hand, since `FileHandle` waits until it has all that was asked for.
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(output.fileHandleForReading.fileDescriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            text += String(decoding: buffer[..<count], as: UTF8.self)
            if let match = text.firstMatch(of: /successfully on port (\d+)\./), let port = UInt16(match.1) {
                return (task.processIdentifier, port, text)
            }
        }
        return (task.processIdentifier, nil, text)
    }

    deinit { end() }

    /// Ends the driver, once.
    ///
    /// Afterwards its number may be another process's. Not by SIGTERM, which is blocked in what a test's thread starts.
    func end() {
        let isLate = hasEnded.withLock { hasEnded in
            defer { hasEnded = true }
            return hasEnded
        }
        if !isLate { kill(process, SIGKILL) }
    }

    func send(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
        let answer = try await RawHTTP.send(
            method: method,
            port: port,
            path: path,
            headers: ["Content-Type": "application/json"],
            body: body?.text()
        )
        let value = try answer.json["value"] ?? .null
        guard answer.status == 200 else {
            throw TestFailure("the browser refused \(path): \(value["message"]?.string ?? value.text())")
        }
        return value
    }
}
