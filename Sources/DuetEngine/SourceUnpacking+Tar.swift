internal import DuetFetch
internal import DuetPipeline
internal import Foundation

extension SourceUnpacking {
    /// Takes members out of a tar archive, reading it once however many there are.
    ///
    /// tar hands each to a command of its own; where that writes is the hash of the member's name, so that no path in an
    /// archive decides it. The command stops one byte behind the limit.
    func extractTogether(_ members: [String], of path: String) throws -> [Content] {
        let list = "\(folder)/unpacking-members"
        defer { Leftover.remove(list) }
        try members.map { $0 + "\n" }.joined().write(toFile: list, atomically: false, encoding: .utf8)
        let limit = Self.limit(of: source)
        // What is behind the limit is read and thrown away, since tar takes a closed pipe for an error.
        let command =
            "name=$(printf %s \"$TAR_REALNAME\" | sha256sum); "
            + "{ head -c \(limit + 1) >\"$DUET_FOLDER/unpacking-${name%% *}\"; cat >/dev/null; }"
        try SourceWork.output(
            of: [
                "tar", "-xPf", path, "--verbatim-files-from", "--no-wildcards", "--no-recursion", "-T", list,
                "--to-command", command,
            ],
            environment: ["DUET_FOLDER": folder],
            at: source.location
        ) { _ in }
        return try members.enumerated().map { number, member in
            let written = "\(folder)/unpacking-\(try FileDigest.sha256(of: Array(member.utf8)))"
            let target = place(of: member, number: number)
            try FileManager.default.moveItem(atPath: written, toPath: target)
            let attributes = try FileManager.default.attributesOfItem(atPath: target)
            let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
            try checkSize(size, of: member)
            return Content(member: member, path: target, size: size)
        }
    }
}

/// What is of no use any more.
enum Leftover {
    /// Removes a file or folder if it can be.
    ///
    /// What stays lies in a landing folder under a name that nothing refers to and that is used again, so that failing
    /// for it would help nobody; why it could not be removed shows when the name is.
    static func remove(_ path: String) {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            // See above.
        }
    }
}
