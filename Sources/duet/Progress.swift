import DuetEngine
import DuetEvents
import Foundation
import Synchronization

/// Shows a run as it goes: one changing line on a terminal, a line for each step elsewhere.
final class Progress: EventSink {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let isVerbose: Bool
    private let running = Mutex<[String]>([])

    init(verbose: Bool = false) { isVerbose = verbose }

    func record(_ event: RunEvent) {
        guard let step = event.step else {
            // Figures are for the log; what a person should know has words alone.
            if event.kind == .notice, isVerbose || event.measures == nil {
                line("\(event.level.rawValue): \(event.message)")
            }
            return
        }
        let now = running.withLock { running in
            running.removeAll { $0 == step }
            if event.kind == .stepStarted { running.append(step) }
            return running
        }
        switch event.kind {
        case .stepCompleted: line("  \(mark(event)) \(event.message)\(time(event))")
        case .stepFailed: line("  failed  \(step)")
        case .stepRetried: line("  retry  \(step): \(event.error ?? "")")
        case .notice:
            line(
                "  \(event.level == .info ? "log    " : "warning") \(event.message)\(event.error.map { ": \($0)" } ?? "")"
            )
        case .stepSkipped where isVerbose || event.level != .info: line("  skip  \(event.message)")
        default: break
        }
        if let profile = event.measures?.profile { line(profile) }
        if isVerbose, let measures = event.measures {
            for (index, statement) in measures.statements.enumerated() {
                let time = measures.statementSeconds[index].map { "\(Int(($0 * 1000).rounded())) ms  " } ?? ""
                line("      \(time)\(statement)")
            }
        }
        status(now)
    }

    /// Shows transfers when it is told of them.
    var reporter: @Sendable (SourceProgress) -> Void { { self.show($0) } }

    /// Shows how far a source's transfers are.
    func show(_ progress: SourceProgress) {
        guard isTerminal else { return }
        var text = "  \(progress.source): \(progress.filesDone) of \(progress.filesTotal) files, "
        text += ByteText.of(progress.bytes)
        if let total = progress.totalBytes { text += " of \(ByteText.of(total))" }
        text += ", \(ByteText.of(Int(progress.bytesPerSecond)))/s"
        if let left = progress.secondsLeft { text += ", \(Int(left.rounded(.up))) s left" }
        if progress.retries > 0 { text += ", \(progress.retries) retr\(progress.retries == 1 ? "y" : "ies")" }
        Console.write("\r\u{1B}[K\(text)", to: .standardError)
    }

    /// Takes the changing line away, so that what follows stands alone.
    func clear() { if isTerminal { Console.write("\r\u{1B}[K", to: .standardError) } }

    private func mark(_ event: RunEvent) -> String { event.stepKind == .transfer ? "fetch" : "done " }

    private func time(_ event: RunEvent) -> String {
        guard let seconds = event.measures?.seconds else { return "" }
        return " (\(Int((seconds * 1000).rounded())) ms)"
    }

    private func line(_ text: String) {
        clear()
        Console.note(text)
    }

    private func status(_ running: [String]) {
        guard isTerminal, !running.isEmpty else { return }
        Console.write("\r\u{1B}[K  running: \(running.joined(separator: ", "))", to: .standardError)
    }
}

/// Turns Ctrl-C and a request to end into a clean stop.
final class StopSignals {
    private var sources: [any DispatchSourceSignal] = []

    init(_ control: RunControl) {
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { control.cancel() }
            source.resume()
            sources.append(source)
        }
    }

    deinit { for source in sources { source.cancel() } }
}
