/// Hands out names that are unique within a view.
struct Names {
    private var used: Set<String>

    init(reserved: Set<String> = []) { used = reserved }

    /// The name itself if it is free, else with a number.
    mutating func fresh(_ stem: String) -> String {
        var base = stem.folded
        while base.hasPrefix("_") { base.removeFirst() }
        if base.isEmpty { base = "c" }
        var name = base
        var number = 1
        while !used.insert(name).inserted {
            number += 1
            name = "\(base)_\(number)"
        }
        return name
    }
}
