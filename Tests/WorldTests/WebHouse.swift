import Glibc
import Platform
import Testing
import World

/// All tests of the web, one after the other: some count the descriptors of the process.
@Suite("Web", .serialized)
enum WebTests {}

/// Lends a web that reaches loopback.
func withWeb<T>(
    _ change: (inout WebSettings) -> Void = { _ in }, _ body: (Web) async throws -> T
) async throws -> T {
    var settings = WebSettings()
    settings.reach = .anywhere
    change(&settings)
    let web = Web(settings: settings)
    let result: Result<T, any Error>
    do { result = .success(try await body(web)) } catch { result = .failure(error) }
    await web.close()
    return try result.get()
}

/// A request with bounds that a test can wait for.
func question(_ address: String, _ change: (inout WebRequest) -> Void = { _ in }) -> WebRequest {
    var request = WebRequest(address)
    request.timeLimit = .seconds(10)
    change(&request)
    return request
}

/// As `Web.fetch`: an error of any type, which is what `#expect` can hand on.
func fetched(_ web: Web, _ request: WebRequest) async throws -> WebAnswer { try await web.fetch(request) }

/// As `Web.download`.
func downloaded(
    _ web: Web, _ request: WebRequest, to file: DownloadFile,
    progress: (@Sendable (WebProgress) -> Void)? = nil
) async throws -> WebAnswer { try await web.download(request, to: file, progress: progress) }

/// What fetching ends with, when it ends badly.
func failure(_ web: Web, _ request: WebRequest) async -> WebError? {
    do {
        _ = try await web.fetch(request)
        return nil
    } catch {
        return error
    }
}

extension WebAnswer {
    var text: String { String(decoding: body, as: UTF8.self) }
}

func bytes(hex: String) -> [UInt8] {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0 }
}

/// A folder that is removed at the end.
func withFolder<T>(_ body: (String) async throws -> T) async throws -> T {
    var template = Array("/tmp/motorpool-web-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw PlatformFault("making a folder", code: errno) }
    let folder = String(cString: made)
    let result: Result<T, any Error>
    do { result = .success(try await body(folder)) } catch { result = .failure(error) }
    if let stream = opendir(folder) {
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            unlink("\(folder)/\(name)")
        }
        closedir(stream)
    }
    rmdir(folder)
    return try result.get()
}

func contents(_ path: String) -> [UInt8]? {
    guard let stream = fopen(path, "r") else { return nil }
    defer { fclose(stream) }
    var bytes = [UInt8](repeating: 0, count: 1 << 22)
    let count = fread(&bytes, 1, bytes.count, stream)
    return Array(bytes[..<count])
}

func write(_ text: String, to path: String) {
    guard let stream = fopen(path, "w") else { return }
    fputs(text, stream)
    fclose(stream)
}
