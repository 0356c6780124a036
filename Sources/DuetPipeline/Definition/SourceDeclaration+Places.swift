extension SourceDeclaration {
    // MARK: - Templates

    func variables(_ value: YAMLValue, of address: String) throws(DuetError) -> [URLTemplate.Variable] {
        var variables: [URLTemplate.Variable] = []
        for (key, member) in try value.mapping("each of \(what)") {
            guard address.contains("{\(key)}") else {
                throw member.error(.wrongValue, "\(what): the location has no {\(key)}", hint: "it is '\(address)'")
            }
            variables.append(URLTemplate.Variable(name: key, values: try values(key, member)))
        }
        return variables
    }

    private func values(_ name: String, _ value: YAMLValue) throws(DuetError) -> URLTemplate.Variable.Values {
        if value.isSequence {
            var list: [String] = []
            for item in try value.sequence("the values of {\(name)}") {
                list.append(try text(item, "a value of {\(name)}"))
            }
            return .list(list)
        }
        var found: [String: YAMLValue] = [:]
        for (key, member) in try value.mapping("{\(name)}", known: ["from", "to", "step", "write"]) {
            found[key] = member
        }
        guard let fromValue = found["from"], let toValue = found["to"] else {
            throw value.error(
                .missingKey,
                "{\(name)} needs 'from' and 'to', or a list of values",
                hint: "for example {from: 1, to: 10} or {from: 2024-01-01, to: today, step: month, write: yyyyMM}"
            )
        }
        let from = try text(fromValue, "from of {\(name)}")
        let to = try text(toValue, "to of {\(name)}")
        if let first = Int(from), from.count < 6, let last = Int(to) {
            let step = try found["step"].reading { (v) throws(DuetError) in
                try whole(v, "step of {\(name)}", atLeast: 1)
            }
            return .numbers(from: first, to: last, step: step ?? 1)
        }
        guard let first = CalendarDay(from) else {
            throw fromValue.error(
                .wrongValue,
                "{\(name)} begins with '\(from)', a number or a date yyyy-MM-dd is expected"
            )
        }
        guard let last = bound(to) else {
            throw toValue.error(.wrongValue, "{\(name)} ends with '\(to)'", hint: "write a date, today or yesterday")
        }
        let step = try optionalText(found["step"], "step of {\(name)}") ?? "day"
        guard step == "day" || step == "month" else {
            throw value.error(.wrongValue, "the step of {\(name)} must be day or month; found '\(step)'")
        }
        let pattern = try optionalText(found["write"], "write of {\(name)}")
        return .dates(
            from: first,
            to: last,
            monthly: step == "month",
            pattern: pattern ?? (step == "month" ? "yyyy-MM" : "yyyy-MM-dd")
        )
    }

    private func bound(_ text: String) -> URLTemplate.DateBound? {
        switch text {
        case "today": .today(minus: 0)
        case "yesterday": .today(minus: 1)
        default: CalendarDay(text).map { .day($0) }
        }
    }

    // MARK: - APIs

    func endpoint(_ value: YAMLValue) throws(DuetError) -> APIEndpoint {
        var found: [String: YAMLValue] = [:]
        for (key, member) in try value.mapping("api of \(what)", known: ["url", "rows", "paging", "pages"]) {
            found[key] = member
        }
        guard let url = try optionalText(found["url"], "url of \(what)"), Source.isRemote(url) else {
            throw value.error(.missingKey, "the api of \(what) has no url", hint: "add url: https://...")
        }
        let rows = try optionalText(found["rows"], "rows of \(what)") ?? "$"
        guard rows.hasPrefix("$") else {
            throw (found["rows"] ?? value).error(
                .wrongValue,
                "'\(rows)' is no JSON path",
                hint: "write for example $.data"
            )
        }
        return APIEndpoint(
            url: url,
            rows: rows,
            paging: try found["paging"].reading { (v) throws(DuetError) in try paging(v) } ?? .none,
            maximumPages: try found["pages"].reading { (v) throws(DuetError) in
                try whole(v, "pages of \(what)", atLeast: 1)
            } ?? 10_000
        )
    }

    private func paging(_ value: YAMLValue) throws(DuetError) -> APIEndpoint.Paging {
        if value.isScalar {
            switch try text(value, "paging of \(what)") {
            case "link": return .link
            case "none": return .none
            default: break
            }
            throw value.error(
                .wrongValue,
                "the paging of \(what) is not known",
                hint:
                    "write link, {next: $.path}, {cursor: $.path, parameter: name}, {page: name} or {offset: name, size: 100}"
            )
        }
        var found: [String: YAMLValue] = [:]
        let known = ["next", "cursor", "parameter", "page", "first", "size", "offset"]
        for (key, member) in try value.mapping("paging of \(what)", known: known) { found[key] = member }
        let size = try found["size"].reading { (v) throws(DuetError) in try whole(v, "size of \(what)", atLeast: 1) }
        if let path = try optionalText(found["next"], "next of \(what)") { return .next(path: path) }
        if let path = try optionalText(found["cursor"], "cursor of \(what)") {
            guard let parameter = try optionalText(found["parameter"], "parameter of \(what)") else {
                throw value.error(.missingKey, "a cursor needs the 'parameter' that it is sent back as")
            }
            return .cursor(path: path, parameter: parameter)
        }
        if let parameter = try optionalText(found["page"], "page of \(what)") {
            let first = try found["first"].reading { (v) throws(DuetError) in
                try whole(v, "first of \(what)", atLeast: 0)
            }
            return .number(parameter: parameter, first: first ?? 1, size: size)
        }
        guard let parameter = try optionalText(found["offset"], "offset of \(what)"), let size else {
            throw value.error(.missingKey, "the paging of \(what) needs next, cursor, page, or offset with size")
        }
        return .offset(parameter: parameter, size: size)
    }
}

extension Optional where Wrapped == YAMLValue {
    /// `map` that keeps the type of what is thrown.
    func reading<Value>(_ transform: (YAMLValue) throws(DuetError) -> Value) throws(DuetError) -> Value? {
        guard let self else { return nil }
        return try transform(self)
    }
}
