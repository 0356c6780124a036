internal import DuetFetch
internal import DuetPipeline
internal import Foundation

/// Asks a server, again where that may help.
struct EndpointClient: Sendable {
    let model: EndpointModel
    let fetcher: Fetcher

    /// What a question came to.
    struct Outcome: Sendable {
        var answer: StoredAnswer
        /// Requests beyond the first.
        var retries = 0
        /// Requests in all; of several questions in one request the first has it.
        var requests = 0
    }

    /// Asks until there is an answer or no hope of one.
    ///
    /// - Returns: The answer; one with an error when the input itself is at fault or gets no answer.
    /// - Throws: ``DuetError`` when the server is at fault, so that no other input would do better.
    func ask(_ request: EndpointRequest) async throws -> Outcome {
        var request = request
        var outcome = Outcome(answer: StoredAnswer())
        var isRepaired = false
        var attempt = 1
        while true {
            do {
                outcome.requests += 1
                let reply = try await send(request, tokens: request.estimatedTokens)
                outcome.answer.tokensIn += reply.tokensIn ?? request.estimatedTokens
                outcome.answer.tokensOut += reply.tokensOut ?? reply.text.utf8.count / 4
                do {
                    outcome.answer.text = try AnswerReader(request: request).answer(reply)
                    return outcome
                } catch AnswerReader.Problem.refused(let reason) {
                    return failed(outcome, reason)
                } catch AnswerReader.Problem.malformed(let reason) {
                    // Told once what is wrong; a model at temperature 0 says the same to the same question.
                    guard !isRepaired else { return failed(outcome, reason) }
                    isRepaired = true
                    outcome.retries += 1
                    repair(&request, reply: reply.text, reason: reason)
                }
            } catch let error as EndpointReply.Malformed {
                try await guardOpen(error.reason)
                guard attempt < model.declaration.attempts else { return failed(outcome, error.reason) }
                try await pause(attempt, asked: nil)
                attempt += 1
                outcome.retries += 1
            } catch let error as FetchError {
                switch try await judge(error, attempt: attempt) {
                case .again:
                    attempt += 1
                    outcome.retries += 1
                case .giveUp(let reason): return failed(outcome, reason)
                }
            }
        }
    }

    func failed(_ outcome: Outcome, _ reason: String) -> Outcome {
        var outcome = outcome
        outcome.answer.error = reason
        return outcome
    }

    private func repair(_ request: inout EndpointRequest, reply: String, reason: String) {
        let complaint =
            "That cannot be used: \(reason). Answer again, in the form that was asked for and with nothing else."
        if let messages = request.body["messages"]?.array {
            request.body["messages"] = .array(
                messages + [
                    ["role": "assistant", "content": .string(reply)], ["role": "user", "content": .string(complaint)],
                ]
            )
        } else if let prompt = request.body["prompt"]?.string {
            request.body["prompt"] = .string("\(prompt) \(reply)\n\n\(complaint)\n")
        }
    }

    /// Sends once, when the pace allows about so many tokens.
    func send(_ request: EndpointRequest, tokens estimate: Int) async throws -> EndpointReply {
        try await model.pace.enter(tokens: estimate)
        do {
            let reply = try await exchange(request)
            await model.pace.succeeded()
            await model.pace.correct(
                estimated: estimate,
                actual: (reply.tokensIn ?? estimate) + (reply.tokensOut ?? 0)
            )
            await model.pace.leave()
            return reply
        } catch {
            if let error = error as? FetchError, error.code == .rateLimited || error.code == .deadlineExceeded {
                await model.pace.throttled()
            }
            // Being told to wait, or that the question is wrong, is no failure of the server.
            if Self.isServersFault(error) { await model.pace.failed() }
            await model.pace.leave()
            throw error
        }
    }

    private static func isServersFault(_ error: any Error) -> Bool {
        guard let error = error as? FetchError else { return error is EndpointReply.Malformed }
        return switch error.code {
        case .rateLimited, .httpStatus, .cancelled, .shutDown: false
        default: true
        }
    }

    private func exchange(_ request: EndpointRequest) async throws -> EndpointReply {
        let wire = model.fetchRequest(request)
        let isStream = model.streams(request)
        guard isStream else {
            return try EndpointReply(body: try await fetcher.data(wire).1, isStream: false)
        }
        var body: [UInt8] = []
        for try await bytes in try fetcher.bytes(wire) { body += bytes }
        return try EndpointReply(body: body, isStream: true)
    }

    enum Verdict {
        case again
        case giveUp(String)
    }

    func judge(_ error: FetchError, attempt: Int) async throws -> Verdict {
        switch error.code {
        case .cancelled: throw DuetError(.cancelled, "the run was stopped")
        case .unauthorized, .forbidden, .notFound, .invalidURL, .unsupportedScheme, .hostUnavailable, .shutDown,
            .certificateRejected, .unsafeCredentials:
            throw unavailable(error.message + (Self.said(error).map { ": \($0)" } ?? ""), hint: error.hint)
        // 400, 413, 422: the same question gets the same answer.
        case .httpStatus where error.httpStatus != 408 && error.httpStatus != 425:
            return .giveUp(error.message + (Self.said(error).map { ": \($0)" } ?? ""))
        case .invalidRequest, .tooLarge: return .giveUp(error.message)
        default: break
        }
        try await guardOpen(error.message)
        guard attempt < model.declaration.attempts else {
            switch error.code {
            case .connectionRefused, .hostNotFound, .connectTimeout, .rateLimited, .tlsFailed:
                throw unavailable("\(error.message) (after \(attempt) attempts)", hint: error.hint)
            default: return .giveUp("\(error.message) (after \(attempt) attempts)")
            }
        }
        try await pause(attempt, asked: error.retryAfter)
        return .again
    }

    /// What the server gave as the reason, shortened: the protocol's message, or the body as it is.
    static func said(_ error: FetchError) -> String? {
        guard let answer = error.answer else { return nil }
        let text = reason(in: answer) ?? answer
        return text.count > 300 ? "\(text.prefix(299))…" : text
    }

    private static func reason(in answer: String) -> String? {
        do {
            let value = try JSONValue(parsing: answer)
            guard let reason = value["error"] ?? value["message"] ?? value["detail"] else { return nil }
            return reason["message"]?.string ?? reason.string ?? reason.text()
        } catch {
            // Not the protocol's form, or cut off: then it is shown as it is.
            return nil
        }
    }

    func guardOpen(_ reason: String) async throws {
        guard await model.pace.isOpen else { return }
        throw unavailable("it fails again and again, the last time with: \(reason)", hint: nil)
    }

    private func unavailable(_ reason: String, hint: String?) -> DuetError {
        DuetError(
            .inferenceFailed,
            "the model '\(model.declaration.name)' cannot be asked: \(reason)",
            hint: hint ?? "is the server at '\(model.declaration.url ?? "")' up? answers that came are kept",
            at: model.declaration.location
        )
    }

    /// Waits before another try: as long as the server asks, or twice as long each time, with full jitter.
    func pause(_ attempt: Int, asked: Duration?) async throws {
        let bound = min(30, 0.25 * Double(1 << min(attempt - 1, 20)))
        // A server that asks for minutes is waited for; one that asks for hours is not.
        let wait = asked.map { min($0, .seconds(300)) } ?? .seconds(bound * fetcher.configuration.random())
        do {
            try await fetcher.configuration.sleep(wait)
        } catch {
            throw DuetError(.cancelled, "the run was stopped")
        }
    }
}
