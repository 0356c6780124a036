import DuetPipeline
import DuetStudio
import DuetTestSupport
import Foundation
import Testing

/// The guided tour, clicked through in a real browser over the flights pipeline.
@Suite struct TourTests {
    @Test func `every lesson of the tour is done by its button, and tells what happened`() async throws {
        let folder = try TemporaryFolder()
        var options = Studio.Options(folder: Repository.path("pipelines/flights"), workFolder: "\(folder.path)/work")
        options.libraryFolder = Repository.path(".deps/studio")
        options.lessonFolder = Repository.path("docs/lessons")
        let studio = try Studio(options)
        let address = try await studio.start()
        let browser = try await Browser()
        try await browser.open(address)
        try await browser.wait(until: "document.body.dataset.ready === 'yes'")
        try await browser.click("#tour-open")
        try await browser.wait(until: "document.getElementById('tour-do') !== null")
        let text = try await browser.run("return document.querySelector('#tour .quiet').textContent").string ?? ""
        let count = try #require(text.split(separator: " ").last.flatMap { Int($0) }, "\(text)")
        for lesson in 1...count {
            try await browser.click("#tour-do")
            try await browser.wait(
                until: "[...document.querySelectorAll('#tour h3')].some((one) => one.textContent === 'Question') "
                    + "|| document.querySelector('#tour .error') !== null"
            )
            let error = try await browser.run("return document.querySelector('#tour .error')?.textContent ?? null")
            #expect(error == .null, "lesson \(lesson)")
            // Every figure that a lesson tells was measured.
            let told = try await browser.run("return document.getElementById('tour').textContent").string ?? ""
            #expect(!told.contains("{{"), "lesson \(lesson)")
            if lesson < count { try await browser.click("#tour-next") }
        }
        #expect(try await browser.run("return document.getElementById('tour-next').disabled") == true)
        #expect(try await browser.messages() == [])
        try await browser.close()
        await studio.stop()
    }
}
