internal import DuetPipeline
internal import Foundation

/// What a model gave for an input.
package struct StoredAnswer: Sendable {
    /// What it wrote.
    package var text: String?
    /// The vector it computed.
    package var vector: [Float]?
    /// Why there is no answer.
    package var error: String?
    /// Tokens it read.
    package var tokensIn = 0
    /// Tokens it wrote.
    package var tokensOut = 0

    package init(
        text: String? = nil,
        vector: [Float]? = nil,
        error: String? = nil,
        tokensIn: Int = 0,
        tokensOut: Int = 0
    ) {
        self.text = text
        self.vector = vector
        self.error = error
        self.tokensIn = tokensIn
        self.tokensOut = tokensOut
    }

    /// The vector's numbers as bytes, little-endian, as they are stored.
    var vectorBytes: [UInt8]? { vector.map { vector in vector.withUnsafeBytes { Array($0) } } }

    static func vector(bytes: [UInt8]) -> [Float] {
        bytes.withUnsafeBytes { buffer in
            (0..<buffer.count / 4).map { buffer.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
    }

    /// A line of the journal.
    ///
    /// Put together here, since a vector's letters are thousands and need no escapes.
    func line(key: ResultKey, model: String, pipeline: String? = nil) -> String {
        var line = "{\"k\":\"\(key.hexadecimal)\",\"m\":\(JSONValue.string(model).text())"
        if let text { line += ",\"t\":\(JSONValue.string(text).text())" }
        if let vector { line += ",\"v\":\"\(vector.withUnsafeBytes { Data($0).base64EncodedString() })\"" }
        if let error { line += ",\"e\":\(JSONValue.string(error).text())" }
        if let pipeline { line += ",\"p\":\(JSONValue.string(pipeline).text())" }
        return line + ",\"i\":\(tokensIn),\"o\":\(tokensOut)}\n"
    }

    /// Reads a line of the journal; nil for one that was cut off.
    static func read(line: String) -> (key: ResultKey, model: String, pipeline: String?, answer: StoredAnswer)? {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: line)
        } catch {
            // A kill can leave half a line at the end, which says nothing.
            return nil
        }
        guard let key = value["k"]?.string.flatMap(ResultKey.init(hexadecimal:)), let model = value["m"]?.string else {
            return nil
        }
        var answer = StoredAnswer()
        answer.text = value["t"]?.string
        answer.vector = value["v"]?.string.flatMap { Data(base64Encoded: $0) }.map { vector(bytes: Array($0)) }
        answer.error = value["e"]?.string
        answer.tokensIn = value["i"]?.integer ?? 0
        answer.tokensOut = value["o"]?.integer ?? 0
        return (key, model, value["p"]?.string, answer)
    }
}
