internal import DuetEngine
internal import DuetExpression
internal import DuetFactory
internal import DuetServe
internal import Foundation
internal import Synchronization

/// WebHook: a request with an address to call back, and a wait until somebody does.
///
/// Source: control-flow-webhook-activity: `callBackUri` in the body, ten minutes unless `timeout` says otherwise,
/// `reportStatusOnCallBack` with `Output`, `Error` and `StatusCode` in what is sent back.
struct WebHookHandler: ActivityHandler {
    let environment: FactoryEnvironment

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        do {
            let callback = try Callback(folder: try environment.scratch(call), call)
            var body = ExpressionObject()
            switch call["body"] {
            case .object(let object)?: body = object
            case .string(let text)?:
                if case .success(.object(let object)) = Result(catching: { try ExpressionValue(json: text) }) {
                    body = object
                }
            default: break
            }
            body["callBackUri"] = .string(callback.url)
            _ = try WebHandler(environment: environment).send(call, body: ExpressionValue.object(body).json)
            let limit = call["timeout"]?.stringValue.flatMap(TimeSpan.seconds) ?? 600
            return look(call, callback, limit: limit, left: limit)
        } catch {
            return .failed(ActivityFailure(describing: error))
        }
    }

    private func look(_ call: ActivityCall, _ callback: Callback, limit: Double, left: Double) -> ActivityAnswer {
        if let answer = callback.answer { return Self.outcome(answer, call) }
        guard left > 0 else {
            return .failed(
                ActivityFailure(
                    "WebHookTimeout",
                    "nobody called back within \(ActivityExecution.text(limit))",
                    hint: "the address is in the request's body as callBackUri; \"timeout\" says how long to wait"
                )
            )
        }
        let pause = min(0.2, left)
        return .later(seconds: pause) { look(call, callback, limit: limit, left: left - pause) }
    }

    private static func outcome(_ bytes: [UInt8], _ call: ActivityCall) -> ActivityAnswer {
        let text = String(decoding: bytes, as: UTF8.self)
        guard case .success(.object(let object)) = Result(catching: { try ExpressionValue(json: text) }) else {
            return .succeeded(text.isEmpty ? .object(ExpressionObject()) : ["Response": .string(text)])
        }
        guard LookupHandler.flag(call["reportStatusOnCallBack"]) == true else { return .succeeded(.object(object)) }
        let error = object.value(ignoringCase: "Error")?.objectValue
        let status = object.value(ignoringCase: "StatusCode").flatMap { ActivityExecution.number($0) } ?? 200
        guard status < 400 else {
            let message = error?.value(ignoringCase: "Message")?.stringValue ?? "the caller reported \(Int(status))"
            let code = error?.value(ignoringCase: "ErrorCode").map { $0.stringValue ?? $0.json } ?? "\(Int(status))"
            return .failed(ActivityFailure(code, message))
        }
        return .succeeded(object.value(ignoringCase: "Output") ?? .object(object))
    }
}

/// A server of this machine that waits for one request.
private final class Callback: Sendable {
    let url: String
    private let server: FileServer
    private let box: Box

    private final class Box: Sendable {
        let bytes = Mutex<[UInt8]?>(nil)
    }

    init(folder: String, _ call: ActivityCall) throws {
        let path = "/callback/\(call.activityRunID)"
        let box = Box()
        let server = FileServer(
            root: folder,
            options: .init(handler: { request in
                guard request.path == path else { return ServedReply(status: 404) }
                guard request.method == "POST" || request.method == "PUT" else { return ServedReply(status: 405) }
                box.bytes.withLock { $0 = request.body }
                return ServedReply(status: 200)
            })
        )
        let port = try Blocking.wait(control: call.control) { try await server.start() }
        self.box = box
        self.server = server
        url = "http://127.0.0.1:\(port)\(path)"
    }

    deinit {
        let server = server
        Task { await server.stop() }
    }

    var answer: [UInt8]? { box.bytes.withLock { $0 } }
}
