internal import Foundation

/// Trains heads: the same rows always give the same head.
///
/// The loss is the mean cross-entropy plus half of lambda times the squared weights, over vectors less their mean; it is
/// convex, and gradient descent with Nesterov's momentum (restarted when the loss rises) comes close enough to its
/// minimum. Lambda is the one of a few that is best on rows left out in turn (five parts).
struct HeadTraining {
    private let vectors: [[Double]]
    private let targets: [Int]
    private let labels: [String]
    private let mean: [Double]

    /// Takes the rows.
    init(vectors: [[Float]], labels: [String]) {
        let distinct = Set(labels).sorted()
        self.labels = distinct
        let numbers = Dictionary(uniqueKeysWithValues: distinct.enumerated().map { ($1, $0) })
        targets = labels.compactMap { numbers[$0] }
        var mean = [Double](repeating: 0, count: vectors.first?.count ?? 0)
        for vector in vectors { for index in mean.indices { mean[index] += Double(vector[index]) } }
        for index in mean.indices { mean[index] /= Double(max(1, vectors.count)) }
        self.mean = mean
        self.vectors = vectors.map { vector in mean.indices.map { Double(vector[$0]) - mean[$0] } }
    }

    private struct Fit {
        var weights: [[Double]]
        var bias: [Double]
    }

    /// The head, with the accuracy on rows left out.
    func head(encoder: String) -> Head {
        var best = (lambda: 0.01, accuracy: -1.0)
        for lambda in [0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001] {
            let accuracy = crossValidated(lambda)
            if accuracy > best.accuracy { best = (lambda, accuracy) }
        }
        let fit = fit(Array(vectors.indices), lambda: best.lambda)
        return Head(
            encoder: encoder,
            labels: labels,
            rows: vectors.count,
            crossValidated: best.accuracy,
            mean: mean,
            weights: fit.weights,
            bias: fit.bias
        )
    }

    private func crossValidated(_ lambda: Double) -> Double {
        let parts = 5
        var right = 0
        for part in 0..<parts {
            let fit = fit(vectors.indices.filter { $0 % parts != part }, lambda: lambda)
            for row in vectors.indices where row % parts == part {
                let scores = scores(vectors[row], fit)
                if scores.indices.max(by: { scores[$0] < scores[$1] }) == targets[row] { right += 1 }
            }
        }
        return Double(right) / Double(max(1, vectors.count))
    }

    private func scores(_ vector: [Double], _ fit: Fit) -> [Double] {
        labels.indices.map { label in
            var sum = fit.bias[label]
            for index in vector.indices { sum += fit.weights[label][index] * vector[index] }
            return sum
        }
    }

    private func fit(_ rows: [Int], lambda: Double) -> Fit {
        let zero = Fit(
            weights: labels.map { _ in [Double](repeating: 0, count: mean.count) },
            bias: labels.map { _ in 0 }
        )
        var current = zero
        var previous = zero
        var momentum = 1.0
        var lastLoss = Double.infinity
        // The gradient's Lipschitz constant is at most half the mean squared length, the bias counted in, plus lambda.
        let squares = rows.reduce(0.0) { sum, row in sum + vectors[row].reduce(1) { $0 + $1 * $1 } }
        let step = 1 / (0.5 * squares / Double(max(1, rows.count)) + lambda)
        for _ in 0..<400 {
            let next = (1 + (1 + 4 * momentum * momentum).squareRoot()) / 2
            let ahead = extrapolated(current, previous, by: (momentum - 1) / next)
            let (loss, gradient) = gradient(ahead, rows, lambda)
            previous = current
            current = moved(ahead, gradient, by: -step)
            momentum = loss > lastLoss ? 1 : next
            if abs(lastLoss - loss) < 1e-9 { break }
            lastLoss = loss
        }
        return current
    }

    private func extrapolated(_ a: Fit, _ b: Fit, by factor: Double) -> Fit {
        var result = a
        for label in labels.indices {
            for index in mean.indices {
                result.weights[label][index] += factor * (a.weights[label][index] - b.weights[label][index])
            }
            result.bias[label] += factor * (a.bias[label] - b.bias[label])
        }
        return result
    }

    private func moved(_ fit: Fit, _ gradient: Fit, by step: Double) -> Fit {
        var result = fit
        for label in labels.indices {
            for index in mean.indices { result.weights[label][index] += step * gradient.weights[label][index] }
            result.bias[label] += step * gradient.bias[label]
        }
        return result
    }

    private func gradient(_ fit: Fit, _ rows: [Int], _ lambda: Double) -> (loss: Double, gradient: Fit) {
        var gradient = Fit(
            weights: fit.weights.map { $0.map { lambda * $0 } },
            bias: labels.map { _ in 0 }
        )
        var loss = fit.weights.reduce(0.0) { $0 + $1.reduce(0.0) { $0 + $1 * $1 } } * lambda / 2
        let share = 1 / Double(max(1, rows.count))
        for row in rows {
            let scores = scores(vectors[row], fit)
            let highest = scores.max() ?? 0
            let powers = scores.map { exp($0 - highest) }
            let sum = powers.reduce(0, +)
            loss -= (scores[targets[row]] - highest - log(sum)) * share
            for label in labels.indices {
                let error = (powers[label] / sum - (label == targets[row] ? 1 : 0)) * share
                for index in mean.indices { gradient.weights[label][index] += error * vectors[row][index] }
                gradient.bias[label] += error
            }
        }
        return (loss, gradient)
    }
}
