/// How an update goes about its datasets.
public struct UpdateOptions: Sendable, Hashable {
    /// What the update is for.
    public enum Mode: String, Sendable, Hashable, CaseIterable, Codable {
        /// Errors are shown at once.
        case development
        /// A dataset that fails is tried twice more.
        case production
    }

    /// What the update is for.
    public var mode: Mode
    /// Whether what is downstream of the selected datasets is refreshed too.
    public var includesDownstream: Bool
    /// Whether only datasets that the last update failed or skipped are refreshed.
    public var onlyFailed: Bool
    /// Whether datasets that are no longer defined are dropped.
    public var dropsRemoved: Bool

    /// Creates options; by default an update of everything, for development.
    public init(
        mode: Mode = .development,
        includesDownstream: Bool = false,
        onlyFailed: Bool = false,
        dropsRemoved: Bool = false
    ) {
        self.mode = mode
        self.includesDownstream = includesDownstream
        self.onlyFailed = onlyFailed
        self.dropsRemoved = dropsRemoved
    }

    /// Seconds before a dataset is tried again.
    package var secondsBetweenTries = 1.0

    /// Tries after the first.
    package var retries: Int { mode == .production ? 2 : 0 }
}
