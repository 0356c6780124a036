/// A text made ready for an encoder.
struct PreparedText: Sendable {
    /// What the encoder itself needs: token numbers, or nothing.
    var tokens: [Int64]
    /// The text, for encoders that read it themselves.
    var text: String
    /// Tokens that will be read, markers included.
    var tokenCount: Int
    /// Tokens that the text has, markers included.
    var fullCount: Int
}

/// Turns texts into vectors within this process.
///
/// Any thread may use it.
protocol TextEncoder: Sendable {
    /// The name and the hash of the weights: what a result belongs to.
    var identity: String { get }
    /// The numbers in a vector.
    var dimensions: Int { get }
    /// The most tokens it reads, markers included.
    var maximumTokens: Int { get }

    /// Reads a text's tokens; those beyond the limit are left out.
    func prepare(_ text: String, limit: Int) -> PreparedText

    /// Turns a batch into vectors of length 1; a text's vector does not depend on what else is in the batch.
    ///
    /// - Throws: ``InferenceFault`` when the library says no.
    func encode(_ batch: [PreparedText]) throws -> [[Float]]
}

/// What went wrong in a model's library or file.
struct InferenceFault: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}
