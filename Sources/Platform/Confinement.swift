internal import CPlatform
import Glibc

/// Gives up what the work of a stranger does not need.
package enum Confinement {
    /// The system refused.
    package struct Refused: Error, CustomStringConvertible {
        package let code: Int32
        package var description: String {
            "this process can't be confined: \(String(cString: strerror(code)))"
        }
    }

    /// Parts of the kernel that keep a program inside its fence.
    package struct Means: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Rules for files, TCP, signals and abstract sockets, as far as its version knows them.
        package static let landlock = Means(rawValue: 1)
        /// Namespaces: processes, shared memory and a view of files of its own.
        package static let rooms = Means(rawValue: 2)
    }

    /// From here on this thread, and all that it starts, reads and writes files below these folders alone, besides reading
    /// the system's libraries and what the kernel tells everybody of processes, and opens no socket; as far as the kernel
    /// knows Landlock and seccomp. What is open stays open. There is no way back.
    ///
    /// Other threads of the process stay as they are: to be called while there are none.
    /// - Throws: `Refused`
    package static func enter(_ folders: [String]) throws {
        // What the process has loaded it may have to load more of.
        let code = Fence(reads: loadedLibraries(), changes: folders, means: .landlock).withFence {
            platform_confine($0)
        }
        guard code == 0 else { throw Refused(code: code) }
    }
}

extension Confinement {
    /// What this kernel, and what is around us, offers to keep programs in.
    package struct Kernel: Sendable, Equatable {
        /// The version of Landlock; 0 for none.
        package let landlock: Int
        /// Why a program can't be given rooms of its own; `nil` when it can.
        package let roomless: String?

        package init(landlock: Int, roomless: String?) {
            self.landlock = landlock
            self.roomless = roomless
        }

        /// Asked once, by a try.
        package static let shared: Kernel = {
            let code = platform_rooms()
            return Kernel(
                landlock: max(0, Int(platform_landlock())),
                roomless: code == 0 ? nil : String(cString: strerror(code)))
        }()

        /// All that can be used.
        package var means: Means {
            var means: Means = []
            if landlock > 0 { means.insert(.landlock) }
            if roomless == nil { means.insert(.rooms) }
            return means
        }

        /// The versions in words.
        package var words: String {
            let version = landlock > 0 ? "Landlock ABI \(landlock)" : "no Landlock"
            return "\(version), \(roomless.map { "no namespaces (\($0))" } ?? "namespaces")"
        }

        /// What a program in a slot can do although it should not, when these means are used.
        package func gaps(with means: Means) -> [String] {
            let version = means.contains(.landlock) ? landlock : 0
            let hasRooms = means.contains(.rooms)
            var gaps: [String] = []
            if version < 1, !hasRooms {
                gaps.append("read and write every file of the farm's account")
            } else if version < 3, !hasRooms {
                gaps.append("cut files of the farm's account to length 0")
            }
            if !hasRooms {
                gaps.append(
                    "connect to named unix sockets, change the modes and times of the account's files")
            }
            if version < 6, !hasRooms { gaps.append("send signals to the farm, and outlive its session") }
            if version < 4 { gaps.append("connect to every TCP port, on this machine, too") }
            if version < 6 { gaps.append("connect to abstract unix sockets") }
            return gaps
        }
    }

    /// How strictly the operator wants programs in slots to be kept.
    package enum Demand: String, Sendable, CaseIterable {
        /// With all that the kernel offers.
        case available
        /// The same, and a farm does not start where something is missing.
        case required
        /// Without Landlock, to look for a fault.
        case withoutLandlock = "without-landlock"
        /// Without namespaces, to look for a fault.
        case withoutNamespaces = "without-namespaces"
        /// With neither.
        case none

        /// What of the kernel's offer is used.
        package func means(of kernel: Kernel) -> Means {
            switch self {
            case .available, .required: kernel.means
            case .withoutLandlock: kernel.means.subtracting(.landlock)
            case .withoutNamespaces: kernel.means.subtracting(.rooms)
            case .none: []
            }
        }
    }
}
