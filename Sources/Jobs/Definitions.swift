/// All kinds of a farm, as one checked whole.
package struct Definitions: Sendable {
    /// By kind.
    package let byKind: [String: Definition]

    package subscript(kind: String) -> Definition? { byKind[kind] }

    package var kinds: [String] { byKind.keys.sorted() }

    /// Queues with the lanes that one process gives each.
    package let lanes: [String: Int]
    /// Hosts with the rate at which the whole cluster may ask each.
    package let hosts: [String: Rate]

    /// For tests and benchmarks that make their definitions in code. Faults are a programmer's error here.
    package init(_ definitions: [Definition]) {
        let checked = Definitions.check(definitions.map { ($0, $0.kind) })
        precondition(checked.faults.isEmpty, "\(checked.faults)")
        self = checked.definitions
    }

    private init(byKind: [String: Definition], lanes: [String: Int], hosts: [String: Rate]) {
        self.byKind = byKind
        self.lanes = lanes
        self.hosts = hosts
    }

    /// Joins the files of `jobs/` and the kinds that are compiled in, and lists every fault at once: a kind without a
    /// file, a file without a kind, two files that disagree about a queue's lanes or a host's rate.
    package static func load(
        files: [(kind: String, file: String, text: String)], compiledKinds: [String], folder: String
    ) -> (definitions: Definitions, faults: [Fault]) {
        var faults: [Fault] = []
        var read: [(Definition, String)] = []
        for (kind, file, text) in files {
            let parsed = DefinitionFile(kind: kind, file: file, text: text)
            faults += parsed.faults
            read.append((parsed.definition, file))
            if !compiledKinds.contains(kind) {
                let known = compiledKinds.sorted().joined(separator: ", ")
                faults.append(
                    Fault(file: file, message: "no kind is called “\(kind)”; the kinds are \(known)"))
            }
        }
        let named = Set(files.map(\.kind))
        for kind in compiledKinds.sorted() where !named.contains(kind) {
            faults.append(Fault(file: "\(folder)/\(kind).conf", message: "the kind “\(kind)” has no file"))
        }
        let checked = check(read)
        return (checked.definitions, faults + checked.faults)
    }

    private static func check(_ read: [(Definition, String)]) -> (definitions: Definitions, faults: [Fault]) {
        var faults: [Fault] = []
        var lanes: [String: (count: Int, file: String)] = [:]
        var hosts: [String: (rate: Rate, file: String)] = [:]
        var queues = Set<String>()
        for (definition, file) in read {
            queues.insert(definition.queue)
            if let count = definition.lanes {
                if let other = lanes[definition.queue], other.count != count {
                    let message =
                        "lanes = \(count) for the queue \(definition.queue), but \(other.file) says \(other.count)"
                    faults.append(Fault(file: file, message: message))
                }
                lanes[definition.queue] = (count, file)
            }
            for (host, rate) in definition.hosts.sorted(by: { $0.key < $1.key }) {
                if let other = hosts[host], other.rate != rate {
                    let message = "host \(host) at \(rate), but \(other.file) says \(other.rate)"
                    faults.append(Fault(file: file, message: message))
                }
                hosts[host] = (rate, file)
            }
        }
        let byKind = Dictionary(read.map { ($0.0.kind, $0.0) }, uniquingKeysWith: { first, _ in first })
        let lanesByQueue = Dictionary(
            uniqueKeysWithValues: queues.map { ($0, lanes[$0]?.count ?? Definition.lanesDefault) })
        let definitions = Definitions(byKind: byKind, lanes: lanesByQueue, hosts: hosts.mapValues(\.rate))
        return (definitions, faults)
    }
}
