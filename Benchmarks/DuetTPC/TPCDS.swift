import Foundation

/// The tables of TPC-DS that its queries read, and updates made of them.
package enum TPCDS {
    /// All tables.
    package static let tables = [
        "call_center", "catalog_page", "catalog_returns", "catalog_sales", "customer", "customer_address",
        "customer_demographics", "date_dim", "household_demographics", "income_band", "inventory", "item", "promotion",
        "reason", "ship_mode", "store", "store_returns", "store_sales", "time_dim", "warehouse", "web_page",
        "web_returns", "web_sales", "web_site",
    ]

    /// A query as it is kept: without its last LIMIT.
    ///
    /// A LIMIT after an ORDER BY with ties may keep any of the tied rows, so that there is nothing to compare.
    package static func view(_ query: String) -> String {
        guard let range = query.range(of: #"(?i)\s+limit\s+100\s*$"#, options: .regularExpression) else { return query }
        return String(query[..<range.lowerBound])
    }

    /// Sales, returns, stock and dimensions that change; about 0.2 % of each table's rows.
    ///
    /// - Parameter round: Which update set; each is about other rows.
    /// - Returns: The updates, in order.
    package static func updates(round: Int) -> [SourceUpdate] {
        [
            SourceUpdate(
                "sales",
                [
                    facts("store_sales", "ss_quantity = ss_quantity + 1, ss_net_profit = ss_net_profit + 1", round),
                    facts("catalog_sales", "cs_quantity = cs_quantity + 1, cs_net_profit = cs_net_profit + 1", round),
                    facts("web_sales", "ws_quantity = ws_quantity + 1, ws_net_profit = ws_net_profit + 1", round),
                ]
            ),
            SourceUpdate(
                "returns and stock",
                [
                    facts("store_returns", "sr_return_amt = sr_return_amt + 1", round),
                    facts("catalog_returns", "cr_return_amount = cr_return_amount + 1", round),
                    facts("web_returns", "wr_return_amt = wr_return_amt + 1", round),
                    facts("inventory", "inv_quantity_on_hand = inv_quantity_on_hand + 1", round),
                ]
            ),
            SourceUpdate(
                "dimensions",
                [
                    rows("item", "i_current_price = i_current_price + 1, i_category = 'Music'", round),
                    rows("customer", "c_birth_year = c_birth_year + 1, c_preferred_cust_flag = 'Y'", round),
                    rows("customer_address", "ca_state = 'TX', ca_gmt_offset = -6", round),
                    TableChange(
                        "store",
                        gone: "s_store_sk = \(1 + round % 2)",
                        new: "SELECT * REPLACE ('TN' AS s_state, s_number_employees + 1 AS s_number_employees) "
                            + "FROM store WHERE s_store_sk = \(1 + round % 2)"
                    ),
                ]
            ),
        ]
    }

    /// Some rows go, and as many others come that are like rows there are.
    private static func facts(_ table: String, _ assignments: String, _ round: Int) -> TableChange {
        TableChange(
            table,
            gone: "rowid % 997 = \(5 + 2 * round)",
            new: "\(replacing(assignments)) FROM \(table) WHERE rowid % 997 = \(6 + 2 * round)"
        )
    }

    /// Some rows get other values.
    private static func rows(_ table: String, _ assignments: String, _ round: Int) -> TableChange {
        let condition = "rowid % 499 = \(3 + round)"
        return TableChange(table, gone: condition, new: "\(replacing(assignments)) FROM \(table) WHERE \(condition)")
    }

    private static func replacing(_ assignments: String) -> String {
        let parts = assignments.components(separatedBy: ", ").map { assignment in
            let sides = assignment.components(separatedBy: " = ")
            return "\(sides[1]) AS \(sides[0])"
        }
        return "SELECT * REPLACE (\(parts.joined(separator: ", ")))"
    }
}
