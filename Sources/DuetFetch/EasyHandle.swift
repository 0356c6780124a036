import CCurl

/// One libcurl transfer handle with typed options; freed with the object.
///
/// Not `Sendable`: only the loop thread touches it.
final class EasyHandle {
    let raw: UnsafeMutableRawPointer
    private var lists: [UnsafeMutablePointer<curl_slist>] = []
    private let errorBuffer: UnsafeMutablePointer<CChar>

    init?() {
        guard let raw = curl_easy_init() else { return nil }
        self.raw = raw
        errorBuffer = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorBuffer.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(raw)
        for list in lists { curl_slist_free_all(list) }
        errorBuffer.deallocate()
    }

    /// Makes the handle ready for another transfer; connections, names and TLS sessions it knows stay known.
    func reset() {
        curl_easy_reset(raw)
        for list in lists { curl_slist_free_all(list) }
        lists.removeAll()
        errorBuffer.pointee = 0
    }

    func useErrorBuffer() { _ = duet_curl_set_pointer(raw, CURLOPT_ERRORBUFFER, errorBuffer) }

    /// libcurl's own words for the last failure; may be empty.
    var errorText: String { String(cString: errorBuffer) }

    // The options set here are known to the libcurl that duet is built against, and strings are copied by it; what can
    // still fail is memory, and then the transfer itself fails.
    func set(_ option: CURLoption, _ value: Int) { _ = duet_curl_set_long(raw, option, value) }
    func set(_ option: CURLoption, _ value: Bool) { _ = duet_curl_set_long(raw, option, value ? 1 : 0) }
    func set(_ option: CURLoption, _ value: String) { _ = duet_curl_set_string(raw, option, value) }
    func set(_ option: CURLoption, offset value: Int) { _ = duet_curl_set_offset(raw, option, curl_off_t(value)) }
    func set(_ option: CURLoption, pointer value: UnsafeMutableRawPointer?) {
        _ = duet_curl_set_pointer(raw, option, value)
    }
    func set(_ option: CURLoption, callback value: @escaping duet_curl_data_callback) {
        _ = duet_curl_set_data_callback(raw, option, value)
    }

    func set(headers: [String]) {
        var list: UnsafeMutablePointer<curl_slist>?
        for header in headers { list = curl_slist_append(list, header) ?? list }
        guard let list else { return }
        lists.append(list)
        _ = duet_curl_set_list(raw, CURLOPT_HTTPHEADER, list)
    }

    func integer(_ info: CURLINFO) -> Int {
        var value = 0
        return duet_curl_get_long(raw, info, &value) == CURLE_OK ? value : 0
    }

    func offset(_ info: CURLINFO) -> Int {
        var value: curl_off_t = 0
        return duet_curl_get_offset(raw, info, &value) == CURLE_OK ? Int(value) : 0
    }

    func string(_ info: CURLINFO) -> String? {
        var value: UnsafePointer<CChar>?
        guard duet_curl_get_string(raw, info, &value) == CURLE_OK, let value else { return nil }
        return String(cString: value)
    }

    /// A time in seconds; libcurl gives microseconds.
    func seconds(_ info: CURLINFO) -> Double { Double(offset(info)) / 1_000_000 }
}
