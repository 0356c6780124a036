import DuetCompare
import DuetPipeline
import DuetReport
import DuetTPC
import DuetTestSupport
import Foundation
import Testing

/// The pipeline of TPC-H's queries as it is in the repository.
@Suite struct TPCHPipelineTests {
    @Test func `all 22 queries are equal in both styles after every update, with the keys that change rules go by`()
        async throws
    {
        let folder = try TemporaryFolder()
        let raw = "\(folder.path)/raw"
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let comparison = Comparison(
            folder: root.appendingPathComponent("pipelines/tpch").path,
            parameters: ["raw": raw],
            workFolder: "\(folder.path)/work"
        )
        let report = try await offPool {
            try TPCH.write(to: raw, scale: 0.01)
            return try comparison.run()
        }
        #expect(report.steps.count == 6)
        #expect(report.isEqual, "\(report.steps.flatMap(\.datasets).filter { !$0.isEqual })")
        #expect(report.steps.allSatisfy { step in step.datasets.filter { $0.name.schema == "gold" }.count == 22 })
    }
}
