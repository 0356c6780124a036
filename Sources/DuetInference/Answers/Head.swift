internal import DuetPipeline
internal import Foundation

/// A classifier over an encoder's vectors: multinomial logistic regression, trained by `duet model train`.
public struct Head: Sendable {
    /// The encoder's identity, whose vectors it was trained on.
    public var encoder: String
    /// The labels.
    public var labels: [String]
    /// The rows it was trained on.
    public var rows: Int
    /// The accuracy on rows left out in turn while training.
    public var crossValidated: Double
    var mean: [Double]
    var weights: [[Double]]
    var bias: [Double]

    /// The hash of what decides its answers.
    public var version: String { ResultKey.version(of: content.text()) }

    /// How much speaks for each label.
    func scores(_ vector: [Float]) -> [Double] {
        labels.indices.map { label in
            var sum = bias[label]
            for index in mean.indices { sum += weights[label][index] * (Double(vector[index]) - mean[index]) }
            return sum
        }
    }

    private var content: JSONValue {
        [
            "encoder": .string(encoder), "labels": .array(labels.map { .string($0) }),
            "mean": .array(mean.map { .double($0) }), "bias": .array(bias.map { .double($0) }),
            "weights": .array(weights.map { .array($0.map { .double($0) }) }),
        ]
    }

    /// The file's text.
    public var text: String {
        let file: JSONValue = [
            "format": .integer(1), "version": .string(version), "rows": .integer(Int64(rows)),
            "cross_validated_accuracy": .double(crossValidated), "head": content,
        ]
        return file.text(pretty: true) + "\n"
    }

    /// Writes the file, making its folder when there is none.
    ///
    /// - Parameter path: The file, which is replaced.
    /// - Throws: ``DuetError`` when it cannot be written.
    public func write(to path: String) throws {
        do {
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw DuetError(
                .unreadableFile,
                "cannot write the head to '\(path)'",
                hint: "check that you may write there and that the disk has room",
                cause: error.localizedDescription
            )
        }
    }

    /// Reads a file's text, and refuses one that was changed by hand.
    public init(text: String, path: String) throws {
        func refuse(_ what: String) -> DuetError {
            DuetError(
                .modelMissing,
                "the head '\(path)' cannot be used: \(what)",
                hint: "train it again: duet model train"
            )
        }
        let file: JSONValue
        do {
            file = try JSONValue(parsing: text)
        } catch {
            throw refuse("it is not JSON (\(error))")
        }
        guard file["format"]?.integer == 1, let head = file["head"], let encoder = head["encoder"]?.string else {
            throw refuse("it is not of format 1")
        }
        func numbers(_ value: JSONValue?) -> [Double] {
            (value?.array ?? []).compactMap {
                switch $0 {
                case .double(let number): number
                case .integer(let number): Double(number)
                default: nil
                }
            }
        }
        self.encoder = encoder
        labels = (head["labels"]?.array ?? []).compactMap(\.string)
        mean = numbers(head["mean"])
        bias = numbers(head["bias"])
        weights = (head["weights"]?.array ?? []).map(numbers)
        rows = file["rows"]?.integer ?? 0
        crossValidated = numbers(file["cross_validated_accuracy"].map { .array([$0]) }).first ?? 0
        guard labels.count > 1, bias.count == labels.count, weights.count == labels.count,
            weights.allSatisfy({ $0.count == mean.count })
        else { throw refuse("its parts do not fit together") }
        guard file["version"]?.string == version else { throw refuse("its content is not the one its version names") }
    }

    init(
        encoder: String,
        labels: [String],
        rows: Int,
        crossValidated: Double,
        mean: [Double],
        weights: [[Double]],
        bias: [Double]
    ) {
        self.encoder = encoder
        self.labels = labels
        self.rows = rows
        self.crossValidated = crossValidated
        self.mean = mean
        self.weights = weights
        self.bias = bias
    }
}
