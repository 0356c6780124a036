import DuetFetch
import DuetServe
import Foundation
import Glibc

/// Measures DuetFetch against the curl command, in turns, on a server of another make in a process of its own.
///
/// Both sides write files to the same disk and neither waits for it (no fsync); whoever went first goes second in the
/// next pair, what was written before is on disk by then, and a pair for nothing comes before the first. A virtual machine
/// gives memory that is free back to its host, and whoever writes next pays for getting it again; so as much as is about
/// to be written is written and removed before each side's turn. With nginx from `scripts/setup servers`.
struct FetchBenchmark {
    private let repetitions: Int
    private let folder: String
    private let parallel = 8
    private let smallCount: Int
    private let bigBytes: Int
    private static let throttledBytes = 64 << 20

    init(repetitions: Int, megabytes: Int = 1024, files: Int = 5000) throws {
        self.repetitions = max(1, repetitions)
        bigBytes = max(1, megabytes) << 20
        smallCount = max(10, files)
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("duet-bench-\(UUID().uuidString)").path
        for name in ["root/small", "curl", "duet"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
    }

    func run() async throws {
        defer {
            do { try FileManager.default.removeItem(atPath: folder) } catch { print("left behind: \(folder)") }
        }
        try prepare()
        let port = try startNginx()
        defer { stopNginx() }
        let base = "http://127.0.0.1:\(port)"
        print(
            "fetch: duet against the curl command, nginx on loopback, \(repetitions) pairs in alternating order, medians"
        )
        try await big(base)
        try await throttled()
        try await small(base, conditional: false)
        try await small(base, conditional: true)
    }

    /// Seconds of both sides in each pair; one goes first in one pair and second in the next.
    private func pairs(
        bytes: Int = 0,
        clean: () -> Void,
        curl: () throws -> Double,
        duet: () async throws -> Double
    ) async throws -> (curl: [Double], duet: [Double]) {
        var curls: [Double] = []
        var duets: [Double] = []
        for repetition in 0...repetitions {
            for isCurl in repetition % 2 == 0 ? [true, false] : [false, true] {
                clean()
                // What one side wrote must not be brought to disk in the other's time.
                sync()
                try takeMemory(bytes)
                let seconds = try await isCurl ? curl() : duet()
                guard repetition > 0 else { continue }
                if isCurl { curls.append(seconds) } else { duets.append(seconds) }
            }
        }
        return (curls, duets)
    }

    /// Has the machine hold so much memory for files, as it does in a run of its own.
    private func takeMemory(_ bytes: Int) throws {
        guard bytes > 0 else { return }
        let path = "\(folder)/memory"
        try ChildProcess.run("/bin/sh", ["-c", "head -c \(bytes) /dev/zero > '\(path)'"])
        unlink(path)
    }

    // MARK: - One big file

    private func big(_ base: String) async throws {
        let url = "\(base)/big.bin"
        let (theirs, ours) = ("\(folder)/curl/big", "\(folder)/duet/big")
        let fetcher = Fetcher(configuration: FetchConfiguration(proxy: ""))
        let before = Self.memory("VmRSS")
        var processor: (curl: [Double], duet: [Double]) = ([], [])
        let (curl, duet) = try await pairs(bytes: bigBytes) {
            unlink(theirs)
            unlink(ours)
        } curl: {
            let run = try ChildProcess("/usr/bin/curl", ["-s", "-f", "--noproxy", "*", "-o", theirs, url])
            try checkSize(theirs, bigBytes)
            processor.curl.append(run.processorSeconds)
            return run.seconds
        } duet: {
            let used = rusage.ownProcessorSeconds
            defer { processor.duet.append(rusage.ownProcessorSeconds - used) }
            let start = ContinuousClock.now
            _ = try await fetcher.fetch(FetchRequest(url: url, destination: ours, synchronize: false))
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            try checkSize(ours, bigBytes)
            return seconds
        }
        unlink(theirs)
        unlink(ours)
        let above = Double(Self.memory("VmHWM") - before) / 1024
        tell(
            "\(bigBytes >> 20) MiB in one file, throughput against curl (duet hashes as well)",
            curl,
            duet,
            "at least 0.95"
        )
        let (theirTime, ourTime, hashing) = (median(processor.curl), median(processor.duet), try hashSeconds())
        print(
            "    processor time, which other work on the machine changes least: curl \(shown(theirTime)) s, "
                + "duet \(shown(ourTime)) s, of which SHA-256 \(shown(hashing)) s, so \(shown(ourTime - hashing)) s "
                + "for what curl does; neither waits for the disk (no fsync)"
        )
        print("    memory above the base: \(Int(above.rounded())) MiB (at most 64)")
        fetcher.shutdown()
    }

    /// The processor time that hashing as many bytes takes alone, from memory that the processor has at hand.
    private func hashSeconds() throws -> Double {
        let piece = [UInt8](repeating: 7, count: min(bigBytes, 1 << 20))
        _ = try FileDigest.sha256(of: piece)
        let used = rusage.ownProcessorSeconds
        for _ in 0..<max(1, bigBytes / piece.count) { _ = try FileDigest.sha256(of: piece) }
        return rusage.ownProcessorSeconds - used
    }

    private func checkSize(_ path: String, _ bytes: Int) throws {
        var status = stat()
        guard stat(path, &status) == 0, Int(status.st_size) == bytes else {
            throw BenchmarkError("'\(path)' has \(status.st_size) bytes, not \(bytes)")
        }
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
        let speedUp = ratio(one, many) / 4
        print(
            "  \(Self.throttledBytes >> 20) MiB in 4 parts side by side, 8 MiB/s a connection, speed-up over one part, of 4: "
                + "\(shown(speedUp)) (at least 0.9)"
        )
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
        for index in 0..<smallCount {
            lines += [
                "next", "url = \"\(base)/small/\(index)\"", "output = \"\(folder)/curl/\(index)\"", "noproxy = \"*\"",
            ]
            if conditional { lines.append("header = \"If-Modified-Since: \(date)\"") }
        }
        let file = "\(folder)/curl.conf"
        try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        let requests = (0..<smallCount).map { index in
            FetchRequest(
                url: "\(base)/small/\(index)",
                destination: "\(folder)/duet/\(index)",
                validators: conditional ? Validators(lastModified: date) : nil,
                synchronize: false
            )
        }
        let (curl, duet) = try await pairs {
            for index in 0..<smallCount {
                unlink("\(folder)/curl/\(index)")
                unlink("\(folder)/duet/\(index)")
            }
        } curl: {
            try ChildProcess("/usr/bin/curl", ["-Z", "-s", "--parallel-max", "\(parallel)", "-K", file]).seconds
        } duet: {
            let start = ContinuousClock.now
            let fetcher = Fetcher(
                configuration: FetchConfiguration(
                    maximumConnections: parallel,
                    maximumConnectionsPerHost: parallel,
                    proxy: ""
                )
            )
            let results = await fetcher.fetchAll(requests)
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            fetcher.shutdown()
            for result in results { _ = try result.get() }
            return seconds
        }
        let what = conditional ? "\(smallCount) conditional checks" : "\(smallCount) small files"
        tell("\(what), time against curl --parallel-max \(parallel)", duet, curl, "at most 1.1", isTime: true)
    }

    // MARK: - The rest

    private func prepare() throws {
        func fill(_ name: String, _ size: Int) throws {
            try ChildProcess.run("/bin/sh", ["-c", "head -c \(size) /dev/urandom > '\(folder)/root/\(name)'"])
        }
        try fill("big.bin", bigBytes)
        for index in 0..<smallCount {
            try Data("file \(index)\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/root/small/\(index)"))
        }
    }

    private func stopNginx() {
        do {
            // Its folder can go when it has gone.
            let script = "pid=$(cat '\(folder)/nginx.pid'); kill $pid; while kill -0 $pid 2>&-; do sleep 0.05; done"
            try ChildProcess.run("/bin/sh", ["-c", script])
        } catch {
            print("nginx may still run: \(error)")
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
            do {
                try ChildProcess.run(program, arguments)
                return port
            } catch is BenchmarkError {
                // The port is somebody else's.
            }
        }
        throw BenchmarkError("nginx does not start; see its error log")
    }

    /// Prints the median ratio of pairs, how far they lie apart, and what both sides took.
    private func tell(_ what: String, _ first: [Double], _ second: [Double], _ bound: String, isTime: Bool = false) {
        let ratios = zip(first, second).map { $0 / $1 }.sorted()
        let (curl, duet) = isTime ? (second, first) : (first, second)
        print(
            "  \(what): \(shown(ratio(first, second))), from \(shown(ratios[0])) to \(shown(ratios[ratios.count - 1])) "
                + "(\(bound)); curl \(shown(median(curl))) s, duet \(shown(median(duet))) s"
        )
    }

    private func shown(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private func ratio(_ first: [Double], _ second: [Double]) -> Double {
        // Of pairs, since what else the machine does changes from minute to minute.
        median(zip(first, second).map { $0 / $1 })
    }

    /// What the system says of this process's memory, in KiB: `VmRSS` now, `VmHWM` the most so far.
    private static func memory(_ name: String) -> Int {
        guard let status = FileManager.default.contents(atPath: "/proc/self/status") else { return 0 }
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(name) }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }
}

extension ChildProcess {
    /// Runs a program for what it does.
    fileprivate static func run(_ path: String, _ arguments: [String]) throws { _ = try ChildProcess(path, arguments) }
}
