/// Upper and lower case, one character to one character, whatever the language of the text.
enum CaseMapping {
    static func upper(_ text: String) -> String { map(text, asciiRange: 0x61...0x7A, change: upper) }

    static func lower(_ text: String) -> String { map(text, asciiRange: 0x41...0x5A, change: lower) }

    private static func map(
        _ text: String,
        asciiRange: ClosedRange<UInt8>,
        change: (Unicode.Scalar) -> Unicode.Scalar
    ) -> String {
        var isASCII = true
        var changes = false
        for byte in text.utf8 {
            if byte >= 0x80 {
                isASCII = false
                break
            }
            if asciiRange.contains(byte) { changes = true }
        }
        if isASCII {
            if !changes { return text }
            return String(decoding: text.utf8.map { asciiRange.contains($0) ? $0 ^ 0x20 : $0 }, as: UTF8.self)
        }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(change(scalar)) }
        return String(result)
    }

    static func upper(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        if scalar.value < 0x80 {
            return scalar.value >= 0x61 && scalar.value <= 0x7A ? Unicode.Scalar(UInt8(scalar.value) - 0x20) : scalar
        }
        // The dotless i keeps its shape: without a language there is no one right capital for it.
        if scalar == "\u{131}" { return scalar }
        let properties = scalar.properties
        return single(properties.uppercaseMapping) ?? single(properties.titlecaseMapping) ?? scalar
    }

    static func lower(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        if scalar.value < 0x80 {
            return scalar.value >= 0x41 && scalar.value <= 0x5A ? Unicode.Scalar(UInt8(scalar.value) + 0x20) : scalar
        }
        return single(scalar.properties.lowercaseMapping) ?? scalar
    }

    private static func single(_ mapping: String) -> Unicode.Scalar? {
        let scalars = mapping.unicodeScalars
        guard let first = scalars.first, scalars.index(after: scalars.startIndex) == scalars.endIndex else {
            return nil
        }
        return first
    }
}
