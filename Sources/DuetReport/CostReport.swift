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
