/// Files that only ever grow: the end comes and is held against what is here, the start is taken from here.
extension BodyReceiver {
    /// Begins behind what is held of a file that only grows; a file that is not as told is not begun with.
    func growFrom(_ file: GrownFile) throws(FetchError) {
        guard canResume, count == 0, case .file = target, file.size > 0 else { return }
        let start = max(0, file.size - file.overlap)
        guard let tail = readBytes(path: file.path, from: start), start + tail.count == file.size else { return }
        begin(behind: file, tail: tail)
    }

    func beginGrowth(of file: GrownFile, _ head: ResponseHead) throws(FetchError) {
        // A retry continues a version whose end was checked; the first answer names it.
        if validator == nil { validator = head.strongValidator }
        guard case .file(let part) = target else { return }
        if let total, total < file.size { throw hasChanged(head) }
        try part.create()
        try part.seek(to: count)
    }

    func checkOverlap(
        _ bytes: UnsafeRawBufferPointer,
        of file: GrownFile,
        _ head: ResponseHead
    ) throws(FetchError) {
        guard count < file.size else { return }
        let start = count - (file.size - grownTail.count)
        let expected = grownTail[start...].prefix(bytes.count)
        guard bytes.prefix(expected.count).elementsEqual(expected) else { throw hasChanged(head) }
    }

    /// Takes over the start of what is held, and its hash.
    ///
    /// Where the hash stood at its end is known, only what is behind that is hashed. Otherwise all of it is, and must
    /// give the digest that it had when it came.
    ///
    /// - Returns: the bytes whose hash is known now.
    func completeStart(of part: PartFile, from grown: GrownFile) throws(FetchError) -> Int {
        localWork.add(try part.begin(with: grown.path, count: max(0, grown.size - grown.overlap)))
        if let state = grown.digestState, try leads(state, toEndOf: grown, in: part) {
            sha256.resume(state)
            return state.count
        }
        try part.read(0..<grown.size) { sha256.update($0) }
        if let known = grown.sha256, sha256.digestSoFar.hexadecimal != known {
            let found = sha256.digestSoFar.hexadecimal
            try startOver()
            throw FetchError(
                code: .checksumMismatch,
                message: "the SHA-256 of '\(grown.path)' is \(found), it was \(known) when it was fetched",
                hint: "somebody changed the file that was kept; the whole is fetched anew",
                url: redactedURL
            )
        }
        return grown.size
    }

    /// Whether a state, and the few bytes behind it, give the digest that the content is known by.
    private func leads(_ state: DigestState, toEndOf grown: GrownFile, in part: PartFile) throws(FetchError) -> Bool {
        guard let known = grown.sha256, state.count <= grown.size, grown.size - state.count < SHA256.blockSize else {
            return false
        }
        let digest = SHA256()
        digest.resume(state)
        try part.read(state.count..<grown.size) { digest.update($0) }
        return digest.finish().hexadecimal == known
    }

    private func hasChanged(_ head: ResponseHead) -> FetchError {
        failure(.badResponse, "the end of what is held is not what the server has there now", head)
    }
}
