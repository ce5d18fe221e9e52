/// A connection URI, taken apart just enough to point it elsewhere.
package struct Address: Sendable, Equatable {
    /// Up to the database: `postgresql://user:password@host:port/`.
    private var head: String
    package var database: String
    /// From the question mark on, with it; empty when there is none.
    private var tail: String

    /// - Parameter url: A URI that names a database, like those that `./test` hands out.
    package init(_ url: String) {
        let scheme = url.range(of: "://")!
        let slash = url[scheme.upperBound...].firstIndex(of: "/")!
        let end = url[slash...].firstIndex(of: "?") ?? url.endIndex
        head = String(url[...slash])
        database = String(url[url.index(after: slash)..<end])
        tail = String(url[end...])
    }

    package var url: String { head + database + tail }

    /// The same server in another database.
    package func database(_ name: String) -> Address {
        var copy = self
        copy.database = name
        return copy
    }

    /// The same conversation through another port on loopback: a proxy's, or a pooler's.
    package func port(_ port: Int) -> Address {
        var copy = self
        let colon = head.lastIndex(of: ":")!
        copy.head = head[...colon] + "\(port)/"
        return copy
    }

    /// The port of an address by loopback.
    package var port: Int? {
        head.lastIndex(of: ":").flatMap { Int(head[head.index(after: $0)...].dropLast()) }
    }
}

extension StringProtocol {
    /// Foundation's word for it, without Foundation.
    fileprivate func range(of needle: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
            start = index(after: start)
        }
        return nil
    }
}
