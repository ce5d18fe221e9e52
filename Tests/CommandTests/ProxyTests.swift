import Foundation
import Glibc
import Platform
import TestSupport
import Testing

private let nginx = "/usr/sbin/nginx"

@Suite(
    "A proxy in front, as its documentation begins (H2)",
    .enabled(if: FileManager.default.isExecutableFile(atPath: nginx), "nginx is not installed"))
struct ProxyTests {
    @Test("nginx with proxy_pass alone gives strangers nothing: no job is enqueued, no list is read")
    func passAlone() async throws {
        try await withProgram { program in
            var program = program
            program.variables["MOTORPOOL_TRUST_LOCAL"] = "0"
            let worker = try await program.work()
            let (held, port) = try Loopback.listen(on: "127.0.0.1")
            close(held)
            let front = try program.start(["serve", "--port", "\(port)"])
            try await front.says("listening")
            try await withProxy(to: "http://127.0.0.1:\(port)") { client in
                for host in ["farm.example.org", "localhost", "127.0.0.1:\(port)"] {
                    let order = try await client.ask(
                        "POST", "/jobs", #"{"kind":"noop"}"#, headers: ["X-Host: \(host)"])
                    #expect(order.status == 401, "\(order.text)")
                    #expect(try await client.ask("GET", "/jobs").status == 401)
                    #expect(try await client.ask("GET", "/metrics").status == 401)
                }
                #expect(
                    try await client.ask("GET", "/health/live").status == 200,
                    "the proxy does lead to the front")
            }
            front.signal(SIGTERM)
            worker.signal(SIGTERM)
            _ = try await front.end()
            _ = try await worker.end()
        }
    }

    @Test(
        "M6: over a unix socket the front's own user is a producer, the file is its owner's alone, a proxy is told apart"
    )
    func socket() async throws {
        try await withProgram { program in
            let worker = try await program.work()
            let path = "/tmp/motorpool-front-\(getpid()).sock"
            let front = try program.start(["serve", "--host", path])
            try await front.says("listening")
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
            let order = [
                "/usr/bin/curl", "-s", "-w", "\n%{http_code}", "--unix-socket", path, "-d",
                #"{"kind":"noop"}"#, "http://localhost/jobs",
            ]
            // A front that has just started on a busy machine may ask for patience first.
            try await eventually("its own user may enqueue", within: .seconds(20)) {
                let own = try await ChildProcess.run(
                    order, environment: [:], deadline: .seconds(20), outputMax: 1000)
                #expect(own.text.hasSuffix("\n202") || own.text.hasSuffix("\n503"), "\(own.text)")
                return own.text.hasSuffix("\n202")
            }
            let proxied = try await ChildProcess.run(
                order + ["-H", "X-Forwarded-For: 192.0.2.1"], environment: [:], deadline: .seconds(20),
                outputMax: 1000)
            #expect(proxied.text.hasSuffix("\n401"), "\(proxied.text)")
            front.signal(SIGTERM)
            worker.signal(SIGTERM)
            _ = try await front.end()
            _ = try await worker.end()
        }
    }

    /// Lends a client of an nginx of our own.
    private func withProxy(to upstream: String, _ body: (RawClient) async throws -> Void) async throws {
        try await withFolder([:]) { folder in
            let (held, port) = try Loopback.listen(on: "127.0.0.1")
            close(held)
            let configuration = """
                daemon off; pid \(folder)/nginx.pid; error_log \(folder)/error.log;
                events {}
                http {
                    access_log off;
                    client_body_temp_path \(folder)/a; proxy_temp_path \(folder)/b; fastcgi_temp_path \(folder)/c;
                    uwsgi_temp_path \(folder)/d; scgi_temp_path \(folder)/e;
                    server { listen 127.0.0.1:\(port); location / { proxy_pass \(upstream); } }
                }
                """
            try configuration.write(toFile: folder + "/nginx.conf", atomically: true, encoding: .utf8)
            let proxy = try ChildProcess.start(
                [nginx, "-p", folder, "-c", folder + "/nginx.conf", "-e", folder + "/error.log"],
                environment: ["PATH": "/usr/bin:/bin"],
                output: .captured(bytesMax: 65_536))
            defer { proxy.kill() }
            let client = RawClient(port: UInt16(port))
            try await eventually("nginx answers", within: .seconds(10)) {
                ((try? await client.ask("GET", "/health/live"))?.status ?? 0) > 0
            }
            try await body(client)
        }
    }
}
