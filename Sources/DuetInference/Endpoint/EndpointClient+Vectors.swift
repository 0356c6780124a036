internal import DuetFetch
internal import DuetPipeline

extension EndpointClient {
    /// Asks for the vectors of some texts in one request, and again in halves where that fails, so that a text that the
    /// server refuses costs the others nothing but requests.
    ///
    /// - Returns: What became of each text, in order.
    /// - Throws: ``DuetError`` when the server is at fault, so that no other text would do better.
    func vectors(_ requests: [EndpointRequest]) async throws -> [Outcome] {
        guard var request = requests.first else { return [] }
        guard requests.count == 1 || model.takesLists else { return try await apart(requests, size: 1) }
        if requests.count > 1 { request.body["input"] = .array(requests.map { $0.body["input"] ?? .null }) }
        let estimate = requests.reduce(0) { $0 + $1.estimatedTokens }
        var spent = Outcome(answer: StoredAnswer())
        var attempt = 1
        while true {
            spent.requests += 1
            do {
                let reply = try await send(request, tokens: estimate)
                if reply.vectors.count == requests.count, reply.vectors.allSatisfy({ !$0.isEmpty }) {
                    return share(reply, requests, estimate, spent)
                }
                if requests.count > 1 {
                    // A server that knows no lists makes one vector of a list, or of its first text.
                    if reply.vectors.count == 1 { model.takesLists = false }
                    return try await halves(requests, spent)
                }
                throw EndpointReply.Malformed(reason: "the answer has no vector")
            } catch let error as EndpointReply.Malformed {
                try await guardOpen(error.reason)
                guard attempt < model.declaration.attempts else {
                    return requests.count > 1
                        ? try await halves(requests, spent) : [failed(spent, error.reason)]
                }
                try await pause(attempt, asked: nil)
            } catch let error as FetchError {
                if case .giveUp(let reason) = try await judge(error, attempt: attempt) {
                    return requests.count > 1 ? try await halves(requests, spent) : [failed(spent, reason)]
                }
            }
            attempt += 1
            spent.retries += 1
        }
    }

    private func halves(_ requests: [EndpointRequest], _ spent: Outcome) async throws -> [Outcome] {
        var outcomes = try await apart(requests, size: (requests.count + 1) / 2)
        // All that was sent in vain is repeated.
        outcomes[0].retries += spent.requests
        outcomes[0].requests += spent.requests
        return outcomes
    }

    private func apart(_ requests: [EndpointRequest], size: Int) async throws -> [Outcome] {
        var outcomes: [Outcome] = []
        for start in stride(from: 0, to: requests.count, by: size) {
            outcomes += try await vectors(Array(requests[start..<min(start + size, requests.count)]))
        }
        return outcomes
    }

    /// Gives each text its vector, and its share of the tokens that the server counted for all of them.
    private func share(
        _ reply: EndpointReply,
        _ requests: [EndpointRequest],
        _ estimate: Int,
        _ spent: Outcome
    ) -> [Outcome] {
        // Some servers count the first text only; a text has at least one token.
        let told = reply.tokensIn.flatMap { $0 >= requests.count ? $0 : nil } ?? estimate
        var estimated = 0
        var given = 0
        return zip(requests, reply.vectors).enumerated().map { place, pair in
            estimated += pair.0.estimatedTokens
            let upToHere = told * estimated / max(1, estimate)
            var outcome = Outcome(answer: StoredAnswer(vector: Vector.normalized(pair.1)))
            outcome.answer.tokensIn = upToHere - given
            given = upToHere
            if place == 0 {
                outcome.retries = spent.retries
                outcome.requests = spent.requests
            }
            return outcome
        }
    }
}
