extension SourceDeclaration {
    func readAccess(_ source: inout Source, _ found: [String: YAMLValue]) throws(DuetError) {
        if let value = found["credentials"] { source.access.credentials = try credentials(value) }
        if let value = found["headers"] { source.access.headers = try headers(value) }
        if let value = found["tls"] { try readTLS(value, &source.access) }
        source.access.proxy = try optionalText(found["proxy"], "proxy of \(what)")
        if let value = found["limits"] { source.access.limits = try limits(value) }
    }

    // MARK: - Credentials

    private func credentials(_ value: YAMLValue) throws(DuetError) -> CredentialReference {
        let kinds = ["basic", "bearer", "header", "oauth2", "s3", "azure_key", "azure_sas", "netrc", "ssh"]
        if value.isScalar {
            switch try text(value, "credentials of \(what)") {
            case "none": return .none
            case "netrc": return .netrc(file: nil)
            default: break
            }
        }
        let members = try value.mapping("credentials of \(what)", known: kinds)
        guard members.count == 1, let (kind, member) = members.first else {
            throw value.error(
                .wrongValue,
                "the credentials of \(what) must be of one kind",
                hint: kinds.joined(separator: ", ")
            )
        }
        switch kind {
        case "basic":
            let found = try fields(member, kind, ["user", "password"])
            return .basic(
                user: try required(found, "user", member),
                password: try requiredSecret(found, "password", member)
            )
        case "bearer": return .bearer(try secret(member, "the bearer token"))
        case "header":
            let found = try fields(member, kind, ["name", "value"])
            return .header(name: try required(found, "name", member), value: try requiredSecret(found, "value", member))
        case "oauth2":
            let found = try fields(member, kind, ["token_url", "client_id", "client_secret", "scope", "audience"])
            return .clientCredentials(
                OAuthClient(
                    tokenURL: try required(found, "token_url", member),
                    clientID: try required(found, "client_id", member),
                    clientSecret: try requiredSecret(found, "client_secret", member),
                    scope: try optionalText(found["scope"], "scope of \(what)"),
                    audience: try optionalText(found["audience"], "audience of \(what)")
                )
            )
        case "s3":
            let found = try fields(member, kind, ["access_key", "secret_key", "session_token"])
            return .s3(
                accessKey: try requiredSecret(found, "access_key", member),
                secretKey: try requiredSecret(found, "secret_key", member),
                sessionToken: try found["session_token"].reading { (v) throws(DuetError) in
                    try secret(v, "session_token")
                }
            )
        case "azure_key":
            let found = try fields(member, kind, ["account", "key"])
            return .azureKey(
                account: try required(found, "account", member),
                key: try requiredSecret(found, "key", member)
            )
        case "azure_sas": return .azureSignature(try secret(member, "the shared access signature"))
        case "netrc":
            let file = try text(member, "netrc of \(what)")
            return .netrc(file: file == "default" ? nil : file)
        default:
            let found = try fields(member, kind, ["user", "key_file", "passphrase", "password"])
            return .ssh(
                user: try required(found, "user", member),
                keyFile: try optionalText(found["key_file"], "key_file of \(what)"),
                passphrase: try found["passphrase"].reading { (v) throws(DuetError) in try secret(v, "passphrase") },
                password: try found["password"].reading { (v) throws(DuetError) in try secret(v, "password") }
            )
        }
    }

    private func fields(_ value: YAMLValue, _ kind: String, _ known: [String]) throws(DuetError) -> [String: YAMLValue]
    {
        var found: [String: YAMLValue] = [:]
        for (key, member) in try value.mapping("\(kind) of \(what)", known: known) { found[key] = member }
        return found
    }

    private func required(_ found: [String: YAMLValue], _ key: String, _ value: YAMLValue) throws(DuetError) -> String {
        if let text = try optionalText(found[key], "\(key) of \(what)") { return text }
        throw value.error(.missingKey, "the credentials of \(what) have no '\(key)'")
    }

    private func requiredSecret(
        _ found: [String: YAMLValue],
        _ key: String,
        _ value: YAMLValue
    ) throws(DuetError) -> SecretReference {
        if let member = found[key] { return try secret(member, key) }
        throw value.error(.missingKey, "the credentials of \(what) have no '\(key)'", hint: "add \(key): {env: NAME}")
    }

    /// A reference to a secret; a secret itself is refused, and not repeated.
    private func secret(_ value: YAMLValue, _ name: String) throws(DuetError) -> SecretReference {
        guard value.isMapping else {
            throw DuetError(
                .wrongValue,
                "\(name) of \(what) stands in pipeline.yml itself",
                hint: "secrets are named, not written: {env: NAME} or {file: path}",
                at: value.location
            )
        }
        let members = try value.mapping("\(name) of \(what)", known: ["env", "file"])
        guard members.count == 1, let (key, member) = members.first else {
            throw value.error(.wrongValue, "\(name) of \(what) must be {env: NAME} or {file: path}")
        }
        let text = try text(member, "\(name) of \(what)")
        return key == "env" ? .environment(text) : .file(text)
    }

    private func headers(_ value: YAMLValue) throws(DuetError) -> [SourceHeader] {
        var headers: [SourceHeader] = []
        for (name, member) in try value.mapping("headers of \(what)") {
            if member.isMapping {
                headers.append(SourceHeader(name: name, value: .secret(try secret(member, "the header '\(name)'"))))
            } else if ["authorization", "cookie", "proxy-authorization"].contains(name.lowercased()) {
                _ = try secret(member, "the header '\(name)'")
            } else {
                headers.append(SourceHeader(name: name, value: .text(try text(member, "the header '\(name)'"))))
            }
        }
        return headers
    }

    // MARK: - TLS and limits

    private func readTLS(_ value: YAMLValue, _ access: inout SourceAccess) throws(DuetError) {
        let known = ["ca", "certificate", "key", "unverified", "known_hosts"]
        for (key, member) in try value.mapping("tls of \(what)", known: known) {
            let text = try text(member, "\(key) of \(what)")
            switch key {
            case "ca": access.certificateAuthorities = text
            case "certificate": access.clientCertificate = text
            case "key": access.clientKey = text
            case "known_hosts": access.knownHosts = text
            default:
                guard text.split(separator: " ").count >= 3 else {
                    throw member.error(
                        .wrongValue,
                        "'unverified' of \(what) must say in words why nobody checks who answers",
                        hint: "for example: unverified: the plant's gateway has no certificate of its own; "
                            + "better give its authority with 'ca:'"
                    )
                }
                access.unverified = text
            }
        }
    }

    private func limits(_ value: YAMLValue) throws(DuetError) -> SourceLimits {
        var limits = SourceLimits()
        let known = [
            "size", "unpacked_size", "time", "requests_per_second", "connections", "parallel", "attempts",
        ]
        for (key, member) in try value.mapping("limits of \(what)", known: known) {
            switch key {
            case "size": limits.bytes = try bytes(member, key)
            case "unpacked_size": limits.unpackedBytes = try bytes(member, key)
            case "time": limits.seconds = try seconds(member, key)
            case "connections": limits.connections = try whole(member, key, atLeast: 1)
            case "parallel": limits.parallel = try whole(member, key, atLeast: 1)
            case "attempts": limits.attempts = try whole(member, key, atLeast: 1)
            default:
                let text = try text(member, key)
                guard let rate = Double(text), rate > 0 else {
                    throw member.error(.wrongValue, "\(key) must be a number above 0; found '\(text)'")
                }
                limits.requestsPerSecond = rate
            }
        }
        return limits
    }

    private func bytes(_ value: YAMLValue, _ key: String) throws(DuetError) -> Int {
        let units = [
            "": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "KB": 1000, "MB": 1_000_000,
            "GB": 1_000_000_000,
        ]
        return Int(try quantity(value, key, units.mapValues { Double($0) }, example: "500 MiB"))
    }

    private func seconds(_ value: YAMLValue, _ key: String) throws(DuetError) -> Double {
        try quantity(value, key, ["": 1, "s": 1, "min": 60, "h": 3600], example: "10 min")
    }

    private func quantity(
        _ value: YAMLValue,
        _ key: String,
        _ units: [String: Double],
        example: String
    ) throws(DuetError) -> Double {
        let text = try text(value, key)
        let digits = text.prefix { $0.isNumber || $0 == "." }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard let number = Double(digits), number > 0, number < 1e15, let factor = units[String(unit)] else {
            throw value.error(.wrongValue, "\(key) of \(what) must be like '\(example)'; found '\(text)'")
        }
        return number * factor
    }
}
