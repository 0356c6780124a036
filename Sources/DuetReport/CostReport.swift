internal import DuetPipeline

/// What runs would come to at the prices of a dated file; never a quote.
public struct CostReport: Sendable, Hashable {
    /// One line of a bill.
    public struct Item: Sendable, Hashable {
        /// The name of the price.
        public var price: String
        /// How much is billed, rounded as the service does.
        public var quantity: Double
        /// The unit.
        public var unit: String
        /// What it comes to.
        public var amount: Double

        /// Creates an item.
        public init(price: String, quantity: Double, unit: String, amount: Double) {
            self.price = price
            self.quantity = quantity
            self.unit = unit
            self.amount = amount
        }
    }

    /// The bill of one step's run.
    public struct Bill: Sendable, Hashable {
        /// The step.
        public var step: String
        /// The style.
        public var style: String
        /// The lines.
        public var items: [Item]

        /// Creates a bill.
        public init(step: String, style: String, items: [Item]) {
            self.step = step
            self.style = style
            self.items = items
        }

        /// The sum of the lines.
        public var amount: Double { items.reduce(0) { $0 + $1.amount } }
    }

    /// The file's name.
    public var file: String
    /// The day its prices were looked up.
    public var date: String
    /// The currency.
    public var currency: String
    /// Where the prices are from, by name of the price.
    public var sources: [String]
    /// What was assumed, in words.
    public var assumptions: [String]
    /// The bills, in the order of the steps.
    public var bills: [Bill]

    /// Creates a report.
    public init(
        file: String,
        date: String,
        currency: String,
        sources: [String],
        assumptions: [String],
        bills: [Bill]
    ) {
        self.file = file
        self.date = date
        self.currency = currency
        self.sources = sources
        self.assumptions = assumptions
        self.bills = bills
    }

    /// The report as JSON.
    var json: JSONValue {
        [
            "file": .string(file), "date": .string(date), "currency": .string(currency),
            "sources": .array(sources.map { .string($0) }),
            "assumptions": .array(assumptions.map { .string($0) }),
            "bills": .array(
                bills.map { bill in
                    [
                        "step": .string(bill.step), "style": .string(bill.style), "amount": .double(bill.amount),
                        "items": .array(
                            bill.items.map {
                                [
                                    "price": .string($0.price), "quantity": .double($0.quantity),
                                    "unit": .string($0.unit), "amount": .double($0.amount),
                                ]
                            }
                        ),
                    ]
                }
            ),
        ]
    }
}

/// How time grows: with the part of a source that changes, and with the data that are there already.
public struct SweepReport: Sendable, Hashable {
    /// One measured point.
    public struct Point: Sendable, Hashable {
        /// `change` or `size`.
        public var series: String
        /// Percent of the rows that changed, or the size as a multiple of the first.
        public var x: Double
        /// Rows of the source before the change.
        public var rowsBefore: Int
        /// Seconds of the procedural run.
        public var procedural: Double
        /// Seconds of the declarative run.
        public var declarative: Double
        /// Whether all datasets were equal.
        public var isEqual: Bool
        /// Seconds by dataset: both styles.
        public var datasets: [DatasetTime]

        /// Creates a point.
        public init(
            series: String,
            x: Double,
            rowsBefore: Int,
            procedural: Double,
            declarative: Double,
            isEqual: Bool,
            datasets: [DatasetTime]
        ) {
            self.series = series
            self.x = x
            self.rowsBefore = rowsBefore
            self.procedural = procedural
            self.declarative = declarative
            self.isEqual = isEqual
            self.datasets = datasets
        }
    }

    /// How long one dataset took in both styles.
    public struct DatasetTime: Sendable, Hashable {
        /// The dataset.
        public var dataset: String
        /// Seconds of the procedural step.
        public var procedural: Double
        /// Seconds of the declarative step.
        public var declarative: Double
        /// How the declarative style did it.
        public var strategy: String

        /// Creates a time.
        public init(dataset: String, procedural: Double, declarative: Double, strategy: String) {
            self.dataset = dataset
            self.procedural = procedural
            self.declarative = declarative
            self.strategy = strategy
        }
    }

    /// The source that was changed.
    public var source: String
    /// The points.
    public var points: [Point]

    /// Creates a report.
    public init(source: String, points: [Point]) {
        self.source = source
        self.points = points
    }

    /// Whether all datasets were equal at every point.
    public var isEqual: Bool { points.allSatisfy(\.isEqual) }

    /// The percentage of changed rows from which the procedural style is faster: on the line between the last point where
    /// it is slower and the first where it is not; nil when it never is.
    ///
    /// - Parameter dataset: A dataset; nil for the whole run.
    /// - Returns: The percentage.
    public func breakEven(of dataset: String? = nil) -> Double? {
        let series = points.filter { $0.series == "change" }.sorted { $0.x < $1.x }.compactMap {
            point -> (Double, Double)? in
            guard let dataset else { return (point.x, point.procedural - point.declarative) }
            guard let time = point.datasets.first(where: { $0.dataset == dataset }) else { return nil }
            return (point.x, time.procedural - time.declarative)
        }
        guard let last = series.lastIndex(where: { $0.1 > 0 }) else { return series.first?.0 }
        guard last + 1 < series.count else { return nil }
        let (below, above) = (series[last], series[last + 1])
        return below.0 + (above.0 - below.0) * below.1 / (below.1 - above.1)
    }

    /// The datasets that were measured, in order.
    public var datasets: [String] {
        var seen: Set<String> = []
        return points.flatMap(\.datasets).map(\.dataset).filter { seen.insert($0).inserted }
    }

    /// The report as JSON.
    var json: JSONValue {
        [
            "source": .string(source), "equal": .bool(isEqual),
            "break_even_percent": breakEven().map { .double($0) } ?? .null,
            "datasets": .array(
                datasets.map {
                    ["dataset": .string($0), "break_even_percent": breakEven(of: $0).map { .double($0) } ?? .null]
                }
            ),
            "points": .array(
                points.map { point in
                    [
                        "series": .string(point.series), "x": .double(point.x),
                        "rows_before": .integer(Int64(point.rowsBefore)),
                        "procedural_seconds": .double(point.procedural),
                        "declarative_seconds": .double(point.declarative), "equal": .bool(point.isEqual),
                        "datasets": .array(
                            point.datasets.map {
                                [
                                    "dataset": .string($0.dataset), "procedural_seconds": .double($0.procedural),
                                    "declarative_seconds": .double($0.declarative), "strategy": .string($0.strategy),
                                ]
                            }
                        ),
                    ]
                }
            ),
        ]
    }
}
