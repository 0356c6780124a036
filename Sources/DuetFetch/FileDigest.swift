import Glibc

/// Digests of files on this machine.
public enum FileDigest {
    /// A file's SHA-256 in lower-case hexadecimal.
    ///
    /// - Throws: `FILE_UNREADABLE`.
    public static func sha256(ofFile path: String) throws(FetchError) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0, let digest = Digest(.sha256) else { throw unreadable(path, errno) }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path, errno) }
            if count == 0 { return digest.finish().hexadecimal }
            buffer.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }

    /// The SHA-256 of some bytes in lower-case hexadecimal.
    ///
    /// - Throws: `TRANSFER_FAILED` when libcrypto gives no SHA-256.
    public static func sha256(of bytes: [UInt8]) throws(FetchError) -> String {
        guard let digest = Digest(.sha256) else {
            throw FetchError(code: .transferFailed, message: "libcrypto gives no SHA-256", url: "")
        }
        bytes.withUnsafeBytes { digest.update($0) }
        return digest.finish().hexadecimal
    }

    private static func unreadable(_ path: String, _ number: Int32) -> FetchError {
        FetchError(
            code: .fileUnreadable,
            message: "'\(path)' cannot be read: \(describe(errno: number))",
            url: path
        )
    }
}
