internal import DuetPipeline
internal import Foundation
internal import Synchronization

/// Where encoders are found: `scripts/setup models` puts each into a folder of its own with a model.json.
struct ModelFolder: Sendable {
    /// What model.json says.
    private struct Manifest: Decodable {
        var kind: String
        var file: String
        var sha256: String
        var dimensions: Int
        var maxTokens: Int
        var vocabulary: String?
        var library: String?

        private enum CodingKeys: String, CodingKey {
            case kind, file, sha256, dimensions, vocabulary, library
            case maxTokens = "max_tokens"
        }
    }

    /// The folder with a folder for each encoder; nil when there is none on this machine.
    let path: String?

    /// Looks in `DUET_MODELS`, then for `.deps/models` in the current folder and in those above the program.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        if let given = environment["DUET_MODELS"], !given.isEmpty {
            path = given
            return
        }
        var folders = [URL(fileURLWithPath: FileManager.default.currentDirectoryPath)]
        var folder = URL(fileURLWithPath: CommandLine.arguments.first ?? "").resolvingSymlinksInPath()
        while folder.pathComponents.count > 1 {
            folder.deleteLastPathComponent()
            folders.append(folder)
        }
        path = folders.map { $0.appendingPathComponent(".deps/models").path }
            .first { FileManager.default.fileExists(atPath: $0) }
    }

    /// An encoder's identity, without loading it.
    func identity(of name: String) throws -> String {
        let manifest = try manifest(of: name).manifest
        return "\(name) \(manifest.sha256.prefix(16)) \(manifest.maxTokens)"
    }

    private func manifest(of name: String) throws -> (manifest: Manifest, folder: String) {
        guard let path, FileManager.default.fileExists(atPath: "\(path)/\(name)/model.json") else {
            throw DuetError(
                .modelMissing,
                "the encoder '\(name)' is not on this machine",
                hint: "scripts/setup models brings minilm and e5-small; DUET_MODELS names another folder"
            )
        }
        let folder = "\(path)/\(name)"
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/model.json"))
            return (try JSONDecoder().decode(Manifest.self, from: data), folder)
        } catch {
            throw DuetError(
                .modelMissing,
                "the encoder '\(name)' cannot be read: \(folder)/model.json is not as it should be",
                hint: "run scripts/setup models again",
                cause: "\(error)"
            )
        }
    }

    /// Loads an encoder.
    func encoder(_ name: String) throws -> any TextEncoder {
        let (manifest, folder) = try manifest(of: name)
        let identity = try identity(of: name)
        do {
            switch manifest.kind {
            case "bert-onnx":
                let vocabulary = try String(
                    contentsOfFile: "\(folder)/\(manifest.vocabulary ?? "vocab.txt")",
                    encoding: .utf8
                )
                return BertEncoder(
                    identity: identity,
                    dimensions: manifest.dimensions,
                    maximumTokens: manifest.maxTokens,
                    tokenizer: try WordPiece(vocabulary: vocabulary),
                    session: try OnnxRuntime(path: "\(folder)/\(manifest.library ?? "libonnxruntime.so")")
                        .session(model: "\(folder)/\(manifest.file)")
                )
            case "e5":
                return try E5Encoder(
                    identity: identity,
                    dimensions: manifest.dimensions,
                    maximumTokens: manifest.maxTokens,
                    library: "\(folder)/\(manifest.library ?? "libe5.so")",
                    weights: "\(folder)/\(manifest.file)"
                )
            case let kind: throw InferenceFault("model.json names a kind '\(kind)', known are bert-onnx and e5")
            }
        } catch let error as InferenceFault {
            throw DuetError(
                .modelMissing,
                "the encoder '\(name)' cannot be loaded",
                hint: "run scripts/setup models again",
                cause: error.description
            )
        }
    }
}
