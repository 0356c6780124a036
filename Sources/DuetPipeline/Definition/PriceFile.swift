internal import Foundation

/// Prices as a file that users edit gives them, with where they are from.
public struct PriceFile: Sendable, Hashable {
    /// One price.
    public struct Price: Sendable, Hashable {
        /// The amount in the file's currency.
        public var amount: Double
        /// For how many units.
        public var per: Double
        /// Durations are rounded up to whole multiples of so many seconds, each by itself; 0 for none.
        public var roundingSeconds: Double
        /// Where it is from.
        public var source: String
    }

    /// The file's name.
    public var file: String
    /// The day the prices were looked up.
    public var date: String
    /// The currency.
    public var currency: String
    /// The prices by name.
    public var prices: [String: Price] = [:]
    /// What is assumed, by name.
    public var assumptions: [String: String] = [:]

    /// The prices that are known.
    public static let known = [
        "adf_activity_run", "adf_diu_hour", "adf_data_flow_vcore_hour", "adf_external_hour", "dbu_core", "dbu_pro",
        "dbu_advanced", "model_input_token", "model_output_token",
    ]
    /// The assumptions that are known.
    public static let knownAssumptions = ["copy_diu", "transform", "data_flow_vcores", "dlt_tier", "dbu_per_hour"]

    /// Reads a file.
    ///
    /// - Throws: ``DuetError`` when it is missing or wrong, with the place.
    public init(_ path: String) throws(DuetError) {
        guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8)
        else {
            throw DuetError(
                .missingFile,
                "there is no price file '\(path)'",
                hint: "docs/prices.yml is one to start from"
            )
        }
        file = path
        date = ""
        currency = ""
        let root = try YAMLValue.root(of: SourceFile(path: path, text: text))
        for (key, value) in try root.mapping("a price file", known: ["date", "currency", "assume", "prices"]) {
            switch key {
            case "date": date = try value.string("date")
            case "currency": currency = try value.string("currency")
            case "assume":
                for (name, member) in try value.mapping("assume", known: Self.knownAssumptions) {
                    assumptions[name] = try Self.assumption(name, member)
                }
            default:
                for (name, member) in try value.mapping("prices", known: Self.known) {
                    prices[name] = try Self.price(name, member)
                }
            }
        }
        guard !date.isEmpty, !currency.isEmpty else {
            throw root.error(.missingKey, "a price file needs its 'date' and 'currency': prices change")
        }
    }

    private static func assumption(_ name: String, _ value: YAMLValue) throws(DuetError) -> String {
        let text = try value.string(name)
        let words = ["transform": ["data_flow", "external"], "dlt_tier": ["core", "pro", "advanced"]]
        if let words = words[name] {
            guard words.contains(text) else {
                throw value.error(
                    .wrongValue,
                    "'\(name)' must be one of \(words.joined(separator: ", ")); found '\(text)'"
                )
            }
        } else {
            _ = try number(value, name)
        }
        return text
    }

    private static func number(_ value: YAMLValue, _ name: String) throws(DuetError) -> Double {
        let text = try value.string(name)
        guard let number = Double(text), number >= 0, number.isFinite else {
            throw value.error(.wrongValue, "'\(name)' must be a number from 0; found '\(text)'")
        }
        return number
    }

    private static func price(_ name: String, _ value: YAMLValue) throws(DuetError) -> Price {
        var price = Price(amount: -1, per: 1, roundingSeconds: 0, source: "")
        for (key, member) in try value.mapping(
            "the price '\(name)'",
            known: ["amount", "per", "rounding_seconds", "source"]
        ) {
            switch key {
            case "amount": price.amount = try number(member, "amount")
            case "per":
                price.per = try number(member, "per")
                guard price.per > 0 else { throw member.error(.wrongValue, "'per' must be above 0") }
            case "rounding_seconds": price.roundingSeconds = try number(member, "rounding_seconds")
            default: price.source = try member.string("source")
            }
        }
        guard price.amount >= 0, !price.source.isEmpty else {
            throw value.error(
                .missingKey,
                "the price '\(name)' needs an 'amount' and its 'source'",
                hint: "write where and when you looked it up"
            )
        }
        return price
    }
}
