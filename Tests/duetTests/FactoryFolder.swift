import DuetTestSupport

/// A hand-written data factory in the folder `factory`, with one linked service `Sql`, and the built command to run on it
/// from the folder around it.
struct FactoryFolder {
    let folder: TemporaryFolder
    let command: BuiltCommand

    init() throws {
        folder = try TemporaryFolder()
        command = try BuiltCommand()
        try folder.write("linkedServices:\n  Sql: { schema: sales }\n", to: "factory/stand-ins.yml")
        try resource("linkedService", "Sql", #"{"type": "AzureSqlDatabase"}"#)
    }

    /// Writes one of the factory's files.
    func resource(_ kind: String, _ name: String, _ properties: String) throws {
        try folder.write(#"{"name": "\#(name)", "properties": \#(properties)}"#, to: "factory/\(kind)/\(name).json")
    }

    /// An activity that runs a statement, when another has succeeded.
    func script(_ name: String, _ sql: String, after: String = "") -> String {
        let dependsOn =
            after.isEmpty ? "" : #", "dependsOn": [{"activity": "\#(after)", "dependencyConditions": ["Succeeded"]}]"#
        return
            #"{"name": "\#(name)", "type": "Script", "linkedServiceName": {"referenceName": "Sql", "type": "LinkedServiceReference"}, "typeProperties": {"scripts": [{"type": "NonQuery", "text": "\#(sql)"}]}\#(dependsOn)}"#
    }
}
