internal import DuetEngine
internal import DuetExpression
internal import DuetFetch
internal import Foundation

/// Files as they are, from one folder or server to another folder.
struct FileCopy {
    private let call: ActivityCall
    private let environment: FactoryEnvironment

    init(_ call: ActivityCall, _ environment: FactoryEnvironment) {
        self.call = call
        self.environment = environment
    }

    func run(from input: ResolvedDataset, to target: FileSet, _ report: inout CopyReport) throws {
        let source = call["source"]?.objectValue ?? ExpressionObject()
        switch try DatasetPlace(input, environment) {
        case .files(let set):
            let files = try SourceRelation.files(of: set, source)
            guard !files.isEmpty else {
                if FileTimes.isGiven(source) { return }
                throw ActivityFailure(
                    "FileNotFound",
                    "no file fits the dataset '\(input.name)'",
                    hint: "it was looked for in \(set.folderPath)"
                )
            }
            try copy(files, to: target, &report)
            let settings = source.value(ignoringCase: "storeSettings")?.objectValue
            if LookupHandler.flag(settings?.value(ignoringCase: "deleteFilesAfterCompletion")) == true {
                for file in files { try FileManager.default.removeItem(atPath: file.path) }
            }
        case .http(let url):
            let name = target.name ?? url.split(separator: "/").last.map(String.init) ?? "download"
            let path = "\(target.folderPath)/\(name)"
            try makeFolder(of: path)
            let fetcher = environment.fetcher
            let request = FetchRequest(url: url, destination: path, retry: .never)
            let response = try Blocking.wait(control: call.control) { try await fetcher.fetch(request) }
            report.filesRead = 1
            report.filesWritten = 1
            report.dataRead = response.size
            report.dataWritten = response.size
        case .table:
            throw ActivityFailure("UnsupportedCopy", "a table cannot be copied into a Binary dataset", isFinal: true)
        }
    }

    private func copy(
        _ files: [(path: String, relative: String)],
        to target: FileSet,
        _ report: inout CopyReport
    ) throws {
        let settings = call["sink"]?.objectValue?.value(ignoringCase: "storeSettings")?.objectValue
        let behavior = settings?.value(ignoringCase: "copyBehavior")?.stringValue?.lowercased() ?? "preservehierarchy"
        if behavior == "mergefiles" {
            let path = "\(target.folderPath)/\(target.name ?? "merged_\(call.activityRunID)")"
            try makeFolder(of: path)
            var whole = Data()
            for file in files { whole.append(try Data(contentsOf: URL(fileURLWithPath: file.path))) }
            try whole.write(to: URL(fileURLWithPath: path), options: .atomic)
            report.filesWritten = 1
            report.dataWritten = whole.count
        } else {
            for (number, file) in files.enumerated() {
                try call.control.check()
                let path = place(of: file, number, files.count, target, behavior)
                try makeFolder(of: path)
                if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
                try FileManager.default.copyItem(atPath: file.path, toPath: path)
                report.dataWritten += SourceRelation.size(path)
            }
            report.filesWritten = files.count
        }
        if LookupHandler.flag(call["validateDataConsistency"]) == true {
            // The service compares size and checksum; nothing is surer than the bytes.
            guard try isSame(files, target, behavior) else {
                throw ActivityFailure("DataInconsistency", "a file differs from what was copied", kind: .system)
            }
            report.consistency = "Verified"
        }
        report.filesRead = files.count
        report.dataRead = files.reduce(0) { $0 + SourceRelation.size($1.path) }
    }

    private func place(
        of file: (path: String, relative: String),
        _ number: Int,
        _ count: Int,
        _ target: FileSet,
        _ behavior: String
    ) -> String {
        let name = file.relative.split(separator: "/").last.map(String.init) ?? file.relative
        let relative =
            count == 1
            ? target.name ?? name : behavior == "flattenhierarchy" ? "\(number + 1)_\(name)" : file.relative
        return "\(target.folderPath)/\(relative)"
    }

    private func isSame(
        _ files: [(path: String, relative: String)],
        _ target: FileSet,
        _ behavior: String
    ) throws -> Bool {
        if behavior == "mergefiles" {
            let whole = "\(target.folderPath)/\(target.name ?? "merged_\(call.activityRunID)")"
            return SourceRelation.size(whole) == files.reduce(0) { $0 + SourceRelation.size($1.path) }
        }
        return files.enumerated().allSatisfy { number, file in
            FileManager.default.contentsEqual(
                atPath: file.path,
                andPath: place(of: file, number, files.count, target, behavior)
            )
        }
    }

    private func makeFolder(of path: String) throws {
        try FileManager.default.createDirectory(
            atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path,
            withIntermediateDirectories: true
        )
    }
}
