internal import DuckKit
internal import DuetEngine
internal import DuetPipeline
internal import Foundation

/// What a warehouse holds, in fingerprints: how a fault's state is told from the one before.
struct StateProbe {
    private let prints: [DatasetName: RowPair.Fingerprint]

    /// Looks at a warehouse as it lies there, also one whose process was killed.
    ///
    /// It is looked at in a copy: opening the file itself would clear up after the process, which is the next run's work.
    init(_ pipeline: Pipeline, warehouse: String) throws {
        guard FileManager.default.fileExists(atPath: warehouse) else {
            prints = [:]
            return
        }
        let copy = warehouse + ".looked-at"
        for ending in ["", ".wal"] {
            if FileManager.default.fileExists(atPath: copy + ending) {
                try FileManager.default.removeItem(atPath: copy + ending)
            }
            guard FileManager.default.fileExists(atPath: warehouse + ending) else { continue }
            try FileManager.default.copyItem(atPath: warehouse + ending, toPath: copy + ending)
        }
        prints = try Self.read(pipeline, copy)
        for ending in ["", ".wal"] where FileManager.default.fileExists(atPath: copy + ending) {
            try FileManager.default.removeItem(atPath: copy + ending)
        }
    }

    private static func read(_ pipeline: Pipeline, _ path: String) throws -> [DatasetName: RowPair.Fingerprint] {
        let connection = try Warehouse.scratch()
        try connection.execute("ATTACH \(SQL.literal(path)) AS w")
        var prints: [DatasetName: RowPair.Fingerprint] = [:]
        for dataset in pipeline.publishedDatasets {
            let name = SQL.qualified(catalog: "w", schema: dataset.name.schema, name: dataset.name.table)
            do {
                let columns = try connection.describe("SELECT * FROM \(name)")
                prints[dataset.name] = try RowPair.fingerprint(of: name, columns: columns, connection)
            } catch let error as DuckDBError where error.kind == .catalog || error.kind == .binder {
                // What is not there has no fingerprint.
                continue
            }
        }
        try connection.execute("DETACH w")
        return prints
    }

    /// How many datasets have other rows, the same rows, or are gone, compared with an earlier look.
    func compared(with earlier: StateProbe) -> (changed: Int, kept: Int, lost: Int) {
        var result = (changed: 0, kept: 0, lost: 0)
        for name in Set(prints.keys).union(earlier.prints.keys) {
            switch (earlier.prints[name], prints[name]) {
            case (.some, nil): result.lost += 1
            case (let before, let now) where before == now: result.kept += 1
            default: result.changed += 1
            }
        }
        return result
    }
}
