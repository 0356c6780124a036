/// How a ``Fetcher`` works, for all its transfers.
public struct FetchConfiguration: Sendable {
    /// How many transfers run at once; at least 1.
    public var maximumConnections: Int
    /// How many transfers run at once to one host and port; at least 1.
    public var maximumConnectionsPerHost: Int
    /// Whether HTTP/2 is offered on https.
    public var allowsHTTP2: Bool
    /// The value of `User-Agent`.
    public var userAgent: String
    /// The time allowed for name lookup, connection and TLS together.
    public var connectTimeout: Duration
    /// The rate, in bytes per second, below which a transfer counts as stalled.
    public var stallBytesPerSecond: Int
    /// For how long the rate may be lower; whole seconds.
    public var stallDuration: Duration
    /// The time allowed for one request with all its attempts, waits included, queueing not; `nil` is no limit.
    public var deadline: Duration?
    /// How many redirects are followed.
    public var maximumRedirects: Int
    /// The largest head of an answer, in bytes.
    public var maximumHeaderBytes: Int
    /// A PEM file of certificate authorities; `nil` takes libcurl's.
    public var certificateAuthorities: String?
    /// A PEM file with the client's certificate.
    public var clientCertificate: String?
    /// A PEM file with the client's key.
    public var clientKey: String?
    /// Whether the server must prove who it is.
    ///
    /// Only for sources that say otherwise in words.
    public var verifiesServer: Bool
    /// A proxy's URL as libcurl reads it; `nil` takes `https_proxy` and its kin from the environment, `""` uses none.
    public var proxy: String?
    /// When a host that keeps failing is left alone; `nil` never.
    public var circuitBreaker: CircuitBreaker?
    /// The most requests sent to one host in a second; `nil` is no limit.
    ///
    /// Repeated attempts and redirects count.
    public var requestsPerSecond: Double?
    /// The shortest time between two reports of progress of one transfer.
    public var progressInterval: Duration
    /// How a wait between attempts is spent; tests replace it.
    public var sleep: @Sendable (Duration) async throws -> Void
    /// A uniform number from 0 to 1, for the jitter; tests replace it.
    public var random: @Sendable () -> Double
    /// The time since some start, for circuits and rates; tests replace it.
    package var now: @Sendable () -> Duration = {
        let start = ContinuousClock.now
        return { ContinuousClock.now - start }
    }()
    /// How bytes reach a file; tests replace it to see a full disk.
    package var fileSystem = FileSystem()

    /// Creates a configuration.
    public init(
        maximumConnections: Int = 16,
        maximumConnectionsPerHost: Int = 8,
        allowsHTTP2: Bool = true,
        userAgent: String = "duet/0.1",
        connectTimeout: Duration = .seconds(20),
        stallBytesPerSecond: Int = 1,
        stallDuration: Duration = .seconds(30),
        deadline: Duration? = nil,
        maximumRedirects: Int = 10,
        maximumHeaderBytes: Int = 256 << 10,
        certificateAuthorities: String? = nil,
        clientCertificate: String? = nil,
        clientKey: String? = nil,
        verifiesServer: Bool = true,
        proxy: String? = nil,
        circuitBreaker: CircuitBreaker? = CircuitBreaker(),
        requestsPerSecond: Double? = nil,
        progressInterval: Duration = .milliseconds(100),
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
    ) {
        self.maximumConnections = maximumConnections
        self.maximumConnectionsPerHost = maximumConnectionsPerHost
        self.allowsHTTP2 = allowsHTTP2
        self.userAgent = userAgent
        self.connectTimeout = connectTimeout
        self.stallBytesPerSecond = stallBytesPerSecond
        self.stallDuration = stallDuration
        self.deadline = deadline
        self.maximumRedirects = maximumRedirects
        self.maximumHeaderBytes = maximumHeaderBytes
        self.certificateAuthorities = certificateAuthorities
        self.clientCertificate = clientCertificate
        self.clientKey = clientKey
        self.verifiesServer = verifiesServer
        self.proxy = proxy
        self.circuitBreaker = circuitBreaker
        self.requestsPerSecond = requestsPerSecond
        self.progressInterval = progressInterval
        self.sleep = sleep
        self.random = random
    }
}
