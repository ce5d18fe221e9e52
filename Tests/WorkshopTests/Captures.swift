import FoundationEssentials
import Glibc
import Jobs
import TestSupport

/// Captured answers of the real systems. They are not part of the project: where they lie beside it, parsers are tested
/// on them; elsewhere those tests are skipped by name.
enum Captures {
    static let folder: String? = {
        if let told = getenv("MOTORPOOL_FIXTURES"), told.pointee != 0 {
            return String(cString: told) + "/steam"
        }
        let beside = Checkout.path + "/../shared/fixtures/steam"
        return access(beside, R_OK) == 0 ? beside : nil
    }()

    static var arePresent: Bool { folder != nil }

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: (folder ?? "") + "/" + name)))
    }

    static func names(in part: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: (folder ?? "") + "/" + part).sorted().map {
            part + "/" + $0
        }
    }

    /// What an independent reading of a capture found.
    static func expected(_ name: String) throws -> JSONPart {
        guard let part = try JSON(bytes("EXPECTED.json")).parts()[name] else {
            throw Missing(description: "EXPECTED.json says nothing of \(name)")
        }
        return part
    }

    struct Missing: Error, CustomStringConvertible { let description: String }
}

extension JSONPart {
    var list: [JSONPart] { if case .array(let parts) = value { parts } else { [] } }

    /// A number or a text as its characters.
    var word: String? {
        switch value {
        case .number(let text), .string(let text): text
        default: nil
        }
    }
}
