public import DuetPipeline

/// What the transfers of a source took and spared.
public struct TransferMeasures: Sendable, Hashable {
    /// How many files are listed one by one; the sums have all.
    public static let listedFiles = 100

    /// Seconds by phase.
    public struct Seconds: Sendable, Hashable {
        /// Looking up the host's address.
        public var dns: Double
        /// Until the connection stood.
        public var connect: Double
        /// Until it was encrypted.
        public var tls: Double
        /// Until the answer's first byte.
        public var firstByte: Double
        /// Until the end.
        public var total: Double

        /// Creates seconds.
        public init(dns: Double = 0, connect: Double = 0, tls: Double = 0, firstByte: Double = 0, total: Double = 0) {
            self.dns = dns
            self.connect = connect
            self.tls = tls
            self.firstByte = firstByte
            self.total = total
        }

        var json: JSONValue {
            [
                "dns": .double(dns), "connect": .double(connect), "tls": .double(tls), "first_byte": .double(firstByte),
                "total": .double(total),
            ]
        }
    }

    /// One file that was asked for.
    public struct File: Sendable, Hashable {
        /// Its name.
        public var name: String
        /// The bytes that came.
        public var bytes: Int
        /// Whether the server said that what is here is current.
        public var isCached: Bool
        /// Attempts made.
        public var attempts: Int
        /// The byte at which a partial file was continued.
        public var resumedAt: Int
        /// HTTP's version; empty over SSH.
        public var version: String
        /// The server's address and port.
        public var server: String
        /// Where the last attempt spent its time, each phase from the start on.
        public var seconds: Seconds
        /// Why attempts failed, as codes.
        public var retryReasons: [String]

        /// Creates a file.
        public init(
            name: String,
            bytes: Int,
            isCached: Bool,
            attempts: Int,
            resumedAt: Int,
            version: String,
            server: String,
            seconds: Seconds,
            retryReasons: [String]
        ) {
            self.name = name
            self.bytes = bytes
            self.isCached = isCached
            self.attempts = attempts
            self.resumedAt = resumedAt
            self.version = version
            self.server = server
            self.seconds = seconds
            self.retryReasons = retryReasons
        }
    }

    /// The files asked for, the first ``listedFiles`` of them.
    public var files: [File] = []
    /// Files that were found unchanged, by asking or by a listing.
    public var filesCached = 0
    /// Bytes that did not have to come because they were here.
    public var bytesSaved = 0
    /// Attempts that failed and were made again.
    public var retries = 0
    /// The time of all transfers by phase; they overlap, so the sum may exceed the step's time.
    public var seconds = Seconds()
    /// Why the server's certificate was not checked, in the words of pipeline.yml.
    public var unverified: String?

    /// Creates measures with nothing measured.
    public init() {}

    /// Whether there is nothing to tell.
    public var isEmpty: Bool { self == TransferMeasures() }

    /// Adds what other transfers of the same source took.
    public mutating func merge(_ other: TransferMeasures) {
        files += other.files.prefix(max(0, Self.listedFiles - files.count))
        filesCached += other.filesCached
        bytesSaved += other.bytesSaved
        retries += other.retries
        seconds.dns += other.seconds.dns
        seconds.connect += other.seconds.connect
        seconds.tls += other.seconds.tls
        seconds.firstByte += other.seconds.firstByte
        seconds.total += other.seconds.total
        unverified = unverified ?? other.unverified
    }

    /// The measures as a JSON object.
    public var json: JSONValue {
        var object: JSONObject = [
            "files_cached": .integer(Int64(filesCached)), "bytes_saved": .integer(Int64(bytesSaved)),
            "retries": .integer(Int64(retries)), "seconds": seconds.json,
        ]
        if let unverified { object["tls_unverified"] = .string(unverified) }
        object["files"] = .array(
            files.map { file in
                var entry: JSONObject = [
                    "name": .string(file.name), "bytes": .integer(Int64(file.bytes)), "cached": .bool(file.isCached),
                    "attempts": .integer(Int64(file.attempts)), "http": .string(file.version),
                    "server": .string(file.server), "seconds": file.seconds.json,
                ]
                if file.resumedAt > 0 { entry["resumed_at"] = .integer(Int64(file.resumedAt)) }
                if !file.retryReasons.isEmpty {
                    entry["retry_reasons"] = .array(file.retryReasons.map { .string($0) })
                }
                return .object(entry)
            }
        )
        return .object(object)
    }
}
