import DuetFetch
import DuetServe
import Foundation
import Glibc

/// Measures DuetFetch against the curl command, in turns, on servers of another make in a process of their own.
///
/// `duet-bench fetch [repetitions]`; with nginx from `scripts/setup servers`, else with the tests' own server.
struct FetchBenchmark {
    private let repetitions: Int
    private let folder: String
    private let parallel = 8
    private static let smallCount = 5000
    private static let bigBytes = 1 << 30
    private static let throttledBytes = 64 << 20

    init(repetitions: Int) throws {
        self.repetitions = repetitions
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("duet-bench-\(UUID().uuidString)").path
        for name in ["root/small", "curl", "duet"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
    }

    func run() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try prepare()
        let port = try startNginx()
        let base = "http://127.0.0.1:\(port)"
        print("fetch: duet against the curl command, nginx on loopback, \(repetitions) repetitions in turn, medians")
        try await big(base)
        try await throttled()
        try await small(base, conditional: false)
        try await small(base, conditional: true)
        try ChildProcess.run("/bin/sh", ["-c", "kill $(cat \(folder)/nginx.pid)"])
    }

    // MARK: - One big file

    private func big(_ base: String) async throws {
        let url = "\(base)/big.bin"
        let (theirs, ours) = ("\(folder)/curl/big", "\(folder)/duet/big")
        let fetcher = Fetcher(configuration: FetchConfiguration(proxy: ""))
        let before = Self.peakMemory()
        var curl: [Double] = []
        var duet: [Double] = []
        for _ in 0..<repetitions {
            unlink(theirs)
            curl.append(try ChildProcess("/usr/bin/curl", ["-s", "--noproxy", "*", "-o", theirs, url]).seconds)
            unlink(theirs)
            unlink(ours)
            let start = ContinuousClock.now
            _ = try await fetcher.fetch(FetchRequest(url: url, destination: ours, synchronize: false))
            duet.append((ContinuousClock.now - start) / .seconds(1))
        }
        unlink(ours)
        let memory = Double(Self.peakMemory() - before) / 1024
        tell("1 GiB file, throughput against curl (duet hashes as well)", ratio(curl, duet), "at least 0.95")
        print("    memory above the base: \(Int(memory.rounded())) MiB (at most 64)")
        fetcher.shutdown()
    }

    // MARK: - Parts side by side

    private func throttled() async throws {
        let server = Self.throttledServer(bytes: Self.throttledBytes, perSecond: 8 << 20)
        let url = "http://127.0.0.1:\(try server.start())/part.bin"
        let fetcher = Fetcher(configuration: FetchConfiguration(maximumConnectionsPerHost: parallel, proxy: ""))
        var one: [Double] = []
        var many: [Double] = []
        for _ in 0..<max(1, repetitions / 2) {
            for (count, isOne) in [(1, true), (4, false)] {
                let target = "\(folder)/duet/part"
                unlink(target)
                let start = ContinuousClock.now
                var request = FetchRequest(url: url, destination: target, synchronize: false)
                request.parallelRanges = count
                _ = try await fetcher.fetch(request)
                let seconds = (ContinuousClock.now - start) / .seconds(1)
                if isOne { one.append(seconds) } else { many.append(seconds) }
            }
        }
        tell("4 parts side by side, 8 MiB/s a connection, speed-up / 4", ratio(one, many) / 4, "at least 0.9")
        fetcher.shutdown()
        server.stop()
    }

    /// A server that gives each connection so much and no more; nginx gives each request its first second for nothing.
    private static func throttledServer(bytes: Int, perSecond rate: Int) -> FaultServer {
        let piece = [UInt8](repeating: 7, count: 64 << 10)
        return FaultServer { request, connection in
            var range = 0..<bytes
            var head = ["ETag: \"1\"", "Accept-Ranges: bytes"]
            let bounds = request.headers["range"]?.dropFirst(6).split(separator: "-").compactMap { Int($0) } ?? []
            if bounds.count == 2 {
                range = bounds[0]..<(bounds[1] + 1)
                head.append("Content-Range: bytes \(bounds[0])-\(bounds[1])/\(bytes)")
            }
            connection.sendHead(bounds.count == 2 ? 206 : 200, head + ["Content-Length: \(range.count)"])
            if request.method == "HEAD" { return .keepAlive }
            let start = ContinuousClock.now
            var sent = 0
            while sent < range.count {
                let count = min(piece.count, range.count - sent)
                guard connection.send(piece[..<count]) else { return .close }
                sent += count
                let ahead = Double(sent) / Double(rate) - (ContinuousClock.now - start) / .seconds(1)
                if ahead > 0 { Thread.sleep(forTimeInterval: ahead) }
            }
            return .keepAlive
        }
    }

    // MARK: - Many small files

    private func small(_ base: String, conditional: Bool) async throws {
        let date = "Sun, 06 Nov 2033 08:49:37 GMT"
        var lines = ["parallel", "parallel-max = \(parallel)", "silent"]
        for index in 0..<Self.smallCount {
            lines += [
                "next", "url = \"\(base)/small/\(index)\"", "output = \"\(folder)/curl/\(index)\"", "noproxy = \"*\"",
            ]
            if conditional { lines.append("header = \"If-Modified-Since: \(date)\"") }
        }
        let file = "\(folder)/curl.conf"
        try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        let requests = (0..<Self.smallCount).map { index in
            FetchRequest(
                url: "\(base)/small/\(index)",
                destination: "\(folder)/duet/\(index)",
                validators: conditional ? Validators(lastModified: date) : nil,
                synchronize: false
            )
        }
        var curl: [Double] = []
        var duet: [Double] = []
        for _ in 0..<repetitions {
            for index in 0..<Self.smallCount {
                unlink("\(folder)/curl/\(index)")
                unlink("\(folder)/duet/\(index)")
            }
            curl.append(
                try ChildProcess("/usr/bin/curl", ["-Z", "-s", "--parallel-max", "\(parallel)", "-K", file]).seconds
            )
            let start = ContinuousClock.now
            let fetcher = Fetcher(
                configuration: FetchConfiguration(
                    maximumConnections: parallel,
                    maximumConnectionsPerHost: parallel,
                    proxy: ""
                )
            )
            let results = await fetcher.fetchAll(requests)
            duet.append((ContinuousClock.now - start) / .seconds(1))
            fetcher.shutdown()
            for result in results { _ = try result.get() }
        }
        let what = conditional ? "5,000 conditional checks" : "5,000 small files"
        tell("\(what), time against curl --parallel", 1 / ratio(curl, duet), "at most 1.1")
    }

    // MARK: - The rest

    private func prepare() throws {
        func fill(_ name: String, _ size: Int) throws {
            try ChildProcess.run("/bin/sh", ["-c", "head -c \(size) /dev/urandom > '\(folder)/root/\(name)'"])
        }
        try fill("big.bin", Self.bigBytes)
        for index in 0..<Self.smallCount {
            try Data("file \(index)\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/root/small/\(index)"))
        }
    }

    private func startNginx() throws -> Int {
        let program = "\(FileManager.default.currentDirectoryPath)/.deps/servers/nginx"
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw BenchmarkError("there is no nginx; fetch it with: scripts/setup servers")
        }
        for port in (0..<50).map({ 20_000 + Int(getpid()) % 20_000 + $0 }) {
            let configuration = """
                daemon on; pid \(folder)/nginx.pid; error_log \(folder)/error.log; worker_processes 1;
                events { worker_connections 512; }
                http {
                  access_log off; sendfile on; keepalive_requests 100000;
                  client_body_temp_path \(folder)/t1; proxy_temp_path \(folder)/t2; fastcgi_temp_path \(folder)/t3;
                  uwsgi_temp_path \(folder)/t4; scgi_temp_path \(folder)/t5;
                  server {
                    listen 127.0.0.1:\(port); root \(folder)/root;
                  }
                }
                """
            try configuration.write(toFile: "\(folder)/nginx.conf", atomically: true, encoding: .utf8)
            let arguments = ["-p", folder, "-c", "\(folder)/nginx.conf", "-e", "\(folder)/error.log"]
            if (try? ChildProcess.run(program, arguments)) != nil { return port }
        }
        throw BenchmarkError("nginx does not start; see its error log")
    }

    private func tell(_ what: String, _ ratio: Double, _ bound: String) {
        print("  \(what): \((ratio * 1000).rounded() / 1000) (\(bound))")
    }

    private func ratio(_ first: [Double], _ second: [Double]) -> Double {
        // Of pairs, since what else the machine does changes from minute to minute.
        let ratios = zip(first, second).map { $0 / $1 }.sorted()
        return ratios[ratios.count / 2]
    }

    /// The most memory this process held at once so far, in KiB.
    private static func peakMemory() -> Int {
        let handle = FileHandle(forReadingAtPath: "/proc/self/status")
        let status = String(decoding: (try? handle?.readToEnd()) ?? Data(), as: UTF8.self)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }
}

extension ChildProcess {
    /// Runs a program for what it does.
    fileprivate static func run(_ path: String, _ arguments: [String]) throws { _ = try ChildProcess(path, arguments) }
}
