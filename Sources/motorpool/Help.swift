/// The help, made from the commands.
enum Help {
    static var overview: String {
        let width = CommandList.listed.map { $0.name.count }.max() ?? 0
        let commands = CommandList.listed.map { "  \($0.name.padded(to: width))  \($0.summary)" }
        let codes = ExitCode.allCases.map { "  \(String($0.rawValue).padded(to: 3))  \($0.meaning)" }
        return """
            motorpool: a job queue in PostgreSQL and the farm that works it

            Usage: motorpool COMMAND [flags]

            \(commands.joined(separator: "\n"))

            motorpool help COMMAND tells more. Exit codes:

            \(codes.flatMap { $0.folded(to: Console.widthMax, indent: 7) }.joined(separator: "\n"))
            """
    }

    static func page(of command: any Command.Type) -> String {
        let operands = command.operands.map { $0.isRequired ? " \($0.name)" : " [\($0.name)]" }.joined()
        let flags = command.allFlags
        var page = "\(command.name): \(command.summary)\n\nUsage: motorpool \(command.name)\(operands)"
        if !flags.isEmpty { page += " [flags]\n\n" + lines(flags).joined(separator: "\n") }
        if !command.notes.isEmpty { page += "\n\n" + command.notes }
        return page
    }

    private static func lines(_ flags: [Flag]) -> [String] {
        let heads = flags.map { "  \($0.name)" + ($0.value.map { " \($0)" } ?? "") }
        let width = heads.map(\.count).max() ?? 0
        return zip(heads, flags).flatMap { head, flag in
            "\(head.padded(to: width))  \(flag.help)".folded(to: Console.widthMax, indent: width + 2)
        }
    }
}

extension String {
    /// With spaces behind it, at least `width` characters long.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

    /// With spaces before it, at least `width` characters long.
    func padded(leftTo width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }

    /// Broken at spaces into lines of at most `width` characters, all but the first indented.
    func folded(to width: Int, indent: Int) -> [String] {
        var lines: [String] = []
        var rest = Substring(self)
        while rest.count > width {
            let limit = rest.index(rest.startIndex, offsetBy: width)
            let body = rest.index(rest.startIndex, offsetBy: lines.isEmpty ? 0 : indent)
            guard let space = rest[body..<limit].lastIndex(of: " "), space > body else { break }
            lines.append(String(rest[..<space]))
            rest = Substring(String(repeating: " ", count: indent) + rest[space...].drop { $0 == " " })
        }
        return lines + [String(rest)]
    }

    /// At most `width` characters, the last one telling that there were more.
    func cut(to width: Int) -> String { count <= width ? self : prefix(max(0, width - 1)) + "…" }
}
