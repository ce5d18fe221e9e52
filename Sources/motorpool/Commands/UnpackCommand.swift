internal import Glibc
internal import Platform
internal import World

/// What a worker calls for the archive of a stranger, in a slot and within limits, so that no reader of such runs in the
/// worker itself.
enum UnpackCommand: Command {
    static let name = "unpack"
    static let summary = "Unpack an archive of a stranger for a worker"
    static let isInternal = true
    static let operands = [Operand("FILE"), Operand("FOLDER"), Operand("BYTES")]
    static let notes = """
        FOLDER must not exist; at most BYTES come out. It prints one line and ends with a code of its own:
        0 unpacked FILES FOLDERS BYTES, 40 no archive, 41 too large, 42 refused WHY, 43 disk WHY.
        """

    /// From here on it reads and writes beside its two operands, but for what the system's libraries read, and reaches
    /// nobody.
    static func prepare(_ call: Invocation) throws {
        guard call.operands.count > 1 else { return }
        do { try Confinement.enter(call.operands.prefix(2).map(parent)) } catch {
            throw Refusal("\(error)", .failed)
        }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func run(_ call: Invocation) async throws -> ExitCode {
        guard let bytesMax = Int64(call.operands[2]), bytesMax >= 0 else {
            throw UsageError("BYTES: expected a number, found “\(call.operands[2])”")
        }
        let report = try await unpack(call.operands[0], into: call.operands[1], bytesMax: bytesMax)
        Console.print(report.line)
        // Its codes are its own, so they are not among ours.
        exit(report.code)
    }

    private static func unpack(
        _ file: String, into folder: String, bytesMax: Int64
    ) async throws -> UnpackReport {
        var limits = ArchiveLimits()
        limits.bytesMax = bytesMax
        limits.fileBytesMax = bytesMax
        do {
            return .unpacked(try await Archive.unpack(file, into: folder, limits: limits))
        } catch let error as ArchiveError {
            switch error {
            case .noArchive: return .noArchive
            case .tooLarge, .fileTooLarge: return .tooLarge
            default: return .refused("\(error)")
            }
        } catch let fault as FileFault {
            return .disk("\(fault)")
        }
    }
}
