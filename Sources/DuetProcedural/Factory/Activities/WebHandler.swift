internal import DuetEngine
internal import DuetExpression
internal import DuetFactory
internal import DuetFetch
internal import DuetPipeline
internal import Foundation

/// WebActivity, AzureFunctionActivity and WebHook: a request, and its answer as output.
struct WebHandler: ActivityHandler {
    let environment: FactoryEnvironment

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        answer {
            let (response, bytes) = try send(call, body: call["body"].map { $0.stringValue ?? $0.json } ?? "")
            return output(response, bytes)
        }
    }

    /// Makes the request.
    func send(_ call: ActivityCall, body: String) throws -> (FetchResponse, [UInt8]) {
        let method = (call["method"]?.stringValue ?? "GET").uppercased()
        let url = try address(call)
        var headers: [(String, String)] = []
        let given = call["headers"]?.objectValue
        for (name, value) in zip(given?.names ?? [], given?.values ?? []) {
            headers.append((name, value.stringValue ?? value.json))
        }
        if !body.isEmpty, !headers.contains(where: { $0.0.lowercased() == "content-type" }) {
            headers.append(("Content-Type", "application/json"))
        }
        let request = FetchRequest(
            url: url,
            method: try self.method(method, body, call),
            headers: headers,
            maximumBytes: FactoryLimits.lookupBytes,
            credentials: credentials(call["authentication"]?.objectValue),
            retry: .never
        )
        let fetcher = environment.fetcher
        return try Blocking.wait(control: call.control) { try await fetcher.data(request) }
    }

    private func address(_ call: ActivityCall) throws -> String {
        guard call.activity.kind == .azureFunction else {
            return try environment.address(call["url"]?.stringValue ?? "")
        }
        guard let service = call.linkedService else { throw ActivityFailure.noService(call) }
        guard case .http(let base) = try environment.place(of: service) else {
            throw ActivityFailure(
                "WrongStandIn",
                "a function needs a linked service mapped to an address",
                isFinal: true
            )
        }
        let name = call["functionName"]?.stringValue ?? ""
        return "\(base)/api/\(name.hasPrefix("/") ? String(name.dropFirst()) : name)"
    }

    private func method(_ name: String, _ body: String, _ call: ActivityCall) throws -> FetchRequest.Method {
        switch name {
        case "GET": return .get
        case "HEAD": return .head
        case "POST": return .post(Array(body.utf8))
        case "DELETE", "PATCH": return .send(name, Array(body.utf8))
        case "PUT":
            let path = "\(try environment.scratch(call))/body"
            try Data(body.utf8).write(to: URL(fileURLWithPath: path))
            return .put(file: path)
        default:
            throw ActivityFailure("UnsupportedMethod", "requests with \(name) are not made here", isFinal: true)
        }
    }

    private func credentials(_ authentication: ExpressionObject?) -> Credentials {
        guard authentication?.value(ignoringCase: "type")?.stringValue?.lowercased() == "basic",
            let user = authentication?.value(ignoringCase: "username")?.stringValue
        else { return .none }
        let password = authentication?.value(ignoringCase: "password")
        let text = password?.stringValue ?? password?.objectValue?.value(ignoringCase: "value")?.stringValue
        return .basic(user: user, password: text ?? "")
    }

    /// The answer: an object's members themselves, anything else under `Response`.
    private func output(_ response: FetchResponse, _ bytes: [UInt8]) -> ExpressionValue {
        let text = String(decoding: bytes, as: UTF8.self)
        var output = ExpressionObject()
        // An answer that is no JSON is given as text.
        if case .success(let value) = Result(catching: { try ExpressionValue(json: text) }) {
            if case .object(let object) = value { output = object } else { output["Response"] = value }
        } else if !text.isEmpty {
            output["Response"] = .string(text)
        }
        let headers = response.headers.fields.map { ($0.name, ExpressionValue.string($0.value)) }
        output["ADFWebActivityResponseHeaders"] = .object(ExpressionObject(headers))
        output["effectiveIntegrationRuntime"] = "duet (local)"
        return .object(output)
    }
}
