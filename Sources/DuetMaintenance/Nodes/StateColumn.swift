/// A column of a state's table.
struct StateColumn: Hashable, Sendable {
    var name: String
    /// The type as DuckDB writes it.
    var type: String

    /// Whether values take 128 bits.
    ///
    /// DuckDB 1.5.5 packs such columns in its files so that reading one value costs about half a microsecond (measured:
    /// 100 ms for 200,000 of them, 3 ms when they are not packed), and every update reads the state.
    var isWide: Bool {
        if ["HUGEINT", "UHUGEINT"].contains(type) { return true }
        guard type.hasPrefix("DECIMAL("), let digits = type.dropFirst("DECIMAL(".count).split(separator: ",").first
        else { return false }
        return Int(digits).map { $0 > 18 } ?? false
    }

    /// The column in a CREATE TABLE.
    var definition: String {
        "\(SQLText.identifier(name)) \(type)" + (isWide ? " USING COMPRESSION uncompressed" : "")
    }
}
