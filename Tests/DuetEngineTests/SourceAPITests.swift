import DuetEngine
import DuetPipeline
import DuetServe
import DuetTestSupport
import Foundation
import Synchronization
import Testing

/// An API over ten rows, in pages of four, in every way of paging.
final class PagedAPI: Sendable {
    let rows = Mutex((1...10).map { "{\"id\": \($0), \"big\": 9007199254740993}" })
    let requests = Mutex<[String]>([])

    func answer(_ request: ServedRequest) -> ServedReply? {
        let query = Dictionary(
            request.query.split(separator: "&").map {
                $0.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            }
            .map { ($0[0], $0.count > 1 ? $0[1] : "") }
        ) { $1 }
        requests.withLock { $0.append("\(request.path)?\(request.query)") }
        let rows = rows.withLock { $0 }
        let first: Int =
            switch request.path {
            case "/number": (Int(query["page"] ?? "") ?? 1) * 4 - 4
            case "/offset": Int(query["skip"] ?? "") ?? 0
            default: Int(query["from"] ?? "") ?? 0
            }
        let page = first < rows.count ? Array(rows[first..<min(first + 4, rows.count)]) : []
        let next = first + 4 < rows.count ? first + 4 : nil
        let list = "[\(page.joined(separator: ", "))]"
        switch request.path {
        case "/next":
            let link = next.map { "\"/next?from=\($0)\"" } ?? "null"
            return reply("{\"data\": \(list), \"links\": {\"next\": \(link)}}")
        case "/cursor":
            return reply("{\"data\": \(list), \"meta\": {\"cursor\": \"\(next.map(String.init) ?? "")\"}}")
        case "/link":
            let link = next.map { [("Link", "</first>; rel=first, </link?from=\($0)>; rel=\"next\"")] } ?? []
            return reply(list, link)
        case "/circle": return reply("{\"data\": \(list), \"links\": {\"next\": \"/circle\"}}")
        case "/away": return reply("{\"data\": \(list), \"links\": {\"next\": \"http://127.0.0.2/x\"}}")
        case "/odd": return reply("{\"data\": {\"a\": 1}}")
        default: return reply("{\"data\": \(list)}")
        }
    }

    private func reply(_ text: String, _ headers: [(String, String)] = []) -> ServedReply {
        ServedReply(headers: [("Content-Type", "application/json")] + headers, body: Array(text.utf8))
    }
}

@Suite(.timeLimit(.minutes(3)))
struct SourceAPITests {
    @Test(arguments: [
        "{url: BASE/next, rows: $.data, paging: {next: $.links.next}}",
        "{url: BASE/cursor, rows: $.data, paging: {cursor: $.meta.cursor, parameter: from}}",
        "{url: BASE/number, rows: $.data, paging: {page: page}}",
        "{url: BASE/number?size=4, rows: $.data, paging: {page: page, size: 4}}",
        "{url: BASE/offset, rows: $.data, paging: {offset: skip, size: 4}}",
        "{url: BASE/link, paging: link}",
    ])
    func `all pages of an API are rows of one source`(api: String) async throws {
        let paged = PagedAPI()
        let served = try ServedFolder { paged.answer($0) }
        let base = try await served.start()
        let fixture = try SourceFixture("api: \(api.replacing("BASE", with: base))")
        let first = try await fixture.read()
        let lines = try SourceFixture.texts(first).joined().split(separator: "\n")
        #expect(lines.count == 10)
        #expect(lines.first == "{\"id\":1,\"big\":9007199254740993}")
        #expect(first.files.count == 3)
        paged.rows.withLock { $0.append("{\"id\": 11}") }
        let second = try await fixture.read(known: first)
        #expect(try SourceFixture.texts(second).joined().split(separator: "\n").count == 11)
        #expect(second.changed == 1, "two pages are as they were")
        await served.server.stop()
    }

    @Test(arguments: [
        ("{url: BASE/circle, rows: $.data, paging: {next: $.links.next}}", "leads back"),
        ("{url: BASE/away, rows: $.data, paging: {next: $.links.next}}", "on another host"),
        ("{url: BASE/next, rows: $.data, paging: {next: $.links.next}, pages: 2}", "more than 2 pages"),
        ("{url: BASE/odd, rows: $.data}", "no list of rows at '$.data': it holds object there"),
        ("{url: BASE/odd, rows: $.rows}", "it has nothing there"),
    ])
    func `an API that is not as told is refused`(api: String, message: String) async throws {
        let paged = PagedAPI()
        let served = try ServedFolder { paged.answer($0) }
        let base = try await served.start()
        let error = await (try SourceFixture("api: \(api.replacing("BASE", with: base))")).error()
        #expect(error?.message.contains(message) == true, "\(String(describing: error))")
        await served.server.stop()
    }
}
