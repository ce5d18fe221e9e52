import Postgres
import Testing

@Suite("The address of a database")
struct AddressTests {
    /// What opening a session at the address fails with, without a network in most cases.
    private func words(_ url: String) throws -> String {
        let settings = ConnectionSettings(url: url, connectTimeout: .milliseconds(500))
        let error = try #require(
            try failure { try Session.open(settings, deadline: .seconds(2)) }, "it connected")
        return "\(error) \(error.explanation) \(String(reflecting: error))"
    }

    @Test(
        "R11: that has a fault says which character to write how, and nothing of the password",
        arguments: [
            ("postgres://farm:Sesa%me77@h/d", "%25"), ("postgres://farm:Sesa%00me77@h/d", "%00"),
            ("postgres://farm:Sesame77%@h/d", "%25"), ("postgres://farm:Se@same77@h/d", "%40"),
            ("postgres://Sesame77@x:p@h/d", "%40"), ("postgres://farm:Se@same77@h:1,i:2/d", "%40"),
            ("postgres://farm:Ses/ame77@h/d", "%2F"), ("postgres://farm:Ses/am@e77@h/d", "%2F"),
            ("postgres://farm:Ses/am?e77@h/d", "%2F"), ("postgres://farm:Ses/am?e77=x@h/d", "%2F"),
            ("postgres://farm:Sesame77/d", "no port"), ("postgres://h:Sesame77/d", "no port"),
            ("postgres://h:99999/d", "no port"), ("postgres://h:/d?port=0", "port"),
            ("postgres://u:Sesame77@[::1/d", "lacks the ]"), ("postgres://u:Sesame77@::1/d", "no port"),
            ("postgres://u@h/d?password=Sesame%77%7", "the parameters"),
            ("postgres://u@h/d?password=Sesame77&schema=x", "“schema”"),
            ("postgres://u@h/d?options=-c search_path=x", "“options”"),
            ("postgres://u@h/d?Sesame77", "without ="), ("postgres://u:p@x?Sesame77=y@h/d", "parameter"),
            ("host=h password=Se same77", "behind the password"),
            ("password=Se same77=1 host=h", "behind the password"),
            ("host=h password='Sesame77", "“password”"),
            ("host=h password='Se'same77 port=1", "behind the password"),
            ("host=h pasword=Sesame77", "“pasword”"), ("host=h user port=1", "“user”"),
            ("host=h =Sesame77", "neither"),
        ])
    func faults(_ url: String, _ word: String) throws {
        let words = try words(url)
        #expect(words.contains(word), "\(words)")
        for piece in ["Sesame77", "same77", "ame77", "e77", "77", "Sesa"] {
            #expect(!words.contains(piece), "\(words)")
        }
    }

    @Test(
        "R11: with a parameter that the library does not know names it, and a value that it refuses as well",
        arguments: [
            ("postgres://farm:Sesame77@127.0.0.1:1/farm?schema=public", "“schema”"),
            ("postgres://farm:Sesame77@127.0.0.1:1/farm?pgbouncer=true&connection_limit=1", "“pgbouncer”"),
            ("postgres://farm:Sesame77@127.0.0.1:1/farm?sslmode=no-verify", "no-verify"),
            ("host=127.0.0.1 sslmode=no-verify password=Sesame77", "no-verify"),
            ("postgres://farm:Sesame77@127.0.0.1:1/farm?ssl=yes", "“ssl”"),
        ])
    func parameters(_ url: String, _ word: String) throws {
        let words = try words(url)
        #expect(words.contains(word) && !words.contains("Sesame77"), "\(words)")
    }

    @Test(
        "is read as libpq reads it",
        arguments: [
            ("postgres://we%40ird%3Aus%2Fer:p%40ss%2Fw%3Ard%25@127.0.0.1:1/we%20ird%25db", "127.0.0.1:1"),
            ("postgres://u:p?x#y@127.0.0.1:1/d?ssl=true&connect_timeout=1", "127.0.0.1:1"),
            ("postgres://127.0.0.1:1/d?user=me@example.org", "127.0.0.1:1"),
            ("postgres:///d?host=/nowhere&user=a@b", "/nowhere"),
            ("postgresql://u@[::1]:1,127.0.0.1:2/d", "::1:1"),
            ("  host = 127.0.0.1  port=1 password = 'it\\'s \\\\ a=b' dbname='x y'", "127.0.0.1:1"),
            ("postgres://127.0.0.1:1/d?options=-c%20search_path%3Devil", "127.0.0.1:1"),
        ])
    func good(_ url: String, _ place: String) throws {
        let words = try words(url)
        #expect(words.contains("cannot be reached: \(place)"), "\(words)")
    }
}
