internal import Dispatch
package import DuckKit
package import DuetPipeline
package import Foundation
internal import Glibc

/// Work that holds up its thread, kept off the few that all tasks share.
package enum SourceWork {
    static func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Swift.Result { try work() }) }
        }
    }

    /// Runs a command and hands over what it prints, piece by piece.
    ///
    /// - Parameters:
    ///   - command: its name and arguments.
    ///   - environment: further variables for it.
    ///   - statuses: with which it may end.
    ///   - location: where errors are told.
    ///   - take: gets each piece; throwing ends the command.
    /// - Throws: what `take` throws, or ``DuetError`` when the command is missing or fails.
    package static func output(
        of command: [String],
        environment: [String: String] = [:],
        accepting statuses: Set<Int32> = [0],
        at location: SourceLocation,
        _ take: (Data) throws -> Void
    ) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        // Names of members come in whatever letters they were written in.
        process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C.UTF-8"]) { $1 }
            .merging(environment) { $1 }
        try process.run()
        do {
            while let piece = try output.fileHandleForReading.read(upToCount: 256 << 10), !piece.isEmpty {
                try take(piece)
            }
        } catch {
            // Threads of a queue have signals blocked, and so have the children they start; this one cannot be.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            throw error
        }
        let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard !statuses.contains(process.terminationStatus) else { return }
        let name = command.first ?? ""
        if process.terminationStatus == 127 {
            throw DuetError(
                .unsupported,
                "the command '\(name)', which unpacks such files, was not found",
                hint: "install the package that has it: apt-get install \(name)",
                at: location
            )
        }
        throw DuetError(
            .badFormat,
            "'\(name)' cannot unpack the file",
            hint: "look at the file; a server may have sent something else in its place",
            at: location,
            cause: said.split(whereSeparator: \.isNewline).first.map(String.init)
        )
    }
}

/// What is inside a landed file: members of archives, sheets of workbooks.
struct SourceUnpacking: Sendable {
    let source: Source
    let packing: Packing
    /// Where the contents go.
    let folder: String

    /// One file that was inside.
    struct Content: Sendable {
        /// Its name in the archive, or the sheet's.
        var member: String
        /// Where it lies now; the name ends like the member's.
        var path: String
        var size: Int
    }

    private static let largestMember = 16 << 30

    /// Takes out what the source reads.
    ///
    /// - Throws: ``DuetError`` with `BAD_FORMAT` for what is no such archive, `TOO_LARGE_CONTENT` for what grows beyond
    ///   the limit, `MISSING_FILE` when no member is meant.
    func contents(of path: String) throws -> [Content] {
        switch packing.kind {
        case .xlsx: return [try sheet(of: path)]
        case .zip, .tar: break
        }
        let names = try members(of: path)
        // A name may be there twice; what was added last counts.
        let wanted = Set(names.filter(isWanted)).sorted()
        guard !wanted.isEmpty else {
            throw DuetError(
                .missingFile,
                "source '\(source.name)': the archive has no member '\(packing.member ?? "*")'",
                hint: names.isEmpty ? "it is empty" : "it has: \(names.prefix(5).joined(separator: ", "))",
                at: source.location
            )
        }
        if packing.kind == .tar { return try extractTogether(wanted, of: path) }
        return try wanted.enumerated().map { try extract($1, number: $0, of: path) }
    }

    private func isWanted(_ name: String) -> Bool {
        guard !name.hasSuffix("/"), !name.isEmpty else { return false }
        guard let pattern = packing.member else { return true }
        // A pattern without a folder is about the names alone.
        let text = pattern.contains("/") ? name : String(name.split(separator: "/").last ?? "")
        return Glob(pattern).matches(text)
    }

    private func members(of path: String) throws -> [String] {
        let command =
            packing.kind == .zip ? ["unzip", "-Z1", path] : ["tar", "--quoting-style=literal", "-tPf", path]
        var text = Data()
        try SourceWork.output(of: command, at: source.location) { piece in
            text += piece
            guard text.count <= 64 << 20 else {
                throw DuetError(.badFormat, "the archive's list of members is over 64 MiB", at: source.location)
            }
        }
        return String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
    }

    /// Goes through a pipe, so that no path in an archive decides where something is written.
    private func extract(_ member: String, number: Int, of path: String) throws -> Content {
        // unzip takes a name for a pattern.
        let literal = member.replacing("[", with: "[[]").replacing("*", with: "[*]").replacing("?", with: "[?]")
        let command = ["unzip", "-p", path, literal]
        let target = place(of: member, number: number)
        guard FileManager.default.createFile(atPath: target, contents: nil),
            let file = FileHandle(forWritingAtPath: target)
        else {
            throw DuetError(.unreadableFile, "cannot write '\(target)'", at: source.location)
        }
        defer { file.closeFile() }
        var size = 0
        do {
            try SourceWork.output(of: command, at: source.location) { piece in
                size += piece.count
                try checkSize(size, of: member)
                try file.write(contentsOf: piece)
            }
        } catch {
            Leftover.remove(target)
            throw error
        }
        return Content(member: member, path: target, size: size)
    }

    /// Where a member goes; its name ends like the member's.
    func place(of member: String, number: Int) -> String {
        "\(folder)/unpacking-\(number)-\(member.split(separator: "/").last.map(String.init) ?? "member")"
    }

    /// The most bytes that what is inside may have.
    static func limit(of source: Source) -> Int { source.access.limits.unpackedBytes ?? largestMember }

    func checkSize(_ size: Int, of name: String) throws {
        let limit = Self.limit(of: source)
        guard size > limit else { return }
        throw Self.tooLarge(name, limit: limit, source: source)
    }

    private static func tooLarge(_ name: String, limit: Int, source: Source) -> DuetError {
        DuetError(
            .badFormat,
            "source '\(source.name)': '\(name)' unpacks to more than the \(limit) bytes allowed",
            hint: "raise limits: {unpacked_size: ...} if the size is right",
            at: source.location
        )
    }

    /// Holds a compressed file to the limit on its content.
    ///
    /// A file that is too small to hold so much, whatever is in it, is not unpacked for that: deflate makes at most 1,032
    /// bytes of one (RFC 1951: 258 bytes of 2 bits), zstd a block of 128 KiB of 4 (RFC 8878: a block of one byte repeated).
    /// - Returns: Whether it was unpacked, and so is known to be whole.
    static func checkCompressed(_ file: LandedFile, source: Source) throws -> Bool {
        let limit = limit(of: source)
        let (tool, most) =
            file.path.hasSuffix(".gz") ? ("gzip", 1032) : file.path.hasSuffix(".zst") ? ("zstd", 32 << 10) : ("", 0)
        guard !tool.isEmpty, file.size > limit / most else { return false }
        var size = 0
        var isTooLarge = false
        do {
            try SourceWork.output(of: [tool, "-dcq", file.path], at: source.location) { piece in
                size += piece.count
                isTooLarge = size > limit
                if isTooLarge { throw tooLarge(file.origin, limit: limit, source: source) }
            }
        } catch let error as DuetError where error.code == .badFormat && !isTooLarge {
            throw CompressedCheck.damaged(file, error, source)
        }
        return true
    }

    // MARK: - Workbooks

    private func sheet(of path: String) throws -> Content {
        let target = "\(folder)/unpacking-sheet.csv"
        // Values stay text: what a column is, is found out when the csv is read.
        var options = "all_varchar = true, header = true, empty_as_varchar = true"
        if let sheet = packing.member { options += ", sheet = \(SQL.literal(sheet))" }
        let database = try Database()
        let connection = try database.connect()
        try EngineExtension.load("excel", connection, at: source.location)
        do {
            try connection.execute(
                "COPY (SELECT * FROM read_xlsx(\(SQL.literal(path)), \(options))) TO \(SQL.literal(target)) "
                    + "(FORMAT csv, HEADER true)"
            )
        } catch {
            throw DuetError(
                .badFormat,
                "source '\(source.name)': the workbook cannot be read: \(ErrorTranslation.firstLine(error.message))",
                hint: "check the sheet's name",
                at: source.location,
                cause: error.message
            )
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: target)
        let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
        return Content(member: packing.member ?? "sheet", path: target, size: size)
    }
}

/// DuckDB's extensions that `scripts/setup` brings, found beside the library itself.
package enum EngineExtension {
    /// Loads an extension; nothing is ever downloaded.
    package static func load(_ name: String, _ connection: Connection, at location: SourceLocation?) throws {
        // A file of the kernel's has no length, so it is read to its end.
        let handle = FileHandle(forReadingAtPath: "/proc/self/maps")
        let maps = String(decoding: try handle?.readToEnd() ?? Data(), as: UTF8.self)
        let library =
            maps.split(separator: "\n").first { $0.hasSuffix("libduckdb.so") }
            .flatMap { $0.split(separator: " ", omittingEmptySubsequences: true).last }.map(String.init) ?? ""
        let folder = URL(fileURLWithPath: library).deletingLastPathComponent()
        let places = [folder.deletingLastPathComponent(), folder].map { $0.appendingPathComponent("extensions").path }
        guard let place = places.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw missing(name, location, cause: nil)
        }
        do {
            try connection.execute("SET extension_directory = \(SQL.literal(place))")
            try connection.execute("LOAD \(name)")
        } catch {
            throw missing(name, location, cause: error.message)
        }
    }

    private static func missing(_ name: String, _ location: SourceLocation?, cause: String?) -> DuetError {
        DuetError(
            .unsupported,
            "DuckDB's extension '\(name)' is not here",
            hint: "fetch it with: scripts/setup \(name)",
            at: location,
            cause: cause
        )
    }
}
