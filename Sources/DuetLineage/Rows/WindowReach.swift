import DuetPipeline

/// Which other rows a window function looks at.
struct WindowReach {
    /// The expressions that such rows agree in.
    let partitions: [JSONValue]
    /// The row's number in the window's order, when only near rows are looked at.
    let number: JSONValue?
    /// How many rows before it.
    let before: Int
    /// How many rows after it.
    let after: Int

    init(_ window: JSONValue, _ block: RowBlock) {
        partitions = window["partitions"]?.array ?? []
        // Of functions like rank the frame says nothing: they go by the whole partition.
        guard window["type"]?.string == "WINDOW_AGGREGATE",
            let before = Self.bound(window, "start", near: "EXPR_PRECEDING_ROWS"),
            let after = Self.bound(window, "end", near: "EXPR_FOLLOWING_ROWS"),
            window["exclude_clause"]?.string == "NO_OTHER", window["orders"]?.array?.isEmpty == false
        else {
            number = nil
            before = 0
            after = 0
            return
        }
        self.before = before
        self.after = after
        guard case .object(var object) = window else {
            number = nil
            return
        }
        object["type"] = "WINDOW_ROW_NUMBER"
        object["function_name"] = "row_number"
        object["children"] = []
        object["filter_expr"] = .null
        object["distinct"] = false
        object["start"] = "UNBOUNDED_PRECEDING"
        object["end"] = "CURRENT_ROW_RANGE"
        object["start_expr"] = .null
        object["end_expr"] = .null
        number = .object(object)
    }

    /// The number of rows of a bound that is a constant or the row itself; nil for others.
    private static func bound(_ window: JSONValue, _ side: String, near: String) -> Int? {
        switch window[side]?.string {
        case "CURRENT_ROW_ROWS": 0
        case near: window["\(side)_expr"]?["value"]?["value"]?.integer
        default: nil
        }
    }
}
