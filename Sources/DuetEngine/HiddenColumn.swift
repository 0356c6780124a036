/// Tells duet's own columns beside a dataset's rows from the user's.
package enum HiddenColumn {
    /// Whether a column is duet's own and not shown.
    ///
    /// - Parameter name: The column's name.
    /// - Returns: True for names that begin with `__`, but for those that a history shows.
    package static func matches(_ name: String) -> Bool {
        guard name.hasPrefix("__") else { return false }
        return !CaptureQuery.historyColumns.contains { $0.lowercased() == name.lowercased() }
    }
}
