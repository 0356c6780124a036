internal import DuckKit
internal import DuetEngine
internal import DuetExpression
internal import DuetFactory
internal import Foundation

/// GetMetadata: what a file, folder or table is like.
struct GetMetadataHandler: ActivityHandler {
    let environment: FactoryEnvironment

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        answer {
            guard let dataset = call.inputs.first else {
                throw ActivityFailure("DatasetNotFound", "GetMetadata names no dataset", isFinal: true)
            }
            let fields = (call["fieldList"]?.arrayValue ?? []).compactMap(\.stringValue)
            switch try DatasetPlace(dataset, environment) {
            case .files(let set): return try metadata(of: set, fields, call)
            case .table(let schema, let name): return try metadata(ofTable: name ?? "", in: schema, fields)
            case .http:
                throw ActivityFailure("UnsupportedDataset", "GetMetadata looks at files and tables only", isFinal: true)
            }
        }
    }

    private func metadata(of set: FileSet, _ fields: [String], _ call: ActivityCall) throws -> ExpressionValue {
        // A name with wildcards means the folder, and those of its children that fit.
        let names = set.name.flatMap { Wildcard.isPattern($0) ? Wildcard($0) : nil }
        let path = names == nil ? set.filePath ?? set.folderPath : set.folderPath
        let times = try FileTimes(call["storeSettings"]?.objectValue ?? ExpressionObject())
        let manager = FileManager.default
        let exists = manager.fileExists(atPath: path)
        let wanted = Set(fields.map { $0.lowercased() })
        guard exists else {
            guard wanted.contains("exists") else {
                throw ActivityFailure(
                    "UserErrorFileNotFound",
                    "there is no '\(set.folder)/\(set.name ?? "")'",
                    hint: "ask for 'exists' to get false instead of a failure"
                )
            }
            return ["exists": false]
        }
        let attributes = try manager.attributesOfItem(atPath: path)
        let isFolder = attributes[.type] as? FileAttributeType == .typeDirectory
        var output = ExpressionObject()
        for field in fields {
            switch field.lowercased() {
            case "exists": output["exists"] = true
            case "itemname": output["itemName"] = .string(URL(fileURLWithPath: path).lastPathComponent)
            case "itemtype": output["itemType"] = .string(isFolder ? "Folder" : "File")
            case "size": if !isFolder { output["size"] = .integer(Int64(attributes[.size] as? Int ?? 0)) }
            case "lastmodified", "created":
                let key: FileAttributeKey = field.lowercased() == "created" ? .creationDate : .modificationDate
                let date = attributes[key] as? Date ?? attributes[.modificationDate] as? Date
                output[field] = date.map { .string($0.formatted(.iso8601)) } ?? .null
            case "childitems":
                guard isFolder else {
                    throw ActivityFailure(
                        "ChildItemsOfFile",
                        "childItems is for folders; '\(set.name ?? "")' is a file",
                        isFinal: true
                    )
                }
                output["childItems"] = .array(
                    try children(of: path) { names?.matches($0) ?? true && times.contains("\(path)/\($0)") }
                )
            case "structure", "columncount":
                let connection = try environment.warehouse.connect()
                try set.format.prepare(connection)
                let reading = "SELECT * FROM \(try set.format.reading([path]))"
                let columns = try connection.describe(
                    try SourceRelation.named(reading, set.format, connection)
                )
                if field.lowercased() == "columncount" {
                    output["columnCount"] = .integer(Int64(columns.count))
                } else {
                    output["structure"] = Self.structure(columns)
                }
            default:
                throw ActivityFailure(
                    "UnknownField",
                    "GetMetadata has no field '\(field)' for files here",
                    isFinal: true
                )
            }
        }
        return .object(output)
    }

    private func children(of path: String, _ isWanted: (String) -> Bool) throws -> [ExpressionValue] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted().filter(isWanted).map { name in
            let type = try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")[.type] as? FileAttributeType
            return ["name": .string(name), "type": type == .typeDirectory ? "Folder" : "File"]
        }
    }

    private func metadata(ofTable name: String, in schema: String, _ fields: [String]) throws -> ExpressionValue {
        let connection = try environment.connect(schema: schema)
        let count = try connection.scalar(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = $1 AND table_name = $2",
            [.varchar(schema), .varchar(name)]
        )
        var output = ExpressionObject()
        let exists = (count.int ?? 0) > 0
        guard exists || fields.contains(where: { $0.lowercased() == "exists" }) else {
            throw ActivityFailure("TableNotFound", "there is no table '\(schema).\(name)'")
        }
        for field in fields {
            switch field.lowercased() {
            case "exists": output["exists"] = .boolean(exists)
            case "structure", "columncount":
                guard exists else { continue }
                let columns = try connection.describe("SELECT * FROM \(SQL.qualified(schema, name))")
                if field.lowercased() == "columncount" {
                    output["columnCount"] = .integer(Int64(columns.count))
                } else {
                    output["structure"] = Self.structure(columns)
                }
            default:
                throw ActivityFailure("UnknownField", "GetMetadata has no field '\(field)' for tables", isFinal: true)
            }
        }
        return .object(output)
    }

    private static func structure(_ columns: [ColumnDescription]) -> ExpressionValue {
        .array(columns.map { ["name": .string($0.name), "type": .string("\($0.type)")] })
    }
}

/// Delete: files, or a folder's.
struct DeleteHandler: ActivityHandler {
    let environment: FactoryEnvironment

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        answer {
            guard let dataset = call.inputs.first, case .files(let set) = try DatasetPlace(dataset, environment) else {
                throw ActivityFailure("UnsupportedDataset", "Delete works on files", isFinal: true)
            }
            let settings = call["storeSettings"]?.objectValue ?? call.properties
            let times = try FileTimes(settings)
            let isRecursive =
                LookupHandler.flag(call["recursive"]) ?? LookupHandler.flag(settings.value(ignoringCase: "recursive"))
                ?? true
            let files = try set.files(
                folderPattern: settings.value(ignoringCase: "wildcardFolderPath")?.stringValue,
                namePattern: settings.value(ignoringCase: "wildcardFileName")?.stringValue,
                isRecursive: isRecursive
            ).filter { times.contains($0.path) }
            for file in files {
                try call.control.check()
                try FileManager.default.removeItem(atPath: file.path)
            }
            return [
                "datasetName": .string(dataset.name), "path": .string(set.folder),
                "recursive": .boolean(isRecursive), "filesDeleted": .integer(Int64(files.count)),
            ]
        }
    }
}

/// Validation: waits until a dataset is there.
struct ValidationHandler: ActivityHandler {
    let environment: FactoryEnvironment

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        // Source: control-flow-validation-activity: looks every 10 seconds unless told otherwise.
        let pause = call["sleep"].flatMap { ActivityExecution.number($0) } ?? 10
        let end = call["timeout"]?.stringValue.flatMap(TimeSpan.seconds) ?? 604_800
        return look(call, pause: max(1, pause), left: end)
    }

    private func look(_ call: ActivityCall, pause: Double, left: Double) -> ActivityAnswer {
        do {
            if try isThere(call) {
                return .succeeded(["exists": true, "itemName": .string(call.inputs.first?.name ?? "")])
            }
        } catch {
            return .failed(ActivityFailure(describing: error))
        }
        guard left > 0 else {
            let name = call.inputs.first?.name ?? ""
            return .failed(
                ActivityFailure("ValidationTimeout", "the dataset '\(name)' was not there in time", isFinal: true)
            )
        }
        let wait = min(pause, left)
        return .later(seconds: wait) { look(call, pause: pause, left: left - wait) }
    }

    private func isThere(_ call: ActivityCall) throws -> Bool {
        guard let dataset = call.inputs.first else {
            throw ActivityFailure("DatasetNotFound", "Validation names no dataset", isFinal: true)
        }
        switch try DatasetPlace(dataset, environment) {
        case .files(let set):
            let path = set.filePath ?? set.folderPath
            guard FileManager.default.fileExists(atPath: path) else { return false }
            let least = call["minimumSize"].flatMap { ActivityExecution.number($0) } ?? 0
            if set.name != nil { return Double(SourceRelation.size(path)) >= least }
            guard let wantsChildren = LookupHandler.flag(call["childItems"]) else { return true }
            return try FileManager.default.contentsOfDirectory(atPath: path).isEmpty != wantsChildren
        case .table(let schema, let name):
            let count = try environment.warehouse.connect().scalar(
                "SELECT count(*) FROM information_schema.tables WHERE table_schema = $1 AND table_name = $2",
                [.varchar(schema), .varchar(name ?? "")]
            )
            return (count.int ?? 0) > 0
        case .http:
            throw ActivityFailure("UnsupportedDataset", "Validation looks at files and tables only", isFinal: true)
        }
    }
}
