import Glibc
import Platform
import Postgres
import TestSupport
import Testing

@Suite("The way to a server on another machine")
struct ProtectionTests {
    @Test(
        "is verified unless the address says otherwise itself (M7)",
        arguments: [
            ("postgres://farm@db.example/farm", "verify-full"), ("host=192.0.2.7", "verify-full"),
            ("host=2001:db8::7", "verify-full"), ("host=db.example hostaddr=127.0.0.1", "verify-full"),
            ("host=localhost hostaddr=192.0.2.7", "verify-full"),
            ("postgres://farm@localhost.example/farm", "verify-full"),
            ("postgres://farm@db.example/farm?sslmode=require", "require"),
            ("postgres://farm@db.example/farm?ssl=true", "require"),
            ("host=db.example sslmode=disable", "disable"),
        ])
    func verified(_ url: String, _ mode: String) throws {
        let places = try ConnectionSettings(url: url).placesElsewhere()
        #expect(places.map(\.sslmode) == [mode])
    }

    @Test(
        "is none where the server is on this machine (M7)",
        arguments: [
            "postgres://farm@localhost/farm", "postgres://farm@127.0.0.1:5433/farm", "host=::1",
            "host=/run/postgresql", "host=/tmp,127.8.8.8", "dbname=farm", "host=@abstract",
            "postgres:///farm", "host=localhost hostaddr=127.0.0.1",
        ])
    func local(_ url: String) throws {
        #expect(try ConnectionSettings(url: url).placesElsewhere().isEmpty)
    }

    @Test("of several hosts each is judged for itself (M7)")
    func several() throws {
        let places = try ConnectionSettings(url: "host=127.0.0.1,db.example port=1,2").placesElsewhere()
        #expect(places.map(\.place) == ["db.example:2"])
    }

    @Test(
        "a server without TLS is refused in one sentence with both cures, and taken when the address says so (M7)"
    )
    func refused() async throws {
        var settings = try TestServer.tcpSettings()
        // The same server under a name, as on another machine, and without the choice that the suite's address makes.
        settings.url =
            settings.url.replacing("127.0.0.1", with: "db.example")
            .replacing("sslmode=disable", with: "hostaddr=127.0.0.1")
        #expect(settings.url.contains("db.example") && settings.url.contains("hostaddr"))
        let error = try failure { try Session.open(settings, deadline: .seconds(5)) }
        let words = try #require(error).explanation
        #expect(words.contains("sslrootcert="), "\(words)")
        #expect(words.contains("sslmode="))
        #expect(!words.contains("\n"))
        settings.url += "&sslmode=disable"
        let session = try Session.open(settings, deadline: .seconds(5))
        session.close()
    }
}
