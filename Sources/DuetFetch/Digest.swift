import COpenSSL

/// A digest computed piece by piece with libcrypto.
///
/// Not `Sendable`: whoever receives the bytes owns it.
final class Digest {
    enum Algorithm: Hashable {
        case md5
        case sha256
        case sha512
    }

    let algorithm: Algorithm
    private let context: OpaquePointer

    /// - Returns: `nil` when libcrypto has no memory or its policy forbids the algorithm (MD5 under FIPS).
    init?(_ algorithm: Algorithm) {
        guard let context = EVP_MD_CTX_new() else { return nil }
        self.algorithm = algorithm
        self.context = context
        guard start() else { return nil }
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Forgets what was taken so far.
    @discardableResult
    func start() -> Bool {
        let function =
            switch algorithm {
            case .md5: EVP_md5()
            case .sha256: EVP_sha256()
            case .sha512: EVP_sha512()
            }
        return EVP_DigestInit_ex(context, function, nil) == 1
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        // Fails only on a context that was not started, which init rules out.
        _ = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// The digest of all bytes taken; the digest must be started anew before it takes more.
    func finish() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        _ = EVP_DigestFinal_ex(context, &bytes, &count)
        return Array(bytes.prefix(Int(count)))
    }

    /// The SHA-256 of a text, in hexadecimal.
    static func hexSHA256(of text: String) -> String {
        guard let digest = Digest(.sha256) else { return "" }
        var text = text
        text.withUTF8 { digest.update(UnsafeRawBufferPointer($0)) }
        return digest.finish().hexadecimal
    }
}

extension Sequence<UInt8> {
    /// Two lower-case digits for each byte.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
