/// Reads XML 1.0 text, without external entities and without entities of the document's own.
struct XMLParser {
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var tree = XMLTree()
    /// The elements that are open, outermost first.
    private var open: [XMLTree.NodeID] = []
    private var preserves: [Bool] = [false]
    private static let depthLimit = 400

    static func parse(_ text: String) throws(XMLFault) -> XMLTree {
        var parser = XMLParser(scalars: Array(text.unicodeScalars))
        try parser.readDocument()
        return parser.tree
    }

    private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    // MARK: - Characters

    private func fault(_ message: String) -> XMLFault { XMLFault(message: "\(message) at character \(position)") }

    private var current: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private func matches(_ text: String) -> Bool {
        scalars[position...].starts(with: text.unicodeScalars)
    }

    private mutating func take(_ text: String) -> Bool {
        guard matches(text) else { return false }
        position += text.unicodeScalars.count
        return true
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r"
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x20 ? scalar.value != 0xFFFE && scalar.value != 0xFFFF : isSpace(scalar)
    }

    private mutating func skipSpace() {
        while let scalar = current, Self.isSpace(scalar) { position += 1 }
    }

    /// Takes everything up to a mark, and the mark.
    private mutating func take(until mark: String) throws(XMLFault) -> String {
        let start = position
        while position < scalars.count, !matches(mark) {
            guard Self.isAllowed(scalars[position]) else { throw fault("a character that XML does not allow") }
            position += 1
        }
        guard position < scalars.count else { throw fault("'\(mark)' is missing") }
        let text = string(start..<position)
        position += mark.unicodeScalars.count
        return text
    }

    private func string(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(scalars[range])) }

    static func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x41...0x5A, 0x61...0x7A, 0x5F: true
        case 0xC0...0xD6, 0xD8...0xF6, 0xF8...0x2FF, 0x370...0x37D, 0x37F...0x1FFF, 0x200C...0x200D, 0x2070...0x218F,
            0x2C00...0x2FEF, 0x3001...0xD7FF, 0xF900...0xFDCF, 0xFDF0...0xFFFD:
            true
        default: false
        }
    }

    static func isNameCharacter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x30...0x39, 0x2D, 0x2E, 0xB7, 0x300...0x36F, 0x203F...0x2040: true
        default: isNameStart(scalar)
        }
    }

    private mutating func readName() throws(XMLFault) -> String {
        let start = position
        guard let first = current, Self.isNameStart(first) else { throw fault("a name is missing") }
        while let scalar = current, Self.isNameCharacter(scalar) { position += 1 }
        if current == ":" {
            position += 1
            guard let first = current, Self.isNameStart(first) else { throw fault("a name is missing after ':'") }
            while let scalar = current, Self.isNameCharacter(scalar) { position += 1 }
            if current == ":" { throw fault("a name holds two colons") }
        }
        return string(start..<position)
    }

    // MARK: - Structure

    private var parent: XMLTree.NodeID { open.last ?? 0 }

    private mutating func readDocument() throws(XMLFault) {
        if matches("<?xml"), position + 5 < scalars.count, Self.isSpace(scalars[position + 5]) { try readDeclaration() }
        var hasRoot = false
        while position < scalars.count {
            if current == "<" {
                let isRootStart = open.isEmpty
                if try readMarkup(), isRootStart {
                    if hasRoot { throw fault("there are several root elements") }
                    hasRoot = true
                }
            } else {
                try readText()
            }
        }
        guard open.isEmpty else { throw fault("the element '\(tree.nodes[parent].name)' is not closed") }
        guard hasRoot else { throw fault("the root element is missing") }
    }

    /// Reads what starts with `<`; true if it was the start of an element.
    private mutating func readMarkup() throws(XMLFault) -> Bool {
        if take("<!--") {
            let text = try take(until: "--")
            guard take(">") else { throw fault("'--' stands inside a comment") }
            tree.append(.init(kind: .comment, value: text), to: parent)
        } else if take("<![CDATA[") {
            guard !open.isEmpty else { throw fault("character data stands outside the root element") }
            tree.append(.init(kind: .characterData, value: try take(until: "]]>")), to: parent)
        } else if take("<!DOCTYPE") {
            try readDocumentType()
        } else if take("<?") {
            let name = try readName()
            guard CaseMapping.lower(name) != "xml" else { throw fault("an XML declaration stands only at the start") }
            guard matches("?>") || current.map(Self.isSpace) == true else { throw fault("a malformed instruction") }
            skipSpace()
            tree.append(.init(kind: .instruction, name: name, value: try take(until: "?>")), to: parent)
        } else if take("</") {
            try readEndTag()
        } else {
            position += 1
            try readStartTag()
            return true
        }
        return false
    }

    private mutating func readDeclaration() throws(XMLFault) {
        position += 5
        var attributes: [XMLTree.Attribute] = []
        while true {
            skipSpace()
            if take("?>") { break }
            attributes.append(try readAttribute())
        }
        let names = attributes.map(\.name)
        let orders = [
            ["version"], ["version", "encoding"], ["version", "standalone"], ["version", "encoding", "standalone"],
        ]
        guard orders.contains(names), attributes[0].value == "1.0" else { throw fault("a malformed XML declaration") }
        tree.append(.init(kind: .declaration, name: "xml", attributes: attributes), to: 0)
    }

    private mutating func readDocumentType() throws(XMLFault) {
        guard open.isEmpty else { throw fault("a document type stands inside an element") }
        skipSpace()
        let name = try readName()
        // What it declares is kept as it stands, but never acted on.
        let start = position
        while let scalar = current, scalar != ">", scalar != "[" { position += 1 }
        let outer = Whitespace.trim(string(start..<position))
        var inner = ""
        if take("[") {
            inner = try take(until: "]")
            skipSpace()
        }
        guard take(">") else { throw fault("the document type is not closed") }
        let text = (outer.isEmpty ? "" : " " + outer) + "[" + inner + "]"
        tree.append(.init(kind: .documentType, name: name, value: text), to: 0)
    }

    private mutating func readStartTag() throws(XMLFault) {
        guard open.count < Self.depthLimit else { throw fault("elements are nested more than \(Self.depthLimit) deep") }
        var node = XMLTree.Node(kind: .element)
        node.name = try readName()
        while true {
            let start = position
            skipSpace()
            if matches(">") || matches("/>") { break }
            guard position > start else { throw fault("white space is missing before an attribute") }
            let attribute = try readAttribute()
            guard !node.attributes.contains(where: { $0.name.isExactly(attribute.name) }) else {
                throw fault("the attribute '\(attribute.name)' stands twice")
            }
            node.attributes.append(attribute)
        }
        let keeps = node.attributes.last { $0.name == "xml:space" }.map { $0.value == "preserve" }
        let id = tree.append(node, to: parent)
        try resolveNamespaces(id)
        if take("/>") { return }
        position += 1
        open.append(id)
        preserves.append(keeps ?? preserves.last ?? false)
    }

    private mutating func resolveNamespaces(_ id: XMLTree.NodeID) throws(XMLFault) {
        let name = tree.nodes[id].name
        guard let namespace = tree.namespace(of: XMLTree.prefix(name), at: id) else {
            throw fault("the prefix of '\(name)' is not declared")
        }
        tree.nodes[id].namespace = namespace
        for position in tree.nodes[id].attributes.indices {
            let attribute = tree.nodes[id].attributes[position]
            let prefix = XMLTree.prefix(attribute.name)
            guard !prefix.isEmpty, !attribute.isDeclaration else { continue }
            guard let namespace = tree.namespace(of: prefix, at: id) else {
                throw fault("the prefix of '\(attribute.name)' is not declared")
            }
            tree.nodes[id].attributes[position].namespace = namespace
        }
    }

    private mutating func readEndTag() throws(XMLFault) {
        let name = try readName()
        skipSpace()
        guard take(">") else { throw fault("'>' is missing") }
        guard let id = open.popLast(), tree.nodes[id].name.isExactly(name) else {
            throw fault("the end tag of '\(name)' does not match")
        }
        tree.nodes[id].hasEndTag = true
        preserves.removeLast()
    }

    private mutating func readAttribute() throws(XMLFault) -> XMLTree.Attribute {
        let name = try readName()
        skipSpace()
        guard take("=") else { throw fault("'=' is missing after '\(name)'") }
        skipSpace()
        guard let quote = current, quote == "\"" || quote == "'" else { throw fault("a quote is missing") }
        position += 1
        var value = String.UnicodeScalarView()
        while let scalar = current, scalar != quote {
            if scalar == "&" {
                value.append(try readReference())
                continue
            }
            guard scalar != "<", Self.isAllowed(scalar) else { throw fault("a character that XML does not allow here") }
            value.append(scalar)
            position += 1
        }
        guard current == quote else { throw fault("an attribute is not closed") }
        position += 1
        return XMLTree.Attribute(name: name, value: String(value))
    }

    private mutating func readText() throws(XMLFault) {
        var text = String.UnicodeScalarView()
        var isBlank = true
        while let scalar = current, scalar != "<" {
            if scalar == "&" {
                let referenced = try readReference()
                if !Self.isSpace(referenced) { isBlank = false }
                text.append(referenced)
                continue
            }
            guard Self.isAllowed(scalar), !matches("]]>") else {
                throw fault("a character that XML does not allow here")
            }
            if !Self.isSpace(scalar) { isBlank = false }
            text.append(scalar)
            position += 1
        }
        if open.isEmpty {
            guard isBlank else { throw fault("text stands outside the root element") }
        } else if !isBlank || preserves.last == true {
            tree.append(.init(kind: .text, value: String(text)), to: parent)
        }
    }

    private mutating func readReference() throws(XMLFault) -> Unicode.Scalar {
        let start = position
        position += 1
        // A reference is short; the bound keeps a stray '&' from reading the whole text.
        while let scalar = current, scalar != ";", position - start < 12 { position += 1 }
        guard current == ";" else { throw fault("a reference is not closed") }
        let name = string(start + 1..<position)
        position += 1
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default: break
        }
        let number =
            name.hasPrefix("#x")
            ? UInt32(name.dropFirst(2), radix: 16) : name.hasPrefix("#") ? UInt32(name.dropFirst()) : nil
        guard let number, number > 0, let scalar = Unicode.Scalar(number) else {
            throw fault("the entity '\(name)' is not declared")
        }
        return scalar
    }
}
