internal import DuetEngine
internal import DuetExpression
internal import DuetFactory
internal import DuetPipeline
internal import Foundation

/// Activities on a service's machines: a program, with parameters in and an exit value out.
///
/// The program is a file of the stand-in's folder, named as the notebook is. It gets the parameters as JSON on standard
/// input and each as an environment variable `DUET_PARAMETER_name`; what it prints on its last line is the exit value.
struct CommandHandler: ActivityHandler {
    let environment: FactoryEnvironment

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        answer {
            guard let service = call.linkedService else { throw ActivityFailure.noService(call) }
            guard case .commands(let folder) = try environment.place(of: service) else {
                throw ActivityFailure(
                    "WrongStandIn",
                    "'\(call.activity.name)' needs a linked service mapped to commands",
                    isFinal: true
                )
            }
            let (name, parameters) = Self.program(call, folder)
            let words = name.split(separator: " ").map(String.init)
            let program = words.first.map { $0.split(separator: "/").joined(separator: "/") } ?? ""
            guard !program.isEmpty, !program.split(separator: "/").contains("..") else {
                throw ActivityFailure(
                    "PathOutsideStandIn",
                    "'\(name)' is no program of the stand-in's folder",
                    isFinal: true
                )
            }
            let path = "\(folder)/\(program)"
            guard FileManager.default.isExecutableFile(atPath: path) else {
                throw ActivityFailure(
                    "CommandNotFound",
                    "there is no program '\(program)'",
                    hint: "put one at \(path) and make it executable",
                    isFinal: true
                )
            }
            return try run(path, Array(words.dropFirst()), parameters, call)
        }
    }

    private static func program(_ call: ActivityCall, _ folder: String) -> (name: String, parameters: ExpressionObject)
    {
        switch call.activity.kind {
        case .custom:
            (
                call["command"]?.stringValue ?? "",
                call["extendedProperties"]?.objectValue ?? ExpressionObject()
            )
        case .databricksSparkPython:
            (
                ([call["pythonFile"]?.stringValue ?? ""]
                    + (call["parameters"]?.arrayValue ?? []).map { $0.stringValue ?? $0.json })
                    .joined(separator: " "),
                ExpressionObject()
            )
        case .synapseNotebook:
            (
                call["notebook"]?.objectValue?.value(ignoringCase: "referenceName")?.stringValue ?? "",
                ExpressionObject(
                    SQLText.parameters(call["parameters"]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
                )
            )
        case .databricksNotebook:
            (call["notebookPath"]?.stringValue ?? "", call["baseParameters"]?.objectValue ?? ExpressionObject())
        default:
            // Named as the activity is, or else as its type: what these run is no name of a program.
            (
                FileManager.default.fileExists(atPath: "\(folder)/\(own(call))") ? own(call) : call.activity.type,
                call.properties
            )
        }
    }

    private static func own(_ call: ActivityCall) -> String {
        call.activity.name.replacing(" ", with: "_").replacing("/", with: "_")
    }

    private func run(
        _ path: String,
        _ arguments: [String],
        _ parameters: ExpressionObject,
        _ call: ActivityCall
    ) throws -> ExpressionValue {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: path).deletingLastPathComponent()
        var variables = ProcessInfo.processInfo.environment
        for (name, value) in zip(parameters.names, parameters.values) {
            variables["DUET_PARAMETER_\(name)"] = value.stringValue ?? value.json
        }
        process.environment = variables
        let folder = try environment.scratch(call)
        // Files, not pipes: a program that prints much would wait for somebody to read.
        let input = URL(fileURLWithPath: "\(folder)/input.json")
        try Data(ExpressionValue.object(parameters).json.utf8).write(to: input)
        let output = URL(fileURLWithPath: "\(folder)/output.txt")
        let errors = URL(fileURLWithPath: "\(folder)/errors.txt")
        for file in [output, errors] { try Data().write(to: file) }
        process.standardInput = try FileHandle(forReadingFrom: input)
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        try process.run()
        while ended.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
            if call.control.isCancelled { process.terminate() }
        }
        try call.control.check()
        let printed = String(decoding: try Data(contentsOf: output), as: UTF8.self)
        guard process.terminationStatus == 0 else {
            let told = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
            throw ActivityFailure(
                "CommandFailed",
                "the program ended with \(process.terminationStatus): \(told.suffix(2_000))"
            )
        }
        let last = printed.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
        var value = ExpressionValue.string(last)
        if case .success(let json) = Result(catching: { try ExpressionValue(json: last) }) { value = json }
        var answer: ExpressionObject = [
            "runOutput": value, "exitcode": 0, "effectiveIntegrationRuntime": "duet (local)",
        ]
        if case .object(let members) = value, ![.custom, .databricksNotebook].contains(call.activity.kind) {
            for (name, member) in zip(members.names, members.values) { answer[name] = member }
        }
        return .object(answer)
    }
}
