import FoundationEssentials
import TestSupport

/// Pages captured from the real systems, which lie beside the checkout where they lie at all.
enum Fixtures {
    static let steam = Checkout.path + "/../shared/fixtures/steam"
    static let absence: String = "the captured pages are not beside this checkout"
    static var areThere: Bool { FileManager.default.fileExists(atPath: steam + "/EXPECTED.json") }

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: "\(steam)/\(name)")))
    }
}
