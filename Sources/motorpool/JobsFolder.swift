internal import Glibc
internal import Jobs
internal import Platform

/// The folder with a policy file for each kind.
struct JobsFolder: Sendable {
    /// As faults name it.
    let path: String

    /// `jobs` here, or in the nearest folder above the program that has one.
    static func standard() -> JobsFolder {
        if isFolder("jobs") { return JobsFolder(path: "jobs") }
        var folder = program()
        while let slash = folder.lastIndex(of: "/") {
            folder = String(folder[..<slash])
            if isFolder(folder + "/jobs") { return JobsFolder(path: folder + "/jobs") }
        }
        return JobsFolder(path: "jobs")
    }

    /// Reads every policy and checks them together.
    /// - Parameter withTrial: also those of the trial kinds, in the folder `trial` below.
    func load(kinds: [String], withTrial: Bool) -> (definitions: Definitions, faults: [Fault]) {
        var (files, faults) = read(path)
        if withTrial, JobsFolder.isFolder(path + "/trial") {
            let (more, found) = read(path + "/trial")
            let here = Set(files.map(\.kind))
            files += more.filter { !here.contains($0.kind) }
            faults += found
        }
        guard !files.isEmpty || faults.isEmpty else { return (Definitions([]), faults) }
        let (definitions, found) = Definitions.load(files: files, compiledKinds: kinds, folder: path)
        return (definitions, faults + found)
    }

    /// The policies of one folder as text, with a fault for each file that can't be read.
    private func read(_ path: String) -> (
        files: [(kind: String, file: String, text: String)], faults: [Fault]
    ) {
        guard let names = FolderListing.names(in: path) else {
            let message = "the folder can't be read: \(String(cString: strerror(errno)))"
            return ([], [Fault(file: path, message: message)])
        }
        var files: [(kind: String, file: String, text: String)] = []
        var faults: [Fault] = []
        for name in names.sorted() where name.hasSuffix(".conf") && !name.hasPrefix(".") {
            let file = "\(path)/\(name)"
            do {
                files.append((String(name.dropLast(5)), file, try TextFile.read(file, bytesMax: 65_536)))
            } catch {
                faults.append(Fault(file: file, message: "\(error)"))
            }
        }
        return (files, faults)
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func program() -> String {
        guard let path = realpath("/proc/self/exe", nil) else { return "" }
        defer { free(path) }
        return String(cString: path)
    }
}
