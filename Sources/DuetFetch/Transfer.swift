import CCurl
import Glibc

/// One request under way: the object that libcurl's callbacks speak to.
///
/// `@unchecked Sendable`: made by the asking task and handed to the loop thread, which alone uses it from then on.
final class Transfer: @unchecked Sendable {
    let attempt: Attempt
    private var easy: EasyHandle?
    private var uploadFile: Int32 = -1
    private var result = AttemptResult()
    private var hasBegun = false
    private var errorBytes = 0
    private var started = ContinuousClock.now
    private var reported = ContinuousClock.now
    private let configuration: FetchConfiguration
    private var continuation: CheckedContinuation<AttemptResult, Never>?

    /// The part of an error's body that is kept, and the part that is read so that the connection can be used again.
    private static let keptErrorBytes = 1024
    private static let readErrorBytes = 64 << 10

    init(
        attempt: Attempt,
        configuration: FetchConfiguration,
        continuation: CheckedContinuation<AttemptResult, Never>
    ) {
        self.attempt = attempt
        self.configuration = configuration
        self.continuation = continuation
    }

    deinit { if uploadFile >= 0 { close(uploadFile) } }

    /// Prepares the handle.
    func start(with easy: EasyHandle) throws(FetchError) {
        self.easy = easy
        started = .now
        reported = started
        easy.useErrorBuffer()
        TransferOptions.apply(attempt, configuration, to: easy)
        let context = Unmanaged.passUnretained(self).toOpaque()
        easy.set(CURLOPT_HEADERDATA, pointer: context)
        easy.set(CURLOPT_WRITEDATA, pointer: context)
        easy.set(CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            return transfer.takeHeader(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        easy.set(CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            return transfer.takeBody(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        if case .put(let file) = attempt.method { try startUpload(of: file, with: easy) }
        if let reason = attempt.retryReason { report(reason: reason) }
    }

    /// Ends the transfer, tells the task that asked, and gives the handle back.
    func finish(_ code: CURLcode) -> EasyHandle? {
        if let easy {
            result.bytesOnWire = easy.offset(CURLINFO_SIZE_DOWNLOAD_T)
            result.timings = FetchTimings(
                dns: easy.seconds(CURLINFO_NAMELOOKUP_TIME_T),
                connect: easy.seconds(CURLINFO_CONNECT_TIME_T),
                tls: easy.seconds(CURLINFO_APPCONNECT_TIME_T),
                firstByte: easy.seconds(CURLINFO_STARTTRANSFER_TIME_T),
                total: easy.seconds(CURLINFO_TOTAL_TIME_T)
            )
            if let address = easy.string(CURLINFO_PRIMARY_IP), !address.isEmpty {
                let host = address.contains(":") ? "[\(address)]" : address
                result.serverAddress = "\(host):\(easy.integer(CURLINFO_PRIMARY_PORT))"
            }
            result.elapsed = .now - started
            if result.failure == nil { settle(code, easy) }
            do throws(FetchError) { try attempt.receiver.flush() } catch { result.failure = error }
        }
        let easy = easy
        self.easy = nil
        answer()
        return easy
    }

    /// Ends the transfer with a failure that libcurl knows nothing of.
    func fail(_ error: FetchError) -> EasyHandle? {
        result.failure = error
        return finish(CURLE_ABORTED_BY_CALLBACK)
    }

    private func answer() {
        // The handle may be in use again before the asking task looks; nothing here points into it.
        continuation?.resume(returning: result)
        continuation = nil
    }

    /// Turns libcurl's verdict into a failure, or begins an empty body.
    private func settle(_ code: CURLcode, _ easy: EasyHandle) {
        // An error's body was cut short on purpose; its status is what counts.
        if code == CURLE_WRITE_ERROR, !result.head.isSuccess, result.head.isComplete { return }
        guard code == CURLE_OK else {
            result.failure = CurlFailure.error(
                code,
                attempt: attempt,
                configuration: configuration,
                head: result.head,
                timings: result.timings,
                text: easy.errorText
            )
            return
        }
        if attempt.location.isSSH, !result.head.isComplete { result.head = SSHAnswer.head(attempt, easy) }
        guard result.head.isSuccess, !hasBegun else { return }
        do { try begin() } catch { result.failure = error }
    }

    // MARK: - Callbacks

    private func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
        result.head.take(line: bytes)
        guard result.head.byteCount <= configuration.maximumHeaderBytes else {
            result.failure = FetchError(
                code: .headersTooLarge,
                message: "the head of the answer is larger than \(configuration.maximumHeaderBytes) bytes",
                url: attempt.location.redacted,
                httpStatus: result.head.status
            )
            return 0
        }
        return bytes.count
    }

    private func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        if attempt.location.isSSH, !result.head.isComplete, let easy { result.head = SSHAnswer.head(attempt, easy) }
        if result.head.status == 304 { return 0 }
        guard result.head.isSuccess else { return takeErrorBody(bytes) }
        do {
            if !hasBegun { try begin() }
            // libcurl gives the same bytes again after the pause.
            if let stream = attempt.receiver.stream, !stream.hasRoomOrPauses() { return Int(CURL_WRITEFUNC_PAUSE) }
            try attempt.receiver.take(bytes, head: result.head)
        } catch {
            result.failure = error
            return 0
        }
        if attempt.progress != nil, .now - reported >= configuration.progressInterval { report(reason: nil) }
        return bytes.count
    }

    private func takeErrorBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        let room = Self.keptErrorBytes - result.errorBody.count
        if room > 0 { result.errorBody.append(contentsOf: bytes.prefix(room)) }
        errorBytes += bytes.count
        return errorBytes > Self.readErrorBytes ? 0 : bytes.count
    }

    private func begin() throws(FetchError) {
        hasBegun = true
        try attempt.receiver.begin(result.head, offset: attempt.offset)
    }

    private func report(reason: FetchError?) {
        guard let progress = attempt.progress else { return }
        reported = .now
        let seconds = (reported - started) / .seconds(1)
        let receiver = attempt.receiver
        let received = Double(receiver.count - receiver.resumedAt)
        progress(
            FetchProgress(
                attempt: attempt.number,
                bytes: receiver.count,
                totalBytes: receiver.total,
                bytesPerSecond: seconds > 0 ? received / seconds : 0,
                retryReason: reason
            )
        )
    }

    private func startUpload(of file: String, with easy: EasyHandle) throws(FetchError) {
        uploadFile = open(file, O_RDONLY | O_CLOEXEC)
        var status = stat()
        guard uploadFile >= 0, fstat(uploadFile, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw FetchError(
                code: .fileUnreadable,
                message: "'\(file)' cannot be read to be sent: \(uploadFile < 0 ? describe(errno: errno) : "no file")",
                url: attempt.location.redacted
            )
        }
        easy.set(CURLOPT_INFILESIZE_LARGE, offset: Int(status.st_size))
        easy.set(CURLOPT_READDATA, pointer: Unmanaged.passUnretained(self).toOpaque())
        easy.set(CURLOPT_READFUNCTION) { buffer, size, count, context in
            guard let buffer, let context else { return Int(CURL_READFUNC_ABORT) }
            let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            while true {
                let got = read(transfer.uploadFile, buffer, size * count)
                if got >= 0 { return got }
                if errno != EINTR { return Int(CURL_READFUNC_ABORT) }
            }
        }
    }
}
