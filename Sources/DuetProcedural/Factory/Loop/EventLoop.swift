internal import DuetEngine
internal import Foundation
internal import Synchronization

/// Everything that happens in a run, one thing after the other on one thread.
///
/// Control flow never blocks: it leaves tasks here. Work that does block runs on other threads and posts its answer.
final class EventLoop {
    let clock: any FactoryClock
    let control: RunControl
    private let widest: Int
    private let mailbox = Mailbox()

    private var ready: [() -> Void] = []
    private var nextReady = 0
    private var timers = TimerQueue()
    private var answered: [Int: (ActivityAnswer) -> Void] = [:]
    private var queued: [(id: Int, body: @Sendable () -> ActivityAnswer)] = []
    private var nextQueued = 0
    private var underWay = 0
    private var lastID = 0

    /// - Parameters:
    ///   - clock: The time.
    ///   - control: Stops everything.
    ///   - widest: How many pieces of blocking work may be under way at once.
    init(clock: any FactoryClock, control: RunControl, widest: Int) {
        self.clock = clock
        self.control = control
        self.widest = max(1, widest)
    }

    /// Does something soon, after what is already waiting.
    func soon(_ task: @escaping () -> Void) { ready.append(task) }

    /// Does something after some seconds of the clock.
    ///
    /// - Returns: A number to call it off by.
    func after(_ seconds: Double, _ task: @escaping () -> Void) -> Int {
        lastID += 1
        timers.add(lastID, at: clock.now.addingTimeInterval(max(0, seconds)), task)
        return lastID
    }

    /// Calls a timer off; one that has gone off is left alone.
    func callOff(_ timer: Int?) { if let timer { timers.remove(timer) } }

    /// Does something that blocks, elsewhere.
    func work(_ body: @escaping @Sendable () -> ActivityAnswer, then: @escaping (ActivityAnswer) -> Void) {
        lastID += 1
        answered[lastID] = then
        queued.append((lastID, body))
        startWork()
    }

    private func startWork() {
        while underWay < widest, nextQueued < queued.count {
            let (id, body) = queued[nextQueued]
            nextQueued += 1
            underWay += 1
            let mailbox = mailbox
            DispatchQueue.global().async { mailbox.post(id, body()) }
        }
        if nextQueued == queued.count {
            queued.removeAll(keepingCapacity: true)
            nextQueued = 0
        }
    }

    /// Goes on until nothing is left to happen.
    ///
    /// - Parameter cancel: Called once when the control says to stop.
    func run(cancel: () -> Void) {
        var isCancelled = false
        while true {
            if !isCancelled, control.isCancelled {
                isCancelled = true
                cancel()
            }
            if nextReady < ready.count {
                let task = ready[nextReady]
                // The slot is emptied so that what the task holds is not kept until the array is.
                ready[nextReady] = {}
                nextReady += 1
                if nextReady > 4_096, nextReady * 2 > ready.count {
                    ready.removeFirst(nextReady)
                    nextReady = 0
                }
                task()
                if underWay > 0 { deliver(mailbox.takeAll()) }
                continue
            }
            if underWay > 0 {
                deliver(mailbox.wait(seconds: realPause()))
                if clock.isReal { timers.fire(until: clock.now).forEach(soon) }
                continue
            }
            guard let next = timers.next else { return }
            // Short steps, so that a stop is noticed while waiting for a timer hours away.
            let seconds = clock.pass(to: next)
            if seconds > 0 { control.wait(seconds: min(seconds, 3_600)) }
            timers.fire(until: clock.now).forEach(soon)
        }
    }

    private func realPause() -> Double {
        guard clock.isReal, let next = timers.next else { return 0.05 }
        return min(0.05, clock.pass(to: next))
    }

    private func deliver(_ answers: [(Int, ActivityAnswer)]) {
        for (id, answer) in answers {
            underWay -= 1
            answered.removeValue(forKey: id)?(answer)
        }
        if !answers.isEmpty { startWork() }
    }
}

/// Where other threads leave their answers.
private final class Mailbox: Sendable {
    private let letters = Mutex<[(Int, ActivityAnswer)]>([])
    private let bell = NSCondition()

    func post(_ id: Int, _ answer: ActivityAnswer) {
        letters.withLock { $0.append((id, answer)) }
        bell.lock()
        bell.signal()
        bell.unlock()
    }

    func takeAll() -> [(Int, ActivityAnswer)] {
        letters.withLock { letters in
            defer { letters.removeAll(keepingCapacity: true) }
            return letters
        }
    }

    func wait(seconds: Double) -> [(Int, ActivityAnswer)] {
        bell.lock()
        if letters.withLock({ $0.isEmpty }) { _ = bell.wait(until: Date(timeIntervalSinceNow: seconds)) }
        bell.unlock()
        return takeAll()
    }
}
