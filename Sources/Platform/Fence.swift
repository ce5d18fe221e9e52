internal import CPlatform
import Glibc

/// What a confined program or thread may use: files, TCP ports, and by which means of the kernel's it is kept to them.
package struct Fence: Sendable {
    /// Files and folders to be read and executed, besides the system's own.
    package var reads: [String]
    /// Folders below which everything may be done.
    package var changes: [String]
    /// TCP ports to connect to, on any host.
    package var ports: [UInt16]
    package var means: Confinement.Means
    /// Of the shared memory that a program with rooms of its own may make.
    package var sharedBytesMax: Int64 = 256 << 20

    package init(
        reads: [String] = [], changes: [String], ports: [UInt16] = [],
        means: Confinement.Means = Confinement.Kernel.shared.means
    ) {
        self.reads = reads
        self.changes = changes
        self.ports = ports
        self.means = means
    }

    /// What libraries and small programs of the system read: no configuration but what names, certificates and times
    /// need, nothing below /home, /root, /srv or /var, and none of the sockets in /run.
    private static let system =
        ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/sys/devices/system/cpu"]
        + [
            "resolv.conf", "hosts", "host.conf", "nsswitch.conf", "gai.conf", "services", "protocols",
            "passwd",
            "group", "localtime", "timezone", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives",
            "ssl/certs", "ssl/openssl.cnf", "ca-certificates", "ca-certificates.conf", "pki/tls/certs",
            "os-release",
            "locale.conf", "default/locale",
        ].map { "/etc/" + $0 }

    private static let devices = ["null", "zero", "full", "random", "urandom", "tty"].map { "/dev/" + $0 }

    /// One line of what the C side is told.
    private struct Place {
        let source: String
        let target: String
        let use: platform_use
    }

    /// The system's first, for others may lie behind its links; then what lies inside after what it lies in.
    private var places: [Place] {
        var system = Self.system.compactMap { path -> Place? in
            // The folders that are links into /usr stay links.
            if path.utf8.count(where: { $0 == UInt8(ascii: "/") }) == 1, let text = readLink(path) {
                return Place(source: text, target: path, use: PLATFORM_LINK)
            }
            return Self.place(path, PLATFORM_READ)
        }
        system += Self.devices.compactMap { Self.place($0, PLATFORM_DEVICE) }
        let others =
            reads.compactMap { Self.place($0, PLATFORM_READ) }.filter { !Self.isIn(system, $0) }
            + changes.compactMap { Self.place($0, PLATFORM_CHANGE) }
        return system + others.sorted { $0.target < $1.target }
    }

    /// Whether a place can be read through the system's, by the same name.
    private static func isIn(_ system: [Place], _ place: Place) -> Bool {
        system.contains { $0.use == PLATFORM_READ && place.source.hasPrefix($0.source + "/") }
            && system.contains { $0.use != PLATFORM_DEVICE && place.target.hasPrefix($0.target + "/") }
    }

    /// `nil` when nothing is there.
    private static func place(_ path: String, _ use: platform_use) -> Place? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return Place(source: String(cString: real), target: path, use: use)
    }

    /// Lends it to C.
    func withFence<T>(_ body: (UnsafePointer<platform_fence>) -> T) -> T {
        let places = places
        return withCStrings(places.map(\.source)) { sources in
            withCStrings(places.map(\.target)) { targets in
                var list = places.indices.map { index in
                    platform_place(source: sources[index], target: targets[index], use: places[index].use)
                }
                list.append(platform_place(source: nil, target: nil, use: PLATFORM_READ))
                return list.withUnsafeBufferPointer { list in
                    (ports + [0]).withUnsafeBufferPointer { ports in
                        var fence = platform_fence(
                            places: list.baseAddress, ports: ports.baseAddress,
                            landlock: means.contains(.landlock) ? 1 : 0,
                            rooms: means.contains(.rooms) ? 1 : 0,
                            shared_bytes: sharedBytesMax)
                        return body(&fence)
                    }
                }
            }
        }
    }
}

/// Where a symbolic link leads; `nil` when it is none.
private func readLink(_ path: String) -> String? {
    var bytes = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &bytes, bytes.count - 1)
    return count > 0 ? String(decoding: bytes[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
}

/// The shared libraries that this process has loaded, as the loader found them.
package func loadedLibraries() -> [String] {
    var paths: [String] = []
    withUnsafeMutablePointer(to: &paths) { paths in
        platform_libraries(
            { path, with in
                guard let path else { return }
                with?.assumingMemoryBound(to: [String].self).pointee.append(String(cString: path))
            }, paths)
    }
    return paths
}
