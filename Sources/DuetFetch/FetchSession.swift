/// One request from its first attempt to its end.
struct FetchSession: Sendable {
    let request: FetchRequest
    let location: Location
    let credentials: Credentials
    let receiver: BodyReceiver
    let configuration: FetchConfiguration
    private let loop: CurlLoop
    /// Kept, since the loop stops with it.
    let fetcher: Fetcher
    let progress: (@Sendable (FetchProgress) -> Void)?

    /// Where the body goes.
    enum Sink {
        /// To the request's destination, or nowhere.
        case destination
        case memory
        case stream(StreamBuffer)
        /// To its place in a file that is fetched in parts.
        case slice(BodyReceiver.Slice)
    }

    /// What is counted over all attempts.
    struct Tally {
        var attempts = 0
        var redirects = 0
        var bytesTotal = 0
        var spent: Duration = .zero
        var reasons: [FetchError] = []
    }

    init(
        _ request: FetchRequest,
        fetcher: Fetcher,
        sink: Sink,
        progress: (@Sendable (FetchProgress) -> Void)?
    ) throws(FetchError) {
        location = try Location(request.url)
        guard let loop = fetcher.loop else {
            throw FetchError(code: .transferFailed, message: "libcurl could not be started", url: location.redacted)
        }
        try RequestHeaders.check(request, url: location.redacted)
        if let expected = request.expectedSHA256, expected.utf8.count != 64 || !expected.allSatisfy(\.isHexDigit) {
            throw FetchError(
                code: .invalidRequest,
                message: "the expected SHA-256 is not 64 hexadecimal digits",
                url: location.redacted
            )
        }
        if case .none = request.credentials.kind, let user = location.user {
            credentials = .basic(user: user, password: location.password ?? "")
        } else {
            credentials = request.credentials
        }
        self.request = request
        self.loop = loop
        self.fetcher = fetcher
        self.progress = progress
        configuration = fetcher.configuration
        receiver = BodyReceiver(
            request: request,
            location: location,
            sink: sink,
            fileSystem: configuration.fileSystem
        )
    }

    func run() async throws(FetchError) -> FetchResponse {
        if receiver.mayHaveRest {
            try await Blocking.attempt { [receiver] () throws(FetchError) in try receiver.openRest() }
        }
        if let grown = request.grownFrom {
            try await Blocking.attempt { [receiver] () throws(FetchError) in try receiver.growFrom(grown) }
        }
        var tally = Tally()
        if let response = try await runInParts(&tally) { return response }
        while true {
            tally.attempts += 1
            var failure: FetchError
            do {
                return try await attempt(&tally)
            } catch {
                failure = error
            }
            failure.attempts = tally.attempts
            // Bytes that were read cannot be taken back, so what comes after them is final.
            let isFinal = receiver.stream?.hasDelivered ?? false
            let wait =
                isFinal
                ? nil
                : request.retry.delay(
                    after: failure,
                    attempt: tally.attempts,
                    method: request.method,
                    random: configuration.random()
                )
            guard let wait, remaining(tally).map({ $0 > wait }) ?? true, await sleep(wait) else {
                if Task.isCancelled, failure.code != .cancelled {
                    failure.message = "the transfer was cancelled between two attempts; before: \(failure.message)"
                    failure.code = .cancelled
                }
                receiver.giveUp(keepingPart: Self.keepsPart(failure))
                throw failure
            }
            tally.spent += wait
            tally.reasons.append(failure)
        }
    }

    /// Waits; false when the task was cancelled meanwhile.
    func sleep(_ wait: Duration) async -> Bool {
        do {
            try await configuration.sleep(wait)
            return !Task.isCancelled
        } catch {
            return false
        }
    }

    func remaining(_ tally: Tally) -> Duration? {
        (request.deadline ?? configuration.deadline).map { $0 - tally.spent }
    }

    // MARK: - One attempt

    /// Sends one request when its host's turn has come, and notes how the host did.
    func send(_ attempt: Attempt, _ tally: inout Tally) async throws(FetchError) -> AttemptResult {
        let wait = try fetcher.gate.enter(attempt.location, requestsPerSecond: request.requestsPerSecond)
        if wait > .zero {
            guard await sleep(wait) else {
                let error = FetchError(
                    code: .cancelled,
                    message: "the transfer was cancelled while it waited for its turn",
                    url: location.redacted
                )
                fetcher.gate.leave(attempt.location, AttemptResult(failure: error))
                throw error
            }
            tally.spent += wait
        }
        let result = await loop.run(attempt)
        fetcher.gate.leave(attempt.location, result)
        return result
    }

    private func attempt(_ tally: inout Tally) async throws(FetchError) -> FetchResponse {
        var step = Redirect.Step(location: location, method: request.method, keepsSecrets: true)
        var followed = 0
        var asked: Continuation?
        while true {
            asked = receiver.continuation
            // Nothing to continue with: what is held is of no use, and the hash starts anew.
            if asked == nil { try receiver.startOver() }
            if let left = remaining(tally), left <= .zero { throw deadlineExceeded() }
            let isRepeat = followed == 0 && tally.attempts > 1
            let result = try await send(
                Attempt(
                    location: step.location,
                    method: step.method,
                    headerLines: RequestHeaders.lines(
                        for: request,
                        continuation: asked,
                        keepsSecrets: step.keepsSecrets
                    ),
                    credentials: step.keepsSecrets ? credentials : .none,
                    contentCoding: request.contentCoding,
                    transport: transport(keepsSecrets: step.keepsSecrets),
                    offset: asked?.offset ?? 0,
                    deadline: remaining(tally),
                    number: tally.attempts,
                    retryReason: isRepeat ? tally.reasons.last : nil,
                    progress: progress,
                    receiver: receiver
                ),
                &tally
            )
            tally.spent += result.elapsed
            tally.bytesTotal += result.bytesOnWire
            if let failure = result.failure {
                let hadGrown = receiver.isGrowing
                // A part that does not fit the answer is of no use for the next attempt either.
                if failure.code == .badResponse { try receiver.startOver() }
                // The end that was held is not what the server has there now: the file did not only grow.
                if hadGrown || location.isSSH && asked != nil, failure.code == .badResponse { continue }
                throw failure
            }
            if result.head.status == 416, asked != nil, receiver.slice == nil {
                // The resource is shorter than what is held, so it is another one.
                try receiver.startOver()
                continue
            }
            let next = try Redirect.next(
                after: result.head,
                from: step.location,
                method: step.method,
                followed: followed,
                maximum: configuration.maximumRedirects
            )
            if let next {
                followed += 1
                tally.redirects += 1
                // Once another host was asked, even the way back does not get the secrets again: that host could have
                // chosen where they go.
                let keeps = step.keepsSecrets && next.keepsSecrets
                step = Redirect.Step(location: next.location, method: next.method, keepsSecrets: keeps)
                continue
            }
            return try await conclude(result, at: step.location, tally)
        }
    }

    func conclude(
        _ result: AttemptResult,
        at final: Location,
        _ tally: Tally
    ) async throws(FetchError)
        -> FetchResponse
    {
        let head = result.head
        var response = FetchResponse(result, url: final.redacted)
        response.bytesTotal = tally.bytesTotal
        response.attempts = tally.attempts
        response.retryReasons = tally.reasons
        response.redirects = tally.redirects
        if head.status == 304, let known = request.validators, !known.isEmpty {
            response.outcome = .notModified
            response.validators.etag = head.headers["ETag"] ?? known.etag
            response.validators.lastModified = head.headers["Last-Modified"] ?? known.lastModified
            receiver.giveUp(keepingPart: false)
            return response
        }
        guard head.isSuccess else {
            throw StatusFailure.error(result, at: final, now: HTTPDate.now, credentials: credentials)
        }
        if case .head = request.method { return response }
        if request.contentCoding == .decoded { response.contentEncoding = nil }
        response.resumedAt = receiver.resumedAt
        response.size = receiver.count
        if receiver.slice != nil {
            try receiver.checkSlice(final)
            return response
        }
        response.sha256 = try await verify(head, final, tally)
        note(in: &response)
        try await moveIntoPlace()
        return response
    }

    /// A client certificate is who asks, and so nothing for another host.
    private func transport(keepsSecrets: Bool) -> Transport? {
        var transport = request.transport
        if !keepsSecrets {
            transport?.clientCertificate = nil
            transport?.clientKey = nil
        }
        return transport
    }

    /// What the receiver knows of the content.
    func note(in response: inout FetchResponse) {
        response.digestState = receiver.digestState
        response.localWork = receiver.localWork
        response.localWork.hashedBytes = receiver.sha256.work
    }

    func moveIntoPlace() async throws(FetchError) {
        guard case .file(let part) = receiver.target else { return }
        guard request.synchronize else { return try part.moveIntoPlace(synchronize: false) }
        try await Blocking.attempt { [receiver] () throws(FetchError) in
            if case .file(let part) = receiver.target { try part.moveIntoPlace(synchronize: true) }
        }
    }

    /// - Returns: the SHA-256 in hexadecimal.
    func verify(_ head: ResponseHead, _ final: Location, _ tally: Tally) async throws(FetchError) -> String {
        if receiver.isHashedLater {
            try await Blocking.attempt { [receiver] () throws(FetchError) in try receiver.hashRest() }
        }
        let digest = receiver.finishDigest()
        let failure: FetchError?
        if let expected = request.expectedSize, receiver.count != expected {
            let message = "the body has \(receiver.count) bytes, \(expected) are expected"
            failure = FetchError(code: .sizeMismatch, message: message, url: final.redacted, httpStatus: head.status)
        } else if let total = receiver.total, receiver.count != total {
            let message = "the body has \(receiver.count) bytes, the server announced \(total)"
            failure = FetchError(code: .truncated, message: message, url: final.redacted, httpStatus: head.status)
        } else if let expected = request.expectedSHA256, digest.hexadecimal != expected.lowercased() {
            failure = mismatch("SHA-256", "expected", expected.lowercased(), digest.hexadecimal, head, final, tally)
        } else {
            failure = try await contradictedClaim(head, digest, final, tally)
        }
        guard var failure else { return digest.hexadecimal }
        failure.attempts = tally.attempts
        try receiver.startOver()
        throw failure
    }

    private func contradictedClaim(
        _ head: ResponseHead,
        _ sha256: [UInt8],
        _ final: Location,
        _ tally: Tally
    ) async throws(FetchError) -> FetchError? {
        // Digests of encoded bytes cannot be held against decoded ones.
        if request.contentCoding == .decoded, head.headers["Content-Encoding"] != nil { return nil }
        for claim in Verification.claims(of: head) {
            let found: [UInt8]
            if claim.algorithm == .sha256 {
                found = sha256
            } else {
                let receiver = receiver
                try await Blocking.attempt { () throws(FetchError) in try receiver.compute(claim.algorithm) }
                // The bytes were thrown away, or libcrypto does not offer the algorithm.
                guard let computed = receiver.computed else { continue }
                found = computed
            }
            if found != claim.digest {
                let wanted = claim.digest.hexadecimal
                return mismatch(claim.algorithm.name, claim.source, wanted, found.hexadecimal, head, final, tally)
            }
        }
        return nil
    }

    private func mismatch(
        _ algorithm: String,
        _ source: String,
        _ wanted: String,
        _ found: String,
        _ head: ResponseHead,
        _ final: Location,
        _ tally: Tally
    ) -> FetchError {
        FetchError(
            code: .checksumMismatch,
            message: "the \(algorithm) of the body is \(found), \(source) says \(wanted)",
            hint: "the file was damaged on its way or replaced at the server; it was not kept",
            url: final.redacted,
            httpStatus: head.status
        )
    }

    func deadlineExceeded() -> FetchError {
        FetchError(
            code: .deadlineExceeded,
            message: "not done within the time allowed, \(receiver.count) bytes received",
            hint: "raise the deadline",
            url: location.redacted
        )
    }

    /// Whether a part is worth keeping for a later process: after what passes, not after what is wrong.
    static func keepsPart(_ failure: FetchError) -> Bool {
        let passing: Set<FetchError.Code> = [
            .cancelled, .shutDown, .connectionLost, .truncated, .stalled, .deadlineExceeded, .hostNotFound,
            .connectionRefused, .connectTimeout, .serverError, .rateLimited, .hostUnavailable, .tlsFailed,
        ]
        return passing.contains(failure.code)
    }
}
