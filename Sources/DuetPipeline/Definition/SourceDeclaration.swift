/// Reads one entry of pipeline.yml's `sources`.
struct SourceDeclaration {
    let name: String
    let parameters: Parameters

    static let keys = [
        "location", "locations", "manifest", "api", "each", "endpoint", "region", "format", "options", "changed_files",
        "credentials", "headers", "tls", "proxy", "limits", "grows", "archive", "member", "sheet",
    ]

    var what: String { "source '\(name)'" }

    func read(_ value: YAMLValue) throws(DuetError) -> Source {
        let members = try value.mapping(what, known: Self.keys)
        var found: [String: YAMLValue] = [:]
        for (key, member) in members { found[key] = member }
        let origin = try origin(found, value)
        var source = Source(name: name, origin: origin, format: .csv, options: [], location: value.location)
        try readReading(&source, found, value)
        try readAccess(&source, found)
        try check(source, found, value)
        return source
    }

    func text(_ value: YAMLValue, _ what: String) throws(DuetError) -> String {
        let location = value.location
        return try parameters.fill(try value.string(what)) { _ in location }
    }

    func optionalText(_ value: YAMLValue?, _ what: String) throws(DuetError) -> String? {
        guard let value else { return nil }
        return try text(value, what)
    }

    func whole(_ value: YAMLValue, _ what: String, atLeast minimum: Int) throws(DuetError) -> Int {
        let text = try text(value, what)
        guard let number = Int(text), number >= minimum else {
            throw value.error(.wrongValue, "\(what) must be a whole number from \(minimum) on; found '\(text)'")
        }
        return number
    }

    // MARK: - Where

    private func origin(_ found: [String: YAMLValue], _ value: YAMLValue) throws(DuetError) -> Source.Origin {
        let places = ["location", "locations", "manifest", "api"].filter { found[$0] != nil }
        guard let kind = places.first, let member = found[kind] else {
            throw value.error(
                .missingKey,
                "\(what) does not say where its data are",
                hint: "add 'location:' (one file, a URL or a glob), 'locations:' (several), "
                    + "'manifest:' (a list of files as sha256sum writes it) or 'api:'"
            )
        }
        if places.count > 1, let second = found[places[1]] {
            throw second.error(.wrongValue, "\(what) has both a \(kind) and a \(places[1])", hint: "keep one")
        }
        switch kind {
        case "manifest": return .manifest(try address(member, "manifest of \(what)"))
        case "api": return .api(try endpoint(member))
        case "locations":
            var list: [String] = []
            for item in try member.sequence("locations of \(what)") {
                list.append(try address(item, "a location of \(what)"))
            }
            return .list(list)
        default: break
        }
        let address = try address(member, "location of \(what)")
        if let each = found["each"] {
            return .template(URLTemplate(text: address, variables: try variables(each, of: address)))
        }
        return try objects(address, found, member).map { .objects($0) } ?? .location(address)
    }

    /// A URL without a password in it, which would end up in the warehouse and in reports.
    private func address(_ value: YAMLValue, _ what: String) throws(DuetError) -> String {
        let address = try text(value, what)
        guard let scheme = address.firstRange(of: "://") else { return address }
        let authority = address[scheme.upperBound...].prefix { !"/?#".contains($0) }
        guard authority.contains("@"), authority.prefix(while: { $0 != "@" }).contains(":") else { return address }
        // Without the line itself, which would repeat it.
        throw DuetError(
            .wrongValue,
            "\(what) holds a password",
            hint: "take it out and name it: credentials: {basic: {user: ..., password: {env: NAME}}}",
            at: value.location
        )
    }

    private func objects(
        _ address: String,
        _ found: [String: YAMLValue],
        _ value: YAMLValue
    ) throws(DuetError) -> ObjectPrefix? {
        let stores: [(String, ObjectPrefix.Store)] = [("s3://", .s3), ("az://", .azure), ("sftp://", .sftp)]
        guard let (scheme, store) = stores.first(where: { address.hasPrefix($0.0) }) else { return nil }
        var parts = address.dropFirst(scheme.count).split(separator: "/", omittingEmptySubsequences: false)
            .map { String($0) }
        var account = ""
        if store == .azure, !parts.isEmpty { account = parts.removeFirst() }
        let container = parts.isEmpty ? "" : parts.removeFirst()
        guard !container.isEmpty, store != .azure || !account.isEmpty else {
            let form = store == .azure ? "az://account/container/prefix" : "\(scheme)name/prefix"
            throw value.error(.wrongValue, "\(what): '\(address)' is not \(form)")
        }
        let pattern = parts.joined(separator: "/")
        // One file over sftp is simply fetched.
        if store == .sftp, !pattern.isEmpty, !pattern.hasSuffix("/"), !pattern.contains(where: { "*?[".contains($0) }) {
            return nil
        }
        return ObjectPrefix(
            store: store,
            container: container,
            account: account,
            pattern: pattern,
            endpoint: try optionalText(found["endpoint"], "endpoint of \(what)"),
            region: try optionalText(found["region"], "region of \(what)") ?? "us-east-1"
        )
    }

    // MARK: - What

    private func readReading(
        _ source: inout Source,
        _ found: [String: YAMLValue],
        _ value: YAMLValue
    ) throws(DuetError) {
        if let options = found["options"] {
            for (option, setting) in try options.mapping("options of \(what)") {
                source.options.append(
                    ReadOption(
                        name: option.lowercased(),
                        value: try text(setting, "option '\(option)'"),
                        location: setting.location
                    )
                )
            }
        }
        if let policy = found["changed_files"] { source.changedFiles = try policy.choice("changed_files of \(what)") }
        if let grows = found["grows"] { source.grows = try flag(grows, "grows of \(what)") }
        source.packing = try packing(found, source)
        if case .api = source.origin {
            source.format = .jsonl
            if let format = found["format"] {
                throw format.error(.wrongValue, "\(what) is an API, whose rows are JSON", hint: "take 'format:' out")
            }
        } else if source.packing?.kind == .xlsx {
            // A workbook's sheet is turned into csv when it arrives.
            source.format = .csv
        } else if let format = found["format"] {
            source.format = try format.choice("format of \(what)")
        } else {
            source.format = try format(of: source, value)
        }
    }

    private func packing(_ found: [String: YAMLValue], _ source: Source) throws(DuetError) -> Packing? {
        let member = try optionalText(found["member"], "member of \(what)")
        if let archive = found["archive"] {
            let kind: Packing.Kind = try archive.choice("archive of \(what)")
            guard kind != .xlsx else { throw archive.error(.wrongValue, "xlsx is a format, not an archive") }
            return Packing(kind: kind, member: member)
        }
        if let format = found["format"], try text(format, "format of \(what)").lowercased() == "xlsx" {
            return Packing(kind: .xlsx, member: try optionalText(found["sheet"], "sheet of \(what)"))
        }
        let name = source.address.split(separator: "?", maxSplits: 1).first.map { $0.lowercased() } ?? ""
        if found["format"] == nil, name.hasSuffix(".xlsx") {
            return Packing(kind: .xlsx, member: try optionalText(found["sheet"], "sheet of \(what)"))
        }
        let tars = [".tar", ".tar.gz", ".tgz", ".tar.zst"]
        if name.hasSuffix(".zip") { return Packing(kind: .zip, member: member) }
        if tars.contains(where: { name.hasSuffix($0) }) { return Packing(kind: .tar, member: member) }
        if let value = found["member"] {
            throw value.error(.wrongValue, "\(what) has a member, but is no archive", hint: "add archive: zip or tar")
        }
        return nil
    }

    /// The format that the files' names tell.
    private func format(of source: Source, _ value: YAMLValue) throws(DuetError) -> FileFormat {
        var name = source.address
        if case .manifest = source.origin { name = "" }
        if let packing = source.packing { name = packing.member ?? "" }
        if let format = FileFormat(fileName: name) { return format }
        throw value.error(.missingKey, "\(what) has no format", hint: "add format: csv, json, jsonl, parquet or xlsx")
    }

    func flag(_ value: YAMLValue, _ what: String) throws(DuetError) -> Bool {
        switch try text(value, what).lowercased() {
        case "true", "yes": return true
        case "false", "no": return false
        default: throw value.error(.wrongValue, "\(what) must be true or false")
        }
    }

    private func check(_ source: Source, _ found: [String: YAMLValue], _ value: YAMLValue) throws(DuetError) {
        func refuse(_ key: String, _ reason: String) throws(DuetError) {
            if let member = found[key] { throw member.error(.wrongValue, "\(what): '\(key)' \(reason)") }
        }
        if case .objects = source.origin {
        } else {
            for key in ["endpoint", "region"] { try refuse(key, "is for s3:// and az:// locations only") }
        }
        if case .template = source.origin {} else { try refuse("each", "needs a 'location' with {name} in it") }
        if !source.isRemote {
            for key in ["credentials", "headers", "tls", "proxy", "grows"] {
                try refuse(key, "is for remote sources, and the location is a local path")
            }
        }
        if source.packing != nil || source.origin.isAPI {
            try refuse("grows", "is for plain files that grow at their end")
        }
        if source.packing == nil || source.packing?.kind != .xlsx { try refuse("sheet", "is for format: xlsx") }
    }
}

extension Source.Origin {
    fileprivate var isAPI: Bool {
        if case .api = self { return true }
        return false
    }
}
