internal import FlyingFox
internal import Foundation
internal import Synchronization

/// Decides who may ask: loopback is no protection by itself, since any page in the user's browser can send requests to it.
///
/// - The token, made anew at each start, keeps other users and programs of the machine out.
/// - The `Host` must be the address that was given out, so that a name rebound to 127.0.0.1 is refused (DNS rebinding).
/// - `Origin` and `Sec-Fetch-Site`, which browsers set and pages cannot, must name this page (cross-site requests).
/// - Requests that change something need a header of their own, which no form can send.
final class StudioGuard: Sendable {
    /// Why a request is refused.
    struct Refusal: Error, Equatable {
        var status: Int
        var message: String
    }

    /// The secret in the page's address.
    let token: String
    private let hosts: Set<String>
    private let cookie: String
    private let perSecond: Double
    private let bucket: Mutex<(level: Double, at: ContinuousClock.Instant)>

    /// The most requests a second, on average; a page needs far fewer.
    static let requestsPerSecond = 200.0
    /// The longest body taken, in bytes.
    static let maximumBody = 256 << 10
    /// The longest address taken, in bytes.
    static let maximumTarget = 16 << 10

    /// Creates a guard.
    ///
    /// - Parameters:
    ///   - names: The hosts by which the page may be called, without port.
    ///   - port: The port.
    ///   - token: The secret; made from the system's random numbers unless given.
    ///   - perSecond: How many requests a second are taken on average.
    init(names: [String], port: Int, token: String? = nil, perSecond: Double = requestsPerSecond) {
        self.token = token ?? Self.randomToken()
        hosts = Set(names.map { "\($0.lowercased()):\(port)" })
        // Cookies are shared by all ports of a host; two studios must not take each other's.
        cookie = "duet_\(port)"
        self.perSecond = perSecond
        // At the start and after a pause a page may ask for a second's worth at once.
        bucket = Mutex((Self.requestsPerSecond, .now))
    }

    private static func randomToken() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<2).map { _ in
            let word = String(generator.next(), radix: 16)
            return String(repeating: "0", count: 16 - word.count) + word
        }.joined()
    }

    /// The header that gives a browser the token after its first visit.
    var cookieHeader: String { "\(cookie)=\(token); Path=/; HttpOnly; SameSite=Strict" }

    /// Checks a request.
    ///
    /// - Throws: ``Refusal`` with the status to answer with.
    func check(_ request: HTTPRequest) throws(Refusal) {
        guard takesOne() else { throw Refusal(status: 429, message: "too many requests; wait a second") }
        guard request.target.rawValue.utf8.count <= Self.maximumTarget else {
            throw Refusal(status: 414, message: "the address is too long")
        }
        guard let host = request.headers[.host]?.lowercased(), hosts.contains(host) else {
            throw Refusal(
                status: 421,
                message: "this server answers to the address that duet printed, to no other name"
            )
        }
        if let origin = request.headers[HTTPHeader("Origin")], origin.lowercased() != "http://\(host)" {
            throw Refusal(status: 403, message: "requests from other pages are refused")
        }
        if let site = request.headers[HTTPHeader("Sec-Fetch-Site")], site != "same-origin", site != "none" {
            // Opening the printed address from a mail or a terminal is a plain visit to the page itself.
            guard request.method == .GET, request.path == "/" else {
                throw Refusal(status: 403, message: "requests from other pages are refused")
            }
        }
        if request.method != .GET, request.method != .HEAD, request.headers[HTTPHeader("X-Duet")] != "1" {
            throw Refusal(status: 403, message: "requests that change something need the header 'X-Duet: 1'")
        }
        guard presented(request).contains(where: isToken) else {
            throw Refusal(status: 401, message: "open the address that duet printed; it has the token in it")
        }
    }

    private func presented(_ request: HTTPRequest) -> [String] {
        var found = request.query.filter { $0.name == "token" }.map(\.value)
        if let bearer = request.headers[.authorization], bearer.hasPrefix("Bearer ") {
            found.append(String(bearer.dropFirst(7)))
        }
        for part in (request.headers[HTTPHeader("Cookie")] ?? "").split(separator: ";") {
            let pair = part.trimmingCharacters(in: .whitespaces)
            if pair.hasPrefix("\(cookie)=") { found.append(String(pair.dropFirst(cookie.count + 1))) }
        }
        return found
    }

    /// Compares in a time that does not tell how much was right.
    private func isToken(_ text: String) -> Bool {
        let a = Array(text.utf8)
        let b = Array(token.utf8)
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private func takesOne() -> Bool {
        bucket.withLock { bucket in
            let now = ContinuousClock.now
            let passed = (now - bucket.at) / .seconds(1)
            bucket.level = min(Self.requestsPerSecond, bucket.level + passed * perSecond)
            bucket.at = now
            guard bucket.level >= 1 else { return false }
            bucket.level -= 1
            return true
        }
    }

    /// Headers of every answer: nothing from elsewhere, nothing inline, no framing, nothing kept.
    static let answerHeaders: [(String, String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    ]
}
