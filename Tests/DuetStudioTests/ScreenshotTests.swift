import DuetEngine
import DuetStudio
import DuetTestSupport
import Foundation
import Testing

/// Makes the pictures of the documentation: `make screenshots`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["DUET_SCREENSHOTS"] != nil))
struct ScreenshotTests {
    @Test func `pictures at three sizes and in both themes`() async throws {
        let target = try #require(ProcessInfo.processInfo.environment["DUET_SCREENSHOTS"])
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        let folder = try TemporaryFolder()
        var options = Studio.Options(folder: Repository.path("pipelines/flights"), workFolder: "\(folder.path)/work")
        options.libraryFolder = Repository.path(".deps/studio")
        options.lessonFolder = Repository.path("docs/lessons")
        let studio = try Studio(options)
        let address = try await studio.start()
        try await offPool {
            for step in [0, 2] {
                try studio.playground.apply(through: step)
                try studio.playground.run([.procedural, .declarative])
            }
        }
        for (name, width, height) in [("wide", 1440, 1180), ("tablet", 900, 1100), ("phone", 400, 900)] {
            for isDark in [false, true] {
                let browser = try await Browser(width: width, height: height, isDark: isDark)
                try await browser.open(address)
                try await browser.wait(until: "document.body.dataset.ready === 'yes'")
                let picture = try await browser.screenshot()
                try picture.write(to: URL(fileURLWithPath: "\(target)/studio-\(name)-\(isDark ? "dark" : "light").png"))
                #expect(try await browser.messages() == [])
                try await browser.close()
            }
        }
        await studio.stop()
    }
}
