public import DuetEvents

/// One file of a source, as it is on this machine now.
public struct LandedFile: Sendable, Hashable {
    /// The number that rows remember it by, 0 until it is recorded; a changed content gets a new one.
    public var id: Int = 0
    /// The source's name.
    public var source: String
    /// The URL or path it comes from.
    public var origin: String
    /// Where it lies on this machine.
    public var path: String
    /// What tells one content from another: a SHA-256 for what was fetched, size and time for local files.
    public var content: String
    /// The size in bytes.
    public var size: Int
    /// The server's ETag.
    public var etag: String?
    /// The server's Last-Modified.
    public var lastModified: String?

    /// Creates a file.
    public init(
        source: String,
        origin: String,
        path: String,
        content: String,
        size: Int,
        etag: String? = nil,
        lastModified: String? = nil
    ) {
        self.source = source
        self.origin = origin
        self.path = path
        self.content = content
        self.size = size
        self.etag = etag
        self.lastModified = lastModified
    }
}

/// What looking at a source found.
public struct SourceSync: Sendable {
    /// The files there are now.
    public var files: [LandedFile]
    /// What is not read itself but asked for on condition the next time: manifests, archives, an API's pages.
    public var kept: [LandedFile] = []
    /// Bytes that came over the network.
    public var bytesTransferred = 0
    /// Requests made.
    public var requests = 0
    /// Files fetched, or found changed on this machine.
    public var changed = 0
    /// The `Link` fields of the last answer.
    var links: [String] = []
    /// Bytes that were hashed because they came, or because nothing told what they hash to.
    var hashedBytes = 0
    /// Bytes of files that grew which went through this process to get from the old file to the new one.
    var copiedBytes = 0
    /// What the transfers took and spared.
    public var transfers = TransferMeasures()
}
