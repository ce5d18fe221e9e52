/// Reads what a client says to PostgreSQL and cuts it into batches: everything up to the point where the client
/// begins to wait.
///
/// Knows of each batch whether it claims, settles or commits, by the text of the statements that were parsed on this
/// connection.
struct WireReader {
    /// What a batch does, as far as the faults care.
    enum Deed: Sendable, CaseIterable {
        case settle
        case claim
        case commit
        case enqueue
    }

    struct Batch {
        let bytes: [UInt8]
        let deeds: Set<Deed>
    }

    private var inbox: [UInt8] = []
    private var hasStarted = false
    /// A message from which on nothing is understood: encryption, or a cancel request.
    private var isOpaque = false
    private var statements: [String: Set<Deed>] = [:]
    private var bytes: [UInt8] = []
    private var deeds: Set<Deed> = []

    /// Takes what arrived and returns the batches that are complete now.
    mutating func read(_ arrived: ArraySlice<UInt8>) -> [Batch] {
        inbox.append(contentsOf: arrived)
        var batches: [Batch] = []
        var position = 0
        while let length = messageLength(at: position) {
            let message = inbox[position..<(position + length)]
            position += length
            bytes.append(contentsOf: message)
            if take(message) {
                batches.append(Batch(bytes: bytes, deeds: deeds))
                bytes = []
                deeds = []
            }
        }
        inbox.removeFirst(position)
        return batches
    }

    /// The length of the complete message at `position`, if it is complete.
    private func messageLength(at position: Int) -> Int? {
        let left = inbox.count - position
        if isOpaque { return left > 0 ? left : nil }
        let type = hasStarted ? 1 : 0
        guard left >= type + 4 else { return nil }
        let length = type + Int(number(inbox, at: position + type))
        return left >= length ? length : nil
    }

    private func number(_ bytes: [UInt8], at position: Int) -> UInt32 {
        bytes[position..<(position + 4)].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// - Returns: whether the message ends a batch.
    private mutating func take(_ message: ArraySlice<UInt8>) -> Bool {
        guard !isOpaque, hasStarted else {
            hasStarted = number(Array(message.prefix(8)), at: 4) == 196_608
            isOpaque = !hasStarted
            return true
        }
        let body = message.dropFirst(5)
        switch message.first {
        case UInt8(ascii: "P"):
            let name = WireReader.text(body)
            statements[name] = WireReader.deeds(of: WireReader.text(body.dropFirst(name.utf8.count + 1)))
            return false
        case UInt8(ascii: "B"):
            let portal = WireReader.text(body)
            deeds.formUnion(statements[WireReader.text(body.dropFirst(portal.utf8.count + 1))] ?? [])
            return false
        case UInt8(ascii: "Q"):
            deeds.formUnion(WireReader.deeds(of: WireReader.text(body)))
            return true
        case UInt8(ascii: "D"), UInt8(ascii: "E"), UInt8(ascii: "C"):
            return false
        default:
            return true
        }
    }

    /// Up to the first zero.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    private static func deeds(of statement: String) -> Set<Deed> {
        var deeds: Set<Deed> = []
        if statement.contains("motorpool.settle(") || statement.contains("DELETE FROM motorpool.jobs j") {
            deeds.insert(.settle)
        }
        if statement.contains("SET state = 1, run = run + 1") { deeds.insert(.claim) }
        if statement == "COMMIT" { deeds.insert(.commit) }
        if statement.contains("INSERT INTO motorpool.jobs") || statement.contains("motorpool.put(") {
            deeds.insert(.enqueue)
        }
        return deeds
    }
}
