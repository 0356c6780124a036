import DuetPipeline
import DuetStudio
import DuetTestSupport
import Foundation
import Synchronization
import Testing

@Suite struct LessonTests {
    @Test func `every lesson does what it says and states what is true`() async throws {
        let folder = try TemporaryFolder()
        let lessons = try Lesson.load(Repository.path("docs/lessons"))
        #expect(lessons.count == 10)
        let said = Mutex<[String]>([])
        let log = Box(said)
        try await offPool {
            try LessonPlayer.tour(
                lessons,
                folder: Repository.path("pipelines/flights"),
                workFolder: "\(folder.path)/tour",
                say: { text in log.value.withLock { $0.append(text) } }
            )
        }
        let text = log.value.withLock { $0.joined(separator: "\n") }
        #expect(!text.contains("{{") && text.contains("When to choose which"))
    }

    @Test(
        arguments: [
            ("Title\n", "begins with"), ("# T\n## Do\n", "no section '## You See'"),
            ("# T\n## You see\nx\n## Do\n```duet\nfly away\n```\n", "'fly away' is no action"),
            ("# T\n## You see\nx\n## Do\n```duet\nrun sideways\n```\n", ":6:1"),
        ]
    )
    func `a wrong lesson is told with its place`(text: String, expected: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(text, to: "01.md")
        do {
            _ = try Lesson.load(folder.path)
            Issue.record("the lesson was taken")
        } catch let error as DuetError {
            #expect(error.description.contains(expected), "\(error)")
        }
    }
}

/// Lends a value that cannot be copied to work elsewhere.
private final class Box: Sendable {
    let value: Mutex<[String]>
    init(_ value: consuming Mutex<[String]>) { self.value = value }
}
