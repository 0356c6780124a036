import DuetExpression
import Foundation

/// A folder beside these tests.
func resource(_ name: String, from file: String = #filePath) throws -> String {
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
    return try String(contentsOf: folder.appendingPathComponent("Resources/\(name)"), encoding: .utf8)
}

/// Services whose answers never change.
let fixedServices = ExpressionServices(
    now: { Date(timeIntervalSince1970: 1_715_927_415.25) },
    random: { $0 - 1 },
    identifier: { UUID(uuid: (0, 17, 34, 51, 68, 85, 102, 119, 136, 153, 170, 187, 204, 221, 238, 255)) }
)

/// What a text gives, as JSON, or the code of its error.
func outcome(_ text: String, _ state: String = "{}") -> String {
    do {
        let state = try ExpressionState(json: ExpressionValue(json: state), services: fixedServices)
        return try DuetExpression.Expression(parsing: text).evaluate(in: state).json
    } catch let error as ExpressionError {
        return error.code.description
    } catch {
        return "\(error)"
    }
}

/// The error a text gives.
func failure(_ text: String, _ state: String = "{}") -> ExpressionError? {
    do {
        let state = try ExpressionState(json: ExpressionValue(json: state), services: fixedServices)
        _ = try DuetExpression.Expression(parsing: text).evaluate(in: state)
        return nil
    } catch let error as ExpressionError {
        return error
    } catch {
        return nil
    }
}

/// A small source of chance that gives the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// The seed of a random test: given by the environment to replay one, else new.
func testSeed() -> UInt64 {
    ProcessInfo.processInfo.environment["DUET_TEST_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: .min ... .max)
}
