public import ArgumentParser
import DuetEvents
public import DuetLineage
import Foundation

extension LogSink.Form: ExpressibleByArgument {}
extension LogSink.Level: ExpressibleByArgument {}

/// How a run is told on standard error, beside or instead of its progress.
struct LogOptions: ParsableArguments {
    @Option(help: "human or json: write log lines on standard error instead of the progress.")
    var log: LogSink.Form?

    @Option(help: "The least level to log: debug, info, warning or error.")
    var logLevel = LogSink.Level.info

    /// What takes the run's events; nil when no log is wanted.
    var sink: (any EventSink)? {
        log.map { LogSink($0, level: logLevel) { Console.write($0, to: .standardError) } }
    }
}
