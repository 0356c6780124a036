/// Which of the waiting transfers may start: so many at once, and so many to one host.
///
/// Pure; the loop acts on it.
struct AdmissionQueue {
    private struct Host {
        var active = 0
        var waiting: [Int] = []
        var first = 0

        var isEmpty: Bool { first == waiting.count }
    }

    private let maximum: Int
    private let maximumPerHost: Int
    private var active = 0
    private var hosts: [String: Host] = [:]
    /// Hosts with something waiting, in turn, so that none waits for another's queue to empty.
    private var turns: [String] = []

    init(maximum: Int, maximumPerHost: Int) {
        self.maximum = maximum
        self.maximumPerHost = maximumPerHost
    }

    mutating func add(_ id: Int, host: String) {
        if hosts[host, default: Host()].isEmpty { turns.append(host) }
        hosts[host, default: Host()].waiting.append(id)
    }

    /// The next that may start; it counts as active from then on.
    mutating func next() -> (id: Int, host: String)? {
        guard active < maximum else { return nil }
        let index = turns.firstIndex { hosts[$0, default: Host()].active < maximumPerHost }
        guard let index else { return nil }
        let name = turns.remove(at: index)
        var host = hosts[name, default: Host()]
        let id = host.waiting[host.first]
        host.first += 1
        host.active += 1
        active += 1
        if host.isEmpty {
            host.waiting.removeAll(keepingCapacity: true)
            host.first = 0
        } else {
            turns.append(name)
        }
        hosts[name] = host
        return (id, name)
    }

    /// One that was active has ended.
    mutating func finished(host name: String) {
        guard var host = hosts[name] else { return }
        active -= 1
        host.active -= 1
        hosts[name] = host.active == 0 && host.isEmpty ? nil : host
    }
}
