internal import Foundation

/// What is to happen at which moment, the earliest first.
struct TimerQueue {
    private struct Entry {
        var moment: Date
        var id: Int

        // Numbers rise, so that of two timers for one moment the older goes first.
        static func < (a: Entry, b: Entry) -> Bool { a.moment == b.moment ? a.id < b.id : a.moment < b.moment }
    }

    private var heap: [Entry] = []
    private var tasks: [Int: () -> Void] = [:]

    /// The earliest moment.
    var next: Date? {
        mutating get {
            dropRemoved()
            return heap.first?.moment
        }
    }

    mutating func add(_ id: Int, at moment: Date, _ task: @escaping () -> Void) {
        tasks[id] = task
        heap.append(Entry(moment: moment, id: id))
        var child = heap.count - 1
        while child > 0, heap[child] < heap[(child - 1) / 2] {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func remove(_ id: Int) {
        tasks[id] = nil
        // Entries stay in the heap until they come up; rebuild when most of it is such.
        if heap.count > 64, tasks.count * 4 < heap.count {
            heap = heap.filter { tasks[$0.id] != nil }.sorted { $0 < $1 }
        }
    }

    /// The tasks that are due, in order.
    mutating func fire(until now: Date) -> [() -> Void] {
        var due: [() -> Void] = []
        while let moment = next, moment <= now {
            if let task = tasks.removeValue(forKey: heap[0].id) { due.append(task) }
            removeFirst()
        }
        return due
    }

    private mutating func dropRemoved() {
        while let first = heap.first, tasks[first.id] == nil { removeFirst() }
    }

    private mutating func removeFirst() {
        heap[0] = heap[heap.count - 1]
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [parent * 2 + 1, parent * 2 + 2] where child < heap.count && heap[child] < heap[least] {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
