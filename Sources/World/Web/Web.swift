internal import Platform

/// Asks the web, within bounds: libcurl on a thread of its own, with an `async` face.
///
/// Every address is judged where it counts: on the socket about to be connected, on each hop of a redirect. Redirects
/// are followed hop by hop, with the caller's fields and body only to the host that they were meant for. Proxies of the
/// environment, cookies, netrc and protocols other than http and https are not used. Cancelling the task that asks ends
/// the transfer.
package final class Web: Sendable {
    private let settings: WebSettings
    private let loop: CurlLoop

    package init(settings: WebSettings = WebSettings()) {
        self.settings = settings
        loop = CurlLoop(settings)
    }

    deinit { loop.stop() }

    /// Asks, and keeps the body in memory.
    /// - Throws: `WebError`. Any status is an answer.
    package func fetch(_ request: WebRequest) async throws(WebError) -> WebAnswer {
        try await ask(request, part: nil, progress: nil)
    }

    /// Asks with GET, and writes the body of a 200 into `file`, going on where an earlier download of the same version
    /// ended. Not durable before `DownloadFile.publish`.
    ///
    /// - Parameter progress: called on the loop's thread, at most five times a second and at the end; must not wait.
    /// - Returns: the answer; `fileBytes` tells that the file is whole. With any other status the file is as it was.
    /// - Throws: `WebError`. What has come stays in the file for the next call, except after `.protocol`.
    package func download(
        _ request: WebRequest, to file: DownloadFile,
        progress: (@Sendable (WebProgress) -> Void)? = nil
    ) async throws(WebError) -> WebAnswer {
        var request = request
        (request.method, request.body) = (.get, nil)
        let part = try PartFile(file)
        // Here, as the loop may hold the transfer a moment longer than we wait for it.
        defer { part.close() }
        return try await ask(request, part: part, progress: progress)
    }

    /// Ends everything under way with `WebError.closed` and waits for the thread. A second time does nothing.
    package func close() async {
        loop.stop()
        await loop.ended()
    }

    // MARK: Hops

    private func ask(
        _ request: WebRequest, part: PartFile?, progress: (@Sendable (WebProgress) -> Void)?
    ) async throws(WebError) -> WebAnswer {
        try request.checkHeaders()
        var trip = Trip(request, at: try WebAddress(request.address))
        // What a host says to a beginning that it no longer has, is asked once more without it.
        var mayBeginAnew = true
        while true {
            try check(trip.address, request)
            do { try await request.admit?(trip.address.host) } catch is CancellationError {
                throw .cancelled
            } catch {
                throw .notAdmitted("\(error)")
            }
            let began = BootClock.now
            let hop = try await hop(trip, request, part, progress)
            trip.left -= BootClock.now - began
            trip.wireBytes += hop.wireBytes
            if hop.mustBeginAnew, mayBeginAnew, let part {
                mayBeginAnew = false
                try part.clear()
            } else if try trip.follow(hop, request) {
                continue
            } else {
                return WebAnswer(
                    status: hop.status, headers: hop.headers, body: hop.body, wireBytes: trip.wireBytes,
                    address: trip.address, redirects: trip.redirects, fileBytes: hop.isFile ? part?.size : nil
                )
            }
        }
    }

    /// What can be said before anything is asked; the socket is judged besides.
    private func check(_ address: WebAddress, _ request: WebRequest) throws(WebError) {
        if let hosts = request.hosts, !address.isOn(hosts) {
            throw .refusedAddress("\(address.host) is none of the hosts that may be asked")
        }
        if let literal = NetworkAddress(address.host), !settings.allows(literal, port: address.port) {
            throw .refusedAddress("\(literal) port \(address.port)")
        }
    }

    private func hop(
        _ trip: Trip, _ request: WebRequest, _ part: PartFile?, _ progress: (@Sendable (WebProgress) -> Void)?
    ) async throws(WebError) -> Hop {
        var headers = trip.headers
        if let part, part.size > 0, let validator = part.validator {
            headers += [("Range", "bytes=\(part.size)-"), ("If-Range", validator)]
        }
        let ticket = Lock<(order: TransferOrder?, isCancelled: Bool)>((nil, false))
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let order = TransferOrder(
                    address: trip.address, request: request, method: trip.method, headers: headers,
                    body: trip.body, part: part, progress: progress, deadline: BootClock.now + trip.left,
                    continuation: continuation)
                // Either the cancellation finds the order, or we see the cancellation.
                let isCancelled = ticket.withLock { ticket in
                    ticket.order = order
                    return ticket.isCancelled
                }
                guard !isCancelled else { return order.end(.failure(.cancelled)) }
                self.loop.submit(order)
                // One that came just before was told to a loop that did not know the order yet. Twice is once.
                if ticket.withLock({ $0.isCancelled }) { self.loop.cancel(order) }
            }
        } onCancel: {
            let order = ticket.withLock { ticket in
                ticket.isCancelled = true
                return ticket.order
            }
            if let order { self.loop.cancel(order) }
        }
        return try result.get()
    }
}

/// A request on its way over the hops of its redirects.
private struct Trip {
    var address: WebAddress
    var method: WebRequest.Method
    var headers: [(name: String, value: String)]
    var body: [UInt8]?
    var left: Duration
    var redirects = 0
    var wireBytes: Int64 = 0

    init(_ request: WebRequest, at address: WebAddress) {
        self.address = address
        method = request.method
        headers = request.headers
        body = request.body
        left = request.timeLimit
    }

    /// Turns to where the answer sends us.
    /// - Returns: false when it is the last.
    mutating func follow(_ hop: Hop, _ request: WebRequest) throws(WebError) -> Bool {
        guard [301, 302, 303, 307, 308].contains(hop.status), request.redirectsMax > 0,
            let location = hop.headers.first(named: "location")
        else { return false }
        guard redirects < request.redirectsMax else { throw .tooManyRedirects(max: request.redirectsMax) }
        let next = try address.following(location)
        if address.scheme == "https", next.scheme == "http" {
            throw .refusedAddress("a redirect from https to http")
        }
        // As every browser does: only 307 and 308 promise to keep the question.
        let becomesGet = hop.status == 303 || (hop.status < 303 && method == .post)
        if becomesGet, method != .head { (method, body) = (.get, nil) }
        if !next.isSameOrigin(as: address) {
            guard body == nil else { throw .refusedAddress("a redirect that takes the body to \(next.host)") }
            headers = []
        }
        if body == nil { headers.removeAll { $0.name.lowercased().hasPrefix("content-") } }
        address = next
        redirects += 1
        return true
    }
}
