internal import Glibc

/// A date as HTTP writes it (RFC 9110, 5.6.7), in whole seconds since 1970.
package enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// As in `Sun, 06 Nov 1994 08:49:37 GMT`.
    package static func text(_ seconds: Int) -> String {
        var time = tm()
        var moment = time_t(seconds)
        gmtime_r(&moment, &time)
        let date = "\(padded(time.tm_mday)) \(months[Int(time.tm_mon)]) \(time.tm_year + 1900)"
        let day = days[(((seconds >= 0 ? seconds : seconds - 86_399) / 86_400) % 7 + 7) % 7]
        return "\(day), \(date) \(padded(time.tm_hour)):\(padded(time.tm_min)):\(padded(time.tm_sec)) GMT"
    }

    /// Reads the form above and both that are older; `nil` for anything else.
    package static func seconds(_ text: String) -> Int? {
        let words = text.split { $0 == " " || $0 == "," || $0 == "-" }
        switch words.count {
        case 6 where words[5] == "GMT":
            return seconds(day: words[1], month: words[2], year: words[3], time: words[4])
        case 5:
            return seconds(day: words[2], month: words[1], year: words[4], time: words[3])
        default:
            return nil
        }
    }

    private static func seconds(day: Substring, month: Substring, year: Substring, time: Substring) -> Int? {
        let clock = time.split(separator: ":", omittingEmptySubsequences: false)
        guard let month = months.firstIndex(of: String(month)), clock.count == 3,
            let day = number(day, 1...31), var year = number(year, 0...9999),
            let hour = number(clock[0], 0...23), let minute = number(clock[1], 0...59),
            let second = number(clock[2], 0...60)
        else { return nil }
        // Two digits are of the fifty years around us that come nearest; nobody writes them any more.
        if year < 100 { year += year < 70 ? 2000 : 1900 }
        var fields = tm()
        fields.tm_mday = Int32(day)
        fields.tm_mon = Int32(month)
        fields.tm_year = Int32(year - 1900)
        fields.tm_hour = Int32(hour)
        fields.tm_min = Int32(minute)
        fields.tm_sec = Int32(second)
        return timegm(&fields)
    }

    private static func number(_ text: Substring, _ range: ClosedRange<Int>) -> Int? {
        guard text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let number = Int(text), range ~= number else {
            return nil
        }
        return number
    }

    private static func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
