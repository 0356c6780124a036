public import Foundation

/// The rules of a time zone, found by its Windows or IANA name.
struct ZoneRules: Sendable {
    fileprivate let zone: TimeZone
    /// Whether it is the zone that results get a `Z` for.
    let isUTC: Bool

    /// What a local time means in a zone.
    enum Meaning: Equatable {
        /// The offset from UTC, in seconds.
        case offset(Int)
        /// Clocks were put forward over it.
        case skipped
        /// Clocks were put back over it.
        case repeated
    }

    init?(named name: String) {
        let key = CaseMapping.lower(name)
        if key == "utc" {
            zone = .gmt
            isUTC = true
            return
        }
        isUTC = false
        if let identifier = WindowsZones.identifiers[key], let zone = TimeZone(identifier: identifier) {
            self.zone = zone
            return
        }
        // Foundation reads more than names of zones, such as "GMT+2" and abbreviations; those are refused.
        guard name.contains("/") || Self.plainNames.contains(name), !name.hasPrefix("/"), !name.contains(".."),
            let zone = TimeZone(identifier: name)
        else { return nil }
        self.zone = zone
    }

    /// IANA names without a slash.
    private static let plainNames: Set<String> = [
        "CET", "CST6CDT", "Cuba", "EET", "EST", "EST5EDT", "Egypt", "Eire", "GB", "GB-Eire", "GMT", "GMT0",
        "Greenwich", "HST", "Hongkong", "Iceland", "Iran", "Israel", "Jamaica", "Japan", "Kwajalein", "Libya", "MET",
        "MST", "MST7MDT", "NZ", "NZ-CHAT", "Navajo", "PRC", "PST8PDT", "Poland", "Portugal", "ROC", "ROK",
        "Singapore", "Turkey", "UCT", "Universal", "W-SU", "WET", "Zulu",
    ]

    /// Names to offer when none fits.
    static var knownNames: [String] { WindowsZones.names + TimeZone.knownTimeZoneIdentifiers }

    /// The offset from UTC at a moment, in seconds.
    func offset(atUnixSeconds seconds: Int64) -> Int {
        zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
    }

    /// What a local time, given as if it were UTC, means here.
    func meaning(ofLocalUnixSeconds local: Int64) -> Meaning {
        let day: Int64 = 86_400
        let before = offset(atUnixSeconds: local - day)
        let after = offset(atUnixSeconds: local + day)
        if before == after, offset(atUnixSeconds: local - Int64(before)) == before { return .offset(before) }
        var fitting: [Int] = []
        for candidate in Set([before, after, offset(atUnixSeconds: local - Int64(before))])
        where offset(atUnixSeconds: local - Int64(candidate)) == candidate {
            fitting.append(candidate)
        }
        if fitting.count > 1 { return .repeated }
        return fitting.first.map { .offset($0) } ?? .skipped
    }
}

extension TimeZone {
    /// The zone of a Windows or IANA name, as the service takes them.
    public init?(named name: String) {
        guard let rules = ZoneRules(named: name) else { return nil }
        self = rules.zone
    }
}
