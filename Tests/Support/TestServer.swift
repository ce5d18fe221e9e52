import Glibc
package import Postgres

/// The PostgreSQL that `./test` started for this run.
package enum TestServer {
    package struct Missing: Error, CustomStringConvertible {
        package let description: String
    }

    /// Its maintenance database, by its socket.
    package static func settings() throws -> ConnectionSettings {
        ConnectionSettings(url: try variable("MOTORPOOL_TEST_URL"))
    }

    /// The same by loopback, for tests that put something between.
    package static func tcpSettings() throws -> ConnectionSettings {
        ConnectionSettings(url: try variable("MOTORPOOL_TEST_TCP_URL"))
    }

    /// Where the built `motorpool` stands.
    package static func binary() throws -> String { try variable("MOTORPOOL_BINARY") }

    static func variable(_ name: String) throws -> String {
        guard let value = getenv(name), value.pointee != 0 else {
            throw Missing(description: "run ./test, or set \(name)")
        }
        return String(cString: value)
    }
}
