/// A word in the environment of a program, by which its processes are known again.
struct ChildMark: Sendable, Equatable {
    static let name = "MOTORPOOL_CHILD"

    /// 32 hexadecimal digits that nobody else has.
    let token: String

    static func fresh() -> ChildMark {
        var dice = SystemRandomNumberGenerator()
        let digits = (0..<32).map { _ in Array("0123456789abcdef")[Int.random(in: 0..<16, using: &dice)] }
        return ChildMark(token: String(digits))
    }

    init(token: String) { self.token = token }

    /// As it stands in `/proc/PID/environ`, between NULs.
    var bytes: [UInt8] { Array("\(Self.name)=\(token)".utf8) }
}
