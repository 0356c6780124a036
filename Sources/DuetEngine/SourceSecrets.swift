internal import DuetPipeline
internal import Foundation

/// Looks up the secrets that pipeline.yml names.
struct SourceSecrets: Sendable {
    let environment: [String: String]
    /// The pipeline's folder, which relative paths start from.
    let folder: String

    /// A secret's value.
    ///
    /// - Throws: ``DuetError`` that says where the secret should be, and nothing of what it is.
    func value(_ reference: SecretReference, of source: Source) throws -> String {
        switch reference {
        case .environment(let name):
            if let value = environment[name], !value.isEmpty { return value }
            throw DuetError(
                .missingSecret,
                "source '\(source.name)' needs a secret from the environment variable '\(name)', which is not set",
                hint: "export \(name)=... before the command",
                at: source.location
            )
        case .file(let path):
            let path = absolute(path)
            let line = try firstLine(of: path, source)
            if !line.isEmpty { return line }
            throw DuetError(
                .missingSecret,
                "source '\(source.name)' needs a secret from '\(path)', whose first line is empty",
                at: source.location
            )
        }
    }

    func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : URL(fileURLWithPath: "\(folder)/\(path)").standardizedFileURL.path
    }

    private func firstLine(of path: String, _ source: Source) throws -> String {
        let mode: Int
        let text: String
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0o777
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw DuetError(
                .missingSecret,
                "source '\(source.name)' needs a secret from the file '\(path)', which cannot be read",
                hint: "make it with the secret on its first line, then: chmod 600 '\(path)'",
                at: source.location
            )
        }
        guard mode & 0o077 == 0 else {
            throw DuetError(
                .unsafeSecret,
                "the file '\(path)' holds a secret of source '\(source.name)' and is open to others",
                hint: "chmod 600 '\(path)'",
                at: source.location
            )
        }
        return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).first.map(String.init) ?? ""
    }
}
