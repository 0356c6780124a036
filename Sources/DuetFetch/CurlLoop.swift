import CCurl
import Glibc
import Synchronization

/// The one thread that drives all transfers over libcurl's multi interface.
///
/// `@unchecked Sendable`: `mailbox` is behind a lock; all else is used by the loop thread only, after `start`.
final class CurlLoop: @unchecked Sendable {
    private enum Command {
        case run(Int, Transfer)
        case cancel(Int)
        case resume(Int)
    }

    private struct Mailbox {
        var commands: [Command] = []
        var nextID = 0
        var isStopped = false
    }

    private let mailbox = Mutex(Mailbox())
    private let multi: UnsafeMutableRawPointer
    private let configuration: FetchConfiguration
    private var queue: AdmissionQueue
    private var waiting: [Int: Transfer] = [:]
    private var active: [Int: Transfer] = [:]
    private var ids: [UnsafeMutableRawPointer: Int] = [:]
    private var idleHandles: [EasyHandle] = []

    /// - Returns: `nil` when libcurl or the system has no memory, or no thread, to give.
    init?(configuration: FetchConfiguration) {
        guard curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK, let multi = curl_multi_init() else { return nil }
        self.multi = multi
        self.configuration = configuration
        queue = AdmissionQueue(
            maximum: max(1, configuration.maximumConnections),
            maximumPerHost: max(1, configuration.maximumConnectionsPerHost)
        )
        // Idle connections are kept as long as they may be used again, and no more of them than can be.
        _ = duet_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, configuration.maximumConnections)
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                pthread_setname_np(pthread_self(), "duet-fetch")
                Unmanaged<CurlLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            },
            context.toOpaque()
        )
        guard code == 0 else {
            curl_multi_cleanup(multi)
            context.release()
            return nil
        }
        pthread_detach(thread)
    }

    /// Runs one attempt to its end; cancelling the task ends it early.
    func run(_ attempt: Attempt) async -> AttemptResult {
        let id = mailbox.withLock { mailbox in
            mailbox.nextID += 1
            return mailbox.nextID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                post(.run(id, Transfer(attempt: attempt, configuration: configuration, continuation: continuation)))
                // When the task was cancelled before this, the handler below ran before there was something to cancel.
                if Task.isCancelled { post(.cancel(id)) }
            }
        } onCancel: {
            post(.cancel(id))
        }
    }

    /// Ends all transfers, and the thread with them.
    ///
    /// Calling it again does nothing.
    func stop() {
        mailbox.withLock { mailbox in
            guard !mailbox.isStopped else { return }
            mailbox.isStopped = true
            // Under the lock, so that the loop cannot free the handle in between.
            curl_multi_wakeup(multi)
        }
    }

    private func post(_ command: Command) {
        let refused = mailbox.withLock { mailbox -> Bool in
            if mailbox.isStopped { return true }
            mailbox.commands.append(command)
            // A second wake-up before the loop has looked would be one system call for nothing.
            if mailbox.commands.count == 1 { curl_multi_wakeup(multi) }
            return false
        }
        if refused, case .run(_, let transfer) = command { _ = transfer.fail(shutDown(transfer)) }
    }

    // MARK: - The loop thread

    private func run() {
        while true {
            let (commands, isStopped) = mailbox.withLock { mailbox in
                defer { mailbox.commands.removeAll(keepingCapacity: true) }
                return (mailbox.commands, mailbox.isStopped)
            }
            for command in commands { handle(command) }
            if isStopped { break }
            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            let ended = takeMessages()
            let admitted = admit()
            // New transfers, and slots that became free, want another round before anything is waited for.
            if ended || admitted { continue }
            curl_multi_poll(multi, nil, 0, 60_000, nil)
        }
        for (_, transfer) in waiting { _ = transfer.fail(shutDown(transfer)) }
        for (id, transfer) in active { end(id, transfer) { transfer.fail(shutDown(transfer)) } }
        waiting.removeAll()
        idleHandles.removeAll()
        curl_multi_cleanup(multi)
    }

    private func handle(_ command: Command) {
        switch command {
        case .run(let id, let transfer):
            waiting[id] = transfer
            queue.add(id, host: transfer.attempt.location.origin)
        case .cancel(let id):
            if let transfer = waiting.removeValue(forKey: id) {
                _ = transfer.fail(cancelled(transfer))
            } else if let transfer = active[id] {
                end(id, transfer) { transfer.fail(cancelled(transfer)) }
            }
        case .resume(let id):
            if active[id] != nil, let raw = ids.first(where: { $0.value == id })?.key {
                curl_easy_pause(raw, CURLPAUSE_CONT)
            }
        }
    }

    private func admit() -> Bool {
        var didAdmit = false
        while let (id, host) = queue.next() {
            guard let transfer = waiting.removeValue(forKey: id) else {
                // Cancelled while it waited.
                queue.finished(host: host)
                continue
            }
            start(id, transfer)
            didAdmit = true
        }
        return didAdmit
    }

    private func start(_ id: Int, _ transfer: Transfer) {
        let location = transfer.attempt.location
        guard let easy = idleHandles.popLast() ?? EasyHandle() else {
            queue.finished(host: location.origin)
            let message = "no memory for a transfer"
            _ = transfer.fail(FetchError(code: .transferFailed, message: message, url: location.redacted))
            return
        }
        do {
            try transfer.start(with: easy)
        } catch {
            queue.finished(host: location.origin)
            keep(transfer.fail(error))
            return
        }
        active[id] = transfer
        ids[easy.raw] = id
        transfer.attempt.receiver.stream?.connect { [weak self] in self?.post(.resume(id)) }
        curl_multi_add_handle(multi, easy.raw)
    }

    private func takeMessages() -> Bool {
        var didEnd = false
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let raw = message.pointee.easy_handle else { continue }
            // The message is gone with the handle's removal, so its result is read first.
            let code = duet_curl_message_result(message)
            guard let id = ids[raw], let transfer = active[id] else { continue }
            end(id, transfer) { transfer.finish(code) }
            didEnd = true
        }
        return didEnd
    }

    private func end(_ id: Int, _ transfer: Transfer, _ finish: () -> EasyHandle?) {
        active[id] = nil
        queue.finished(host: transfer.attempt.location.origin)
        if let raw = ids.first(where: { $0.value == id })?.key {
            ids[raw] = nil
            curl_multi_remove_handle(multi, raw)
        }
        keep(finish())
    }

    private func keep(_ easy: EasyHandle?) {
        guard let easy, idleHandles.count < configuration.maximumConnections else { return }
        easy.reset()
        idleHandles.append(easy)
    }

    private func cancelled(_ transfer: Transfer) -> FetchError {
        let url = transfer.attempt.location.redacted
        return FetchError(code: .cancelled, message: "the transfer was cancelled", url: url)
    }

    private func shutDown(_ transfer: Transfer) -> FetchError {
        let url = transfer.attempt.location.redacted
        return FetchError(code: .shutDown, message: "the fetcher was shut down", url: url)
    }
}
