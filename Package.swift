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
        .target(name: "CPlatform"),
        .systemLibrary(
            name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(
            name: "CXML", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
        .systemLibrary(
            name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"])]),

        // Floor 0
        room("Platform", ["CPlatform"]),
        room("Jobs"),
        room("Postgres", ["CPostgres", "Platform"]),
        // Floor 1
        room("Store", ["Jobs", "Platform", "Postgres"]),
        room("HTTPServer", ["Platform"]),
        room("World", ["CArchive", "CXML", "CZip", "Platform"]),
        // Floor 2
        room("Farm", ["Jobs", "Store", "Postgres", "Platform"]),
        // Floor 3
        room("Trial", ["Jobs", "Farm", "Store", "Postgres", "Platform"]),
        room("Bench", ["Jobs", "Farm", "Store", "Postgres", "Platform"]),
        // Floor 4
        .executableTarget(
            name: "motorpool",
            dependencies: ["Jobs", "Postgres", "Platform", "Store", "Farm", "Trial", "Bench"],
            swiftSettings: house),

        // Tests
        .target(
            name: "TestSupport", dependencies: ["Platform", "Postgres", "Store", "Jobs"],
            path: "Tests/Support", swiftSettings: house),
        .executableTarget(
            name: "torture", dependencies: ["Platform", "Postgres", "Store", "Jobs", "Farm", "Trial"],
            path: "Tests/Torture", swiftSettings: house),
        suite("HouseTests", ["TestSupport"]),
        suite("JobsTests", ["Jobs"]),
        suite("PostgresTests", ["Postgres", "Platform", "TestSupport"]),
        suite("StoreTests", ["Store", "Jobs", "Platform", "Postgres", "TestSupport"]),
        suite("FarmTests", ["Farm", "Trial", "Store", "Jobs", "Postgres", "Platform", "TestSupport"]),
        suite("WorldTests", ["World", "Platform", "TestSupport"]),
        suite("CommandTests", ["Platform", "Postgres", "Store", "Jobs", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)
