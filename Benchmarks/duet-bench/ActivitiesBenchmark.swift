import DuetExpression
import DuetFactory
import DuetProcedural
import Foundation

/// What the procedural style itself costs: activities that do nothing, expressions, reading a factory.
///
/// Times are of one process and depend on the machine; each is set against the bare work of the same number of steps.
struct ActivitiesBenchmark {
    private let folder: String
    private let clock = ContinuousClock()

    init() { folder = FileManager.default.temporaryDirectory.appendingPathComponent("duet-bench-\(getpid())").path }

    func run() throws {
        defer {
            do {
                try FileManager.default.removeItem(atPath: folder)
            } catch {
                print("could not remove \(folder): \(error)")
            }
        }
        try chain()
        try loop(isSequential: true)
        try loop(isSequential: false)
        try expressions()
        try reading()
    }

    private func seconds(_ work: () throws -> Void) rethrows -> Double { try clock.measure(work) / .seconds(1) }

    private func told(_ name: String, _ count: Int, _ seconds: Double, _ unit: String) {
        let each = (seconds / Double(count) * 1e8).rounded() / 100
        print("\(name): \(count) \(unit) in \((seconds * 1_000).rounded()) ms, \(each) µs each, \(Self.memory())")
    }

    /// The process's memory, now and at its highest, in MiB.
    private static func memory() -> String {
        let status = FileManager.default.contents(atPath: "/proc/self/status").map {
            String(decoding: $0, as: UTF8.self)
        }
        func value(_ name: String) -> Int {
            let line = status?.split(separator: "\n").first { $0.hasPrefix(name) }
            return (line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0)
                / 1_024
        }
        return "\(value("VmRSS:")) MiB (highest \(value("VmHWM:")))"
    }

    private func write(_ text: String, _ path: String) throws {
        let url = URL(fileURLWithPath: "\(folder)/\(path)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    private func factory(_ name: String, _ activities: String) throws -> Factory {
        let variables = #""variables": {"v": {"type": "String"}}"#
        try write(
            #"{"name": "P", "properties": {"activities": [\#(activities)], \#(variables)}}"#,
            "\(name)/pipeline/P.json"
        )
        return try Factory.load("\(folder)/\(name)")
    }

    private func set(_ name: String, _ value: String, _ after: String = "") -> String {
        let dependsOn =
            after.isEmpty ? "" : #", "dependsOn": [{"activity": "\#(after)", "dependencyConditions": ["Succeeded"]}]"#
        return
            #"{"name": "\#(name)", "type": "SetVariable", "typeProperties": {"variableName": "v", "value": "\#(value)"}\#(dependsOn)}"#
    }

    private func chain() throws {
        let count = 10_000
        let activities = (0..<count).map { set("A\($0)", "x", $0 == 0 ? "" : "A\($0 - 1)") }.joined(separator: ",")
        let factory = try factory("chain", activities)
        let sink = Counter()
        let time = try seconds { _ = try FactoryRunner(factory, sinks: [sink]).run(PipelineRequest("P")) }
        told("chain of SetVariable", count, time, "activities")
    }

    private func loop(isSequential: Bool) throws {
        let count = 100_000
        let factory = try factory(
            "loop\(isSequential)",
            #"{"name": "F", "type": "ForEach", "typeProperties": {"items": "@range(0, \#(count))", "isSequential": \#(isSequential), "activities": [\#(set("S", "@string(item())"))]}}"#
        )
        let sink = Counter()
        let time = try seconds { _ = try FactoryRunner(factory, sinks: [sink]).run(PipelineRequest("P")) }
        told("ForEach, \(isSequential ? "one after the other" : "20 at once")", count, time, "items")
    }

    private struct Surroundings: ExpressionContext {
        let services = ExpressionServices.system
        let parameters: ExpressionObject = ["a": "hello", "n": 3]
        func variable(named name: String) -> ExpressionValue? { "world" }
    }

    private func expressions() throws {
        let count = 200_000
        let texts = [
            "@concat(pipeline().parameters.a, '-', variables('v'))", "@add(pipeline().parameters.n, 4)",
            "@if(equals(variables('v'), 'world'), 'yes', 'no')",
            "@{toUpper(variables('v'))} and @{pipeline().parameters.n}",
        ]
        let parsed = try texts.map { try Expression(parsing: $0) }
        let context = Surroundings()
        var length = 0
        let time = try seconds {
            for number in 0..<count { length += try parsed[number & 3].evaluate(in: context).description.count }
        }
        print("expressions: \(Int(Double(count) / time)) evaluations a second (\(length) characters)")
        let parsing = try seconds {
            for number in 0..<count { length += try Expression(parsing: texts[number & 3]).text.count }
        }
        print("expressions: \(Int(Double(count) / parsing)) parses a second")
    }

    /// A factory of 164 pipelines of twelve activities each.
    private func reading() throws {
        var bytes = 0
        for number in 0..<164 {
            let activities = (0..<12).map { place in
                set(
                    "A\(place)",
                    "@concat('run ', pipeline().RunId, string(\(place)))",
                    place == 0 ? "" : "A\(place - 1)"
                )
            }
            let text =
                #"{"name": "P\#(number)", "properties": {"variables": {"v": {"type": "String"}}, "activities": [\#(activities.joined(separator: ",\n"))]}}"#
            bytes += text.utf8.count
            try write(text, "large/pipeline/P\(number).json")
        }
        var findings = 0
        let time = try seconds { findings = try Factory.load("\(folder)/large").findings.count }
        var raw = 0
        let bare = try seconds {
            for number in 0..<164 {
                let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/large/pipeline/P\(number).json"))
                raw += try JSONSerialization.jsonObject(with: data) is [String: Any] ? 1 : 0
            }
        }
        print(
            "reading 164 pipelines (\(bytes >> 10) KiB): \((time * 1_000).rounded()) ms with all checks, \(findings) findings; "
                + "\((time / bare * 10).rounded() / 10) times JSONSerialization alone (\(raw) files)"
        )
    }

    /// Takes runs and keeps none.
    private final class Counter: FactorySink {
        func ended(_ run: ActivityRun) {}
        func ended(_ run: PipelineRun) {}
    }
}
