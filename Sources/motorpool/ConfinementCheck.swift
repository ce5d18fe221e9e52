internal import Jobs
internal import Platform

/// Whether programs of strangers can be kept in their slots here, for the log, the doctor and an operator who insists.
enum ConfinementCheck {
    /// What a program in a slot could do although it should not.
    static func gaps(_ settings: Settings) -> [String] {
        let kernel = Confinement.Kernel.shared
        return kernel.gaps(with: settings.confinement.means(of: kernel))
    }

    /// - Throws: `Refusal` when the operator wants all of it (`MOTORPOOL_CONFINEMENT=required`), and something is missing.
    static func require(_ settings: Settings) throws {
        guard settings.confinement == .required else { return }
        let gaps = gaps(settings)
        guard gaps.isEmpty else {
            throw Refusal(
                "MOTORPOOL_CONFINEMENT=required, and with this kernel (\(Confinement.Kernel.shared.words)) a program in "
                    + "a slot could \(gaps.joined(separator: "; "))", .configuration)
        }
    }

    /// Says at the start how well they are kept.
    static func tell(_ settings: Settings, _ log: Log) {
        let gaps = gaps(settings)
        log.say(
            gaps.isEmpty ? .info : .warning, "confinement", words(settings, gaps),
            [
                ("landlock", .int(Int64(Confinement.Kernel.shared.landlock))),
                ("namespaces", .bool(Confinement.Kernel.shared.roomless == nil)),
                ("gaps", .array(gaps.map { .string($0) })),
            ])
    }

    /// For the doctor.
    static func finding(_ settings: Settings) -> Finding {
        let gaps = gaps(settings)
        let level: Finding.Level = gaps.isEmpty ? .fine : settings.confinement == .required ? .bad : .warning
        return Finding(level, "confinement", words(settings, gaps))
    }

    private static func words(_ settings: Settings, _ gaps: [String]) -> String {
        let kernel = Confinement.Kernel.shared.words
        let how =
            settings.confinement == .available
            ? "" : ", MOTORPOOL_CONFINEMENT=\(settings.confinement.rawValue)"
        guard !gaps.isEmpty else {
            return "steamcmd and archives are confined to their slots (\(kernel)\(how))"
        }
        return
            "steamcmd and archives are not fully confined (\(kernel)\(how)): code in a slot could \(gaps.joined(separator: "; "))"
    }
}
