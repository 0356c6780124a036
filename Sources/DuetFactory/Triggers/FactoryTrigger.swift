public import DuetExpression
public import DuetPipeline
public import Foundation

/// A trigger of a factory: when it fires, and what it starts.
public struct FactoryTrigger: Sendable {
    /// When it fires.
    public enum Kind: Sendable {
        /// By the calendar.
        case schedule(Recurrence)
        /// Once for each window of time, past ones included.
        case tumblingWindow(TumblingWindow)
        /// When a file comes, or goes.
        case storageEvent(StorageEvent)
    }

    /// A pipeline it starts, and the parameters it hands over, expressions among them.
    public struct Target: Sendable {
        /// The pipeline's name.
        public var pipeline: String
        /// The parameters.
        public var parameters: ExpressionValue
    }

    /// The name.
    public var name: String
    /// The service's type.
    public var type: String
    /// When it fires.
    public var kind: Kind
    /// What it starts.
    public var targets: [Target]
    /// Whether the service would run it; `runtimeState` is `Started`.
    public var isStarted: Bool

    /// Reads a trigger.
    ///
    /// - Throws: ``DuetError`` with the place of what is missing or wrong.
    public init(_ resource: FactoryResource) throws(DuetError) {
        name = resource.name
        type = resource.type
        isStarted = resource.properties["runtimeState"]?.string?.lowercased() == "started"
        let reader = TriggerReader(resource)
        switch type.lowercased() {
        case "scheduletrigger": kind = .schedule(try reader.recurrence())
        case "tumblingwindowtrigger": kind = .tumblingWindow(try reader.tumblingWindow())
        case "blobeventstrigger": kind = .storageEvent(try reader.storageEvent())
        default:
            throw resource.error(
                .unsupported,
                "the trigger '\(name)' is of type '\(type)', which does not fire here",
                hint: "ScheduleTrigger, TumblingWindowTrigger and BlobEventsTrigger do",
                at: resource.properties.member("type")?.value.offset ?? resource.node.offset
            )
        }
        let several = resource.properties["pipelines"]?.elements ?? []
        let one = [resource.properties["pipeline"]].compactMap { $0 }
        targets = (several + one).compactMap { node in
            guard let reference = node["pipelineReference"].flatMap(FactoryReference.init) else { return nil }
            return Target(
                pipeline: reference.name,
                parameters: node["parameters"]?.expressionValue ?? .object(ExpressionObject())
            )
        }
    }
}

/// Windows of time without gap or overlap.
///
/// Source: how-to-create-tumbling-window-trigger, tumbling-window-trigger-dependency.
public struct TumblingWindow: Sendable {
    /// A trigger whose windows must have succeeded.
    public struct Dependency: Sendable {
        /// The other trigger; nil for the trigger itself.
        public var trigger: String?
        /// How much later than the own window the other's begins, in seconds; negative for earlier.
        public var offset: Double
        /// How long a time the other's windows must cover, in seconds; nil for the own window's.
        public var size: Double?
    }

    /// The first window's beginning.
    public var start: Date
    /// Where windows end to begin; nil for never.
    public var end: Date?
    /// `minute`, `hour` or `month`.
    public var frequency: String
    /// How many of these a window is long.
    public var interval: Int
    /// Seconds after a window's end until it is run.
    public var delay: Double
    /// How many windows may be run at once.
    public var maxConcurrency: Int
    /// Further tries of a window whose run failed.
    public var retryCount: Int
    /// Seconds between tries.
    public var retryInterval: Double
    /// What has to be done before.
    public var dependencies: [Dependency]

    /// The window of a number, from 0.
    public func window(_ number: Int) -> (start: Date, end: Date) { (moment(number), moment(number + 1)) }

    private func moment(_ number: Int) -> Date {
        switch frequency {
        case "month":
            var calendar = Calendar(identifier: .gregorian)
            calendar.timeZone = .gmt
            return calendar.date(byAdding: .month, value: number * interval, to: start) ?? .distantFuture
        case "hour": return start.addingTimeInterval(Double(number * interval) * 3_600)
        default: return start.addingTimeInterval(Double(number * interval) * 60)
        }
    }

    /// The windows that lie wholly in a span of time, in order.
    public func windows(from: Date, to: Date) -> [(start: Date, end: Date)] {
        var number = 0
        if from > start {
            let step = frequency == "month" ? 32.0 * 86_400 : frequency == "hour" ? 3_600 : 60
            number = max(0, Int(from.timeIntervalSince(start) / (step * Double(interval))))
        }
        var result: [(start: Date, end: Date)] = []
        let last = min(to, end ?? .distantFuture)
        while true {
            let window = window(number)
            guard window.end <= last, result.count < Self.most else { return result }
            if window.start >= from { result.append(window) }
            number += 1
        }
    }

    // A trigger of five minutes has so many windows in nine years.
    private static let most = 1_000_000
}

/// Files that come or go in a folder.
public struct StorageEvent: Sendable {
    /// The container: the first part of `blobPathBeginsWith`; nil for any.
    public var container: String?
    /// What the path in the container begins with.
    public var prefix: String
    /// What the path ends with.
    public var suffix: String
    /// Whether empty files are passed over.
    public var ignoresEmpty: Bool
    /// Whether new files fire it.
    public var onCreated: Bool
    /// Whether deleted files fire it.
    public var onDeleted: Bool

    /// Whether a file fires it; the path is that below the storage's folder, the container first.
    public func matches(_ path: String, size: Int) -> Bool {
        guard !(ignoresEmpty && size == 0) else { return false }
        var rest = path
        if let container {
            guard path.hasPrefix("\(container)/") else { return false }
            rest = String(path.dropFirst(container.count + 1))
        } else {
            rest = path.split(separator: "/").dropFirst().joined(separator: "/")
        }
        return rest.hasPrefix(prefix) && rest.hasSuffix(suffix)
    }
}

/// Reads what the types of triggers define.
private struct TriggerReader {
    let resource: FactoryResource

    init(_ resource: FactoryResource) { self.resource = resource }

    func recurrence() throws(DuetError) -> Recurrence {
        guard let node = resource.typeProperties["recurrence"] else {
            throw missing("recurrence", in: resource.typeProperties)
        }
        guard let frequency = node["frequency"]?.string.flatMap({ Recurrence.Frequency(rawValue: $0.lowercased()) })
        else { throw wrong("frequency", node, "Minute, Hour, Day, Week, Month or Year") }
        let zoneName = node["timeZone"]?.string ?? "UTC"
        guard let zone = TimeZone(named: zoneName) else {
            throw wrong("timeZone", node, "a Windows or IANA name such as 'W. Europe Standard Time'")
        }
        guard let start = node["startTime"]?.string.flatMap({ TriggerTime.date($0, zone) }) else {
            throw wrong("startTime", node, "a moment such as 2026-01-31T02:30:00Z")
        }
        let schedule = node["schedule"]
        func numbers(_ name: String, _ range: ClosedRange<Int>) throws(DuetError) -> [Int] {
            var numbers: [Int] = []
            for element in schedule?[name]?.elements ?? [] {
                guard let number = element.integer, range.contains(number), number != 0 || range.lowerBound == 0 else {
                    throw wrong(name, schedule ?? node, "numbers from \(range.lowerBound) to \(range.upperBound)")
                }
                numbers.append(number)
            }
            return numbers
        }
        var days: [Int] = []
        for element in schedule?["weekDays"]?.elements ?? [] {
            guard let day = weekday(element) else { throw wrong("weekDays", schedule ?? node, "names of days") }
            days.append(day)
        }
        var occurrences: [Recurrence.Occurrence] = []
        for element in schedule?["monthlyOccurrences"]?.elements ?? [] {
            guard let day = element["day"].flatMap(weekday) else {
                throw wrong("monthlyOccurrences", schedule ?? node, #"{"day": "Friday", "occurrence": -1}"#)
            }
            occurrences.append(.init(weekday: day, number: element["occurrence"]?.integer ?? 1))
        }
        return Recurrence(
            frequency: frequency,
            interval: max(1, node["interval"]?.integer ?? 1),
            start: start,
            end: node["endTime"]?.string.flatMap { TriggerTime.date($0, zone) },
            zone: zone,
            minutes: try numbers("minutes", 0...59),
            hours: try numbers("hours", 0...23),
            weekdays: days,
            monthDays: try numbers("monthDays", -31...31),
            occurrences: occurrences
        )
    }

    func tumblingWindow() throws(DuetError) -> TumblingWindow {
        let node = resource.typeProperties
        guard let frequency = node["frequency"]?.string?.lowercased(), ["minute", "hour", "month"].contains(frequency)
        else { throw wrong("frequency", node, "Minute, Hour or Month") }
        guard let interval = node["interval"]?.integer, interval > 0 else {
            throw wrong("interval", node, "a number from 1")
        }
        guard let start = node["startTime"]?.string.flatMap({ TriggerTime.date($0, .gmt) }) else {
            throw wrong("startTime", node, "a moment such as 2026-01-31T02:30:00Z")
        }
        var dependencies: [TumblingWindow.Dependency] = []
        for element in node["dependsOn"]?.elements ?? [] {
            dependencies.append(
                .init(
                    trigger: element["referenceTrigger"].flatMap(FactoryReference.init)?.name,
                    offset: element["offset"]?.string.flatMap(Self.signedSpan) ?? 0,
                    size: element["size"]?.string.flatMap(Self.signedSpan)
                )
            )
        }
        return TumblingWindow(
            start: start,
            end: node["endTime"]?.string.flatMap { TriggerTime.date($0, .gmt) },
            frequency: frequency,
            interval: interval,
            delay: node["delay"]?.string.flatMap(TimeSpan.seconds) ?? 0,
            maxConcurrency: min(50, max(1, node["maxConcurrency"]?.integer ?? 50)),
            retryCount: max(0, node["retryPolicy"]?["count"]?.integer ?? 0),
            retryInterval: Double(max(0, node["retryPolicy"]?["intervalInSeconds"]?.integer ?? 30)),
            dependencies: dependencies
        )
    }

    private static func signedSpan(_ text: String) -> Double? {
        text.hasPrefix("-") ? TimeSpan.seconds(String(text.dropFirst())).map { -$0 } : TimeSpan.seconds(text)
    }

    /// Source: how-to-create-event-trigger: paths read `/container/blobs/folder/`.
    func storageEvent() throws(DuetError) -> StorageEvent {
        let node = resource.typeProperties
        let begins = (node["blobPathBeginsWith"]?.string ?? "").split(separator: "/").map(String.init)
        var event = StorageEvent(
            container: begins.first,
            prefix: "",
            suffix: (node["blobPathEndsWith"]?.string ?? "").drop { $0 == "/" }.description,
            ignoresEmpty: node["ignoreEmptyBlobs"]?.boolean ?? false,
            onCreated: false,
            onDeleted: false
        )
        let below = begins.count > 1 && begins[1].lowercased() == "blobs" ? begins.dropFirst(2) : begins.dropFirst()
        event.prefix = below.joined(separator: "/")
        if !event.prefix.isEmpty, node["blobPathBeginsWith"]?.string?.hasSuffix("/") == true { event.prefix += "/" }
        for element in node["events"]?.elements ?? [] {
            event.onCreated = event.onCreated || element.string?.hasSuffix("BlobCreated") == true
            event.onDeleted = event.onDeleted || element.string?.hasSuffix("BlobDeleted") == true
        }
        guard event.onCreated || event.onDeleted else {
            throw wrong("events", node, "Microsoft.Storage.BlobCreated or BlobDeleted")
        }
        return event
    }

    private func weekday(_ node: JSONNode) -> Int? {
        let names = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
        return node.string.flatMap { names.firstIndex(of: $0.lowercased()) }.map { $0 + 1 }
    }

    private func missing(_ name: String, in node: JSONNode) -> DuetError {
        resource.error(.missingProperty, "the trigger '\(resource.name)' lacks '\(name)'", at: node.offset)
    }

    private func wrong(_ name: String, _ node: JSONNode, _ wanted: String) -> DuetError {
        guard let found = node[name] else { return missing(name, in: node) }
        return resource.error(
            .wrongProperty,
            "'\(name)' of the trigger '\(resource.name)' cannot be \(found.string.map { "'\($0)'" } ?? found.kindName)",
            hint: "it takes \(wanted)",
            at: found.offset
        )
    }
}
