// swift-tools-version: 6.2
import PackageDescription

// Every warning is an error, and every target speaks the same Swift.
let house: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

// Every address is bound at the start, and its table is read-only from then on (full RELRO).
let hardened: [LinkerSetting] = [.unsafeFlags(["-Xlinker", "-z", "-Xlinker", "now", "-Xlinker", "-z", "-Xlinker", "relro"])]
// The C library checks the bounds of buffers whose size the compiler knows; it needs the optimiser.
let fortified: [CSetting] = [.define("_FORTIFY_SOURCE", to: "2", .when(configuration: .release))]

func room(_ name: String, _ below: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: below, swiftSettings: house)
}

func suite(_ name: String, _ below: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: below, swiftSettings: house)
}

let package = Package(
    name: "motorpool",
    targets: [
        // C maps: nothing but headers.
        .target(name: "CPlatform", cSettings: fortified),
        .systemLibrary(
            name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(
            name: "CXML", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
        .systemLibrary(
            name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"])]),
        .systemLibrary(
            name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CBrotli", pkgConfig: "libbrotlidec", providers: [.apt(["libbrotli-dev"])]),
        .systemLibrary(
            name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CHTTP", cSettings: fortified),
        .systemLibrary(name: "CUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),

        // Floor 0
        room("Platform", ["CPlatform"]),
        room("Jobs"),
        room("Postgres", ["CPostgres", "Platform"]),
        room("World", ["CArchive", "CBrotli", "CCurl", "CXML", "CZip", "CZlib", "Platform"]),
        room("Crypto", ["CCrypto"]),
        // Floor 1
        room("Store", ["Jobs", "Platform", "Postgres"]),
        room("HTTPServer", ["CHTTP", "CUV", "CZlib", "Platform"]),
        // Floor 2
        room("Farm", ["Jobs", "Store", "Postgres", "Platform"]),
        room("Front", ["Jobs", "Store", "HTTPServer", "Crypto", "Postgres", "Platform"]),
        // Floor 3
        room(
            "Workshop",
            ["Jobs", "Store", "Farm", "Front", "HTTPServer", "World", "Crypto", "Postgres", "Platform"]),
        room("Sandbox", ["Jobs", "HTTPServer", "World", "Platform"]),
        room("Trial", ["Jobs", "Farm", "Store", "Postgres", "Platform"]),
        room("Bench", ["Jobs", "Farm", "Store", "Postgres", "Platform", "Crypto"]),
        // Floor 4
        .executableTarget(
            name: "motorpool",
            dependencies: [
                "Jobs", "Postgres", "Platform", "Crypto", "Store", "HTTPServer", "Farm", "Front", "Trial",
                "Bench",
                "World", "Workshop", "Sandbox",
            ],
            swiftSettings: house, linkerSettings: hardened),

        // Tests
        .target(
            name: "TestSupport", dependencies: ["Platform", "Postgres", "Store", "Jobs"],
            path: "Tests/Support", swiftSettings: house),
        .executableTarget(
            name: "torture",
            dependencies: [
                "Platform", "Postgres", "Store", "Jobs", "Farm", "Trial", "World", "Workshop", "TestSupport",
            ],
            path: "Tests/Torture", swiftSettings: house),
        suite("HouseTests", ["TestSupport"]),
        suite("HTTPServerTests", ["HTTPServer", "CZlib", "Platform", "TestSupport"]),
        suite("JobsTests", ["Jobs", "Platform", "TestSupport"]),
        suite(
            "WorkshopTests",
            [
                "Workshop", "Sandbox", "Farm", "Front", "HTTPServer", "World", "Crypto", "Store", "Jobs",
                "Postgres",
                "Platform", "TestSupport",
            ]),
        suite("CryptoTests", ["Crypto"]),
        suite(
            "FrontTests",
            ["Front", "HTTPServer", "Crypto", "Store", "Jobs", "Platform", "Postgres", "TestSupport"]),
        suite("PlatformTests", ["Platform", "TestSupport"]),
        suite("PostgresTests", ["Postgres", "Platform", "TestSupport"]),
        suite("StoreTests", ["Store", "Jobs", "Platform", "Postgres", "TestSupport"]),
        suite("FarmTests", ["Farm", "Trial", "Store", "Jobs", "Postgres", "Platform", "TestSupport"]),
        suite("WorldTests", ["World", "Platform", "TestSupport"]),
        suite("CommandTests", ["Platform", "Postgres", "Store", "Jobs", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)

// `./test SUITE` names the one target that is wanted: the package shrinks to it and to what it imports, so that an
// edit in a room does not rebuild the rooms above it.
if let wanted = Context.environment["MOTORPOOL_SUITE"] {
    let runsTheProgram = ["CommandTests", "WorkshopTests", "torture"]
    var kept: Set<String> = []
    var open = [wanted] + (runsTheProgram.contains(wanted) ? ["motorpool"] : [])
    while let name = open.popLast() {
        guard kept.insert(name).inserted else { continue }
        for case .byNameItem(let below, _) in package.targets.first(where: { $0.name == name })?.dependencies ?? [] {
            open.append(below)
        }
    }
    package.targets.removeAll { !kept.contains($0.name) }
}
