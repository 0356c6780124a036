import DuetTestSupport
import Foundation

/// Microsoft's client azure-mgmt-datafactory 9.3.0, as `scripts/setup datafactory` unpacks it; version 10 checks nothing.
enum PythonClient {
    private static let folder: String = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return root.appendingPathComponent(".deps/azure-datafactory").path
    }()

    static var isThere: Bool { FileManager.default.fileExists(atPath: "\(folder)/azure/mgmt/datafactory/__init__.py") }

    /// What the client finds wrong with the resources of a factory's folder, a line each.
    ///
    /// The client reads unknown types as their base and leaves required members empty, so both are looked for.
    private static let script = """
        import json, pathlib, sys, warnings
        sys.path.insert(0, sys.argv[1])
        warnings.simplefilter("ignore")
        import azure.mgmt.datafactory.models as m
        import logging
        logging.disable(logging.CRITICAL)
        kinds = {"pipeline": m.PipelineResource, "dataset": m.DatasetResource, "linkedService": m.LinkedServiceResource}
        bases = {"Activity", "ControlActivity", "ExecutionActivity", "Dataset", "LinkedService"}

        def walk(value, where):
            if isinstance(value, list):
                for element in value:
                    walk(element, where)
            elif hasattr(value, "_attribute_map"):
                if type(value).__name__ in bases:
                    print(f"{where}: '{getattr(value, 'name', '')}' is no known activity")
                for name, rule in getattr(value, "_validation", {}).items():
                    if rule.get("required") and getattr(value, name, None) is None:
                        print(f"{where}: {type(value).__name__} lacks {name}")
                for name in value._attribute_map:
                    walk(getattr(value, name, None), where)

        for kind, model in kinds.items():
            for path in sorted(pathlib.Path(sys.argv[2]).glob(kind + "/*.json")):
                try:
                    walk(model.deserialize(json.loads(path.read_text())), path.name)
                except Exception as error:
                    print(f"{path.name}: {error}")
        """

    static func faults(in path: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-I", "-c", script, folder, path]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw TestFailure("the client failed: \(text)") }
        return text
    }
}
