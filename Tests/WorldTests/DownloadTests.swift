import Glibc
import Platform
import TestSupport
import Testing
import World

extension WebTests {
    @Suite("Downloads")
    struct Downloads {
        private static let whole = Array((0..<200_000).map { UInt8($0 % 251) })

        /// A host of one file that keeps the rules of ranges; `change` may break an answer.
        private static func host(
            tag: String = "\"one\"",
            _ change: @escaping @Sendable (LoopbackHost.Question, Int) -> [LoopbackHost.Step]? = { _, _ in nil
            }
        ) throws -> LoopbackHost {
            let count = Lock(0)
            return try LoopbackHost { question in
                let number = count.withLock { count in
                    count += 1
                    return count
                }
                if let steps = change(question, number) { return steps }
                guard let range = question.headers["range"], question.headers["if-range"] == tag,
                    let first = Int(range.dropFirst(6).dropLast())
                else { return [.answer(200, whole, ["ETag: \(tag)"])] }
                guard first < whole.count else {
                    return [.answer(416, [], ["Content-Range: bytes */\(whole.count)"])]
                }
                let place = "Content-Range: bytes \(first)-\(whole.count - 1)/\(whole.count)"
                return [.answer(206, Array(whole[first...]), ["ETag: \(tag)", place])]
            }
        }

        /// The beginning of the file, and then nothing.
        private static func cut(after count: Int, _ fields: String...) -> [LoopbackHost.Step] {
            let head = (["HTTP/1.1 200 OK", "Content-Length: \(whole.count)"] + fields).joined(
                separator: "\r\n")
            return [.text(head + "\r\n\r\n"), .bytes(Array(whole[..<count])), .hangUp]
        }

        private func failure(_ web: Web, _ request: WebRequest, _ file: DownloadFile) async -> WebError? {
            do {
                _ = try await web.download(request, to: file)
                return nil
            } catch {
                return error
            }
        }

        @Test("a file is written as it came, with its progress, and put in its place durably")
        func plain() async throws {
            let host = try Self.host()
            let last = Lock<WebProgress?>(nil)
            try await withWeb { web in
                try await withFolder { folder in
                    let file = DownloadFile(folder + "/part")
                    let answer = try await downloaded(web, question(host.address()), to: file) { progress in
                        last.withLock { $0 = progress }
                    }
                    #expect(answer.status == 200 && answer.fileBytes == 200_000 && answer.body.isEmpty)
                    #expect(answer.wireBytes == 200_000)
                    let end = try #require(last.withLock { $0 })
                    #expect(end.done == 200_000 && end.total == 200_000)
                    try file.publish(at: folder + "/whole")
                    #expect(contents(folder + "/whole") == Self.whole)
                    #expect(contents(folder + "/part") == nil && contents(folder + "/part.resume") == nil)
                }
            }
            #expect(host.questions.first?.headers["accept-encoding"] == nil)
        }

        @Test("what has come is gone on with")
        func resume() async throws {
            let host = try Self.host { _, number in
                number == 1 ? Self.cut(after: 70_000, "ETag: \"one\"") : nil
            }
            try await withWeb { web in
                try await withFolder { folder in
                    let file = DownloadFile(folder + "/part")
                    guard case .truncated? = await failure(web, question(host.address()), file) else {
                        return #expect(Bool(false))
                    }
                    #expect(contents(file.path)?.count == 70_000)
                    let answer = try await downloaded(web, question(host.address()), to: file)
                    #expect(answer.status == 206 && answer.fileBytes == 200_000)
                    #expect(answer.wireBytes == 130_000)
                    #expect(contents(file.path) == Self.whole)
                    #expect(host.questions[1].headers["range"] == "bytes=70000-")
                    #expect(host.questions[1].headers["if-range"] == "\"one\"")
                    // The whole file is known as whole, without another byte of it.
                    let again = try await downloaded(web, question(host.address()), to: file)
                    #expect(again.status == 416 && again.fileBytes == 200_000 && again.wireBytes == 0)
                    #expect(contents(file.path) == Self.whole)
                }
            }
        }

        @Test("a crash in the middle is gone on with; without its notes the file begins anew")
        func crash() async throws {
            let host = try Self.host()
            try await withWeb { web in
                try await withFolder { folder in
                    let file = DownloadFile(folder + "/part")
                    let beginning = Self.whole[..<5].map { $0 }
                    write("garbage of another time", to: file.path)
                    let fresh = try await downloaded(web, question(host.address()), to: file)
                    #expect(fresh.status == 200 && contents(file.path) == Self.whole)
                    truncate(file.path, beginning.count)
                    let resumed = try await downloaded(web, question(host.address()), to: file)
                    #expect(resumed.status == 206 && contents(file.path) == Self.whole)
                    // Notes that were cut short are no notes.
                    truncate(file.path, beginning.count)
                    write("\"on", to: file.path + ".resume")
                    let anew = try await downloaded(web, question(host.address()), to: file)
                    #expect(anew.status == 200 && contents(file.path) == Self.whole)
                }
            }
        }

        @Test(
            "a version that can't be named begins anew",
            arguments: ["ETag: W/\"one\"", "Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT", "X: y"])
        func weak(field: String) async throws {
            let host = try Self.host { _, number in number == 1 ? Self.cut(after: 1000, field) : nil }
            try await withWeb { web in
                try await withFolder { folder in
                    let file = DownloadFile(folder + "/part")
                    _ = await failure(web, question(host.address()), file)
                    let answer = try await downloaded(web, question(host.address()), to: file)
                    #expect(answer.status == 200 && contents(file.path) == Self.whole)
                    #expect(host.questions[1].headers["range"] == nil)
                }
            }
        }

        @Test("an old enough date names a version, too")
        func date() async throws {
            let old = "Sat, 21 Nov 2026 10:00:00 GMT"
            let host = try Self.host(tag: old) { _, number in
                number == 1
                    ? Self.cut(after: 1000, "Last-Modified: \(old)", "Date: Sat, 21 Nov 2026 10:05:00 GMT")
                    : nil
            }
            try await withWeb { web in
                try await withFolder { folder in
                    let file = DownloadFile(folder + "/part")
                    _ = await failure(web, question(host.address()), file)
                    _ = try await downloaded(web, question(host.address()), to: file)
                    #expect(host.questions[1].headers["if-range"] == old)
                }
            }
        }

        @Test("a file that changed meanwhile begins anew")
        func changed() async throws {
            let host = try Self.host { _, number in number == 1 ? Self.cut(after: 9000, "ETag: \"old\"") : nil
            }
            try await withWeb { web in
                try await withFolder { folder in
                    let file = DownloadFile(folder + "/part")
                    _ = await failure(web, question(host.address()), file)
                    let answer = try await downloaded(web, question(host.address()), to: file)
                    #expect(answer.status == 200 && contents(file.path) == Self.whole)
                }
            }
        }

        @Test("a file that is shorter than what came begins anew at once")
        func shrunk() async throws {
            let host = try Self.host { question, number in
                guard number == 2 else { return number == 1 ? Self.cut(after: 9000, "ETag: \"old\"") : nil }
                #expect(question.headers["range"] != nil)
                return [.answer(416, [], ["Content-Range: bytes */10"])]
            }
            try await withWeb { web in
                try await withFolder { folder in
                    let file = DownloadFile(folder + "/part")
                    _ = await failure(web, question(host.address()), file)
                    let answer = try await downloaded(web, question(host.address()), to: file)
                    #expect(answer.status == 200 && contents(file.path) == Self.whole)
                    #expect(host.questions.count == 3)
                }
            }
        }

        @Test(
            "a part that does not fit is refused",
            arguments: [
                ["Content-Range: bytes 8999-199999/200000"], ["Content-Range: bytes 9000-9010/200000"], [],
                ["Content-Range: nonsense"], ["Content-Range: bytes 9000-199999/200000", "ETag: \"other\""],
                ["Content-Range: bytes 9000-9223372036854775807/200000"],
                ["Content-Range: bytes 9000-9223372036854775807/*"],
            ])
        func misfit(fields: [String]) async throws {
            let host = try Self.host { _, number in
                number == 1
                    ? Self.cut(after: 9000, "ETag: \"one\"")
                    : [.answer(206, Array(Self.whole[9000...]), fields)]
            }
            try await withWeb { web in
                try await withFolder { folder in
                    let file = DownloadFile(folder + "/part")
                    _ = await failure(web, question(host.address()), file)
                    guard case .protocol? = await failure(web, question(host.address()), file) else {
                        return #expect(Bool(false))
                    }
                }
            }
        }

        @Test("a refusal is told in its own words and leaves what has come")
        func refusal() async throws {
            let host = try Self.host { _, number in
                number == 1
                    ? Self.cut(after: 9000, "ETag: \"one\"")
                    : number == 2 ? [.answer(503, Array("later".utf8), ["Retry-After: 5"])] : nil
            }
            try await withWeb { web in
                try await withFolder { folder in
                    let file = DownloadFile(folder + "/part")
                    _ = await failure(web, question(host.address()), file)
                    let answer = try await downloaded(web, question(host.address()), to: file)
                    #expect(answer.status == 503 && answer.text == "later" && answer.fileBytes == nil)
                    #expect(answer[header: "retry-after"] == "5")
                    #expect(contents(file.path)?.count == 9000)
                    let resumed = try await downloaded(web, question(host.address()), to: file)
                    #expect(resumed.status == 206)
                }
            }
        }

        @Test("a file is never longer than allowed, whether its length is said or not")
        func size() async throws {
            let host = try LoopbackHost { question in
                question.target == "/said"
                    ? [.answer(200, Self.whole)]
                    : [.text("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), .bytes(Self.whole), .hangUp]
            }
            try await withWeb { web in
                try await withFolder { folder in
                    for path in ["/said", "/unsaid"] {
                        let file = DownloadFile(folder + "/part")
                        let error = await failure(
                            web, question(host.address(path)) { $0.bytesMax = 100_000 }, file)
                        #expect(error == .tooLarge("more than 100000 bytes"))
                        #expect((contents(file.path)?.count ?? 0) <= 100_000)
                    }
                }
            }
        }

        @Test("a packed body is no file")
        func packed() async throws {
            let host = try LoopbackHost(.ok("x", "Content-Encoding: gzip"))
            try await withWeb { web in
                try await withFolder { folder in
                    let error = await failure(web, question(host.address()), DownloadFile(folder + "/part"))
                    #expect(error == .protocol("the file came packed, which was not asked for"))
                }
            }
        }

        @Test("one file is written by one download, and a folder that is not there is told")
        func files() async throws {
            let host = try LoopbackHost(.pause(.seconds(30)))
            try await withWeb { web in
                try await withFolder { folder in
                    let file = DownloadFile(folder + "/part")
                    let first = Task { await failure(web, question(host.address()), file) }
                    try await eventually("the question came") { host.questions.count == 1 }
                    #expect(
                        await failure(web, question(host.address()), file)
                            == .file("another download writes it"))
                    first.cancel()
                    #expect(await first.value == .cancelled)
                    guard
                        case .file? = await failure(
                            web, question(host.address()), DownloadFile(folder + "/none/part"))
                    else { return #expect(Bool(false)) }
                    // A link that stands in the way is not followed.
                    symlink("/etc/passwd", folder + "/link")
                    guard
                        case .file? = await failure(
                            web, question(host.address()), DownloadFile(folder + "/link"))
                    else { return #expect(Bool(false)) }
                }
            }
        }

        @Test("a disk that takes no more is an error of the file")
        func full() async throws {
            let host = try Self.host()
            try await FileSizes.limit {
                try await withWeb { web in
                    let limits = Limits.fileSize(50_000)
                    defer { limits.restore() }
                    try await withFolder { folder in
                        guard
                            case .file? = await failure(
                                web, question(host.address()), DownloadFile(folder + "/part"))
                        else { return #expect(Bool(false)) }
                    }
                }
            }
        }
    }
}

/// A limit of this process for as long as a test wants it.
struct Limits {
    private let before: rlimit

    /// Files can't grow beyond it: writing fails.
    static func fileSize(_ bytes: UInt) -> Limits {
        var before = rlimit()
        getrlimit(__rlimit_resource_t(1), &before)
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: bytes, rlim_max: before.rlim_max)
        setrlimit(__rlimit_resource_t(1), &limit)
        return Limits(before: before)
    }

    func restore() {
        var limit = before
        setrlimit(__rlimit_resource_t(1), &limit)
    }
}
