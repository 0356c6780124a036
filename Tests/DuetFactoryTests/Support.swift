import DuetFactory
import DuetPipeline
import DuetTestSupport

/// A factory in a temporary folder, in the git layout.
struct FactoryFolder {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @discardableResult
    func pipeline(_ name: String, _ activities: String, _ more: String = "") throws -> Self {
        let text = """
            {
              "name": "\(name)",
              "properties": {
                "activities": [
            \(activities)
                ]\(more.isEmpty ? "" : ",\n" + more)
              }
            }
            """
        try folder.write(text, to: "pipeline/\(name).json")
        return self
    }

    func load() throws -> Factory { try Factory.load(folder.path) }

    /// The findings of the given pipeline text as `line:column CODE`.
    static func findings(_ activities: String, _ more: String = "") throws -> [String] {
        let folder = try FactoryFolder().pipeline("P", activities, more)
        return try folder.load().findings.map { finding in
            let location = finding.error.location
            return "\(location?.line ?? 0):\(location?.column ?? 0) \(finding.error.code)"
        }
    }
}

func wait(_ name: String, after: String = "") -> String {
    let dependency =
        after.isEmpty ? "" : #", "dependsOn": [{"activity": "\#(after)", "dependencyConditions": ["Succeeded"]}]"#
    return #"{"name": "\#(name)", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}\#(dependency)}"#
}
