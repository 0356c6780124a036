package import DuetPipeline

/// How far back the kept changes of a dataset go.
package enum KeptChanges {
    /// The key in `duet.meta` under which the version is noted that no earlier change is kept than.
    package static func mark(_ name: DatasetName) -> String { "changes_kept_from \(name.key)" }
}
