extension Duration {
    /// Reads `250ms`, `10s`, `5m`, `3h`, `2d` and joins like `1h30m`. `nil` for anything else, signs included, and for
    /// more than 100 years, which nothing waits for.
    package init?(text: String) {
        var rest = Substring(text)
        var total = Duration.zero
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let amount = Double(digits), amount < 1e9, let scale = Duration.seconds(inUnit: unit) else {
                return nil
            }
            total += .seconds(amount * scale)
            guard total <= .seconds(3_155_760_000) else { return nil }
        }
        self = total
    }

    private static func seconds(inUnit unit: Substring) -> Double? {
        switch unit {
        case "ms": 0.001
        case "s": 1
        case "m": 60
        case "h": 3600
        case "d": 86400
        default: nil
        }
    }

    /// The shortest exact words for whole units (`90s`, `5m`, `1h30m`), otherwise seconds with up to three decimals.
    package var text: String {
        // Bounded, because a kind may snooze for as long as it likes.
        let milliseconds = Int64((min(max(inSeconds, -9e15), 9e15) * 1000).rounded())
        guard milliseconds >= 0 else { return "-" + (Duration.zero - self).text }
        guard milliseconds > 0 else { return "0s" }
        guard milliseconds % 1000 == 0 else {
            if milliseconds < 1000 { return "\(milliseconds)ms" }
            let fraction = String(1000 + milliseconds % 1000).dropFirst()
            return "\(milliseconds / 1000).\(fraction)s"
        }
        var seconds = milliseconds / 1000
        var words = ""
        for (unit, size) in [("d", Int64(86400)), ("h", 3600), ("m", 60), ("s", 1)] where seconds >= size {
            words += "\(seconds / size)\(unit)"
            seconds %= size
        }
        return words
    }
}
