internal import HTTPServer
internal import Jobs
internal import Store

/// One request to the desk.
struct DeskExchange: Sendable {
    let desk: Desk
    private let exchange: Exchange

    init(_ exchange: Exchange, at desk: Desk) {
        self.exchange = exchange
        self.desk = desk
    }

    var request: Request { exchange.request }
    var query: Fields { exchange.query }
    var caller: Caller { exchange.caller }
    var store: Store { exchange.store }

    subscript(_ name: String) -> String { exchange[name] }

    func jobID() throws(Problem) -> JobID { try exchange.jobID() }

    func form() async throws -> Fields { try await exchange.form() }

    func note(_ job: JobID) { exchange.note(job) }

    /// Charges a wrong token to the caller's address.
    /// - Throws: `Problem` 429.
    func chargeWrongToken() async throws(Problem) { try await exchange.front.chargeWrongToken(by: caller) }

    /// A field of the next page's address that makes it say what was done.
    func flash(_ code: String) async throws -> (String, String?) { ("flash", try await desk.seal(code)) }

    /// As the audit ledger names the caller.
    var actor: Operator { Operator(name: caller.name, address: caller.address) }

    var isSecure: Bool {
        if request.headers["X-Forwarded-Proto"]?.lowercased() == "https" { return true }
        let host = request.headers["Host"] ?? ""
        let name =
            host.hasPrefix("[") ? String(host.prefix { $0 != "]" }) + "]" : String(host.prefix { $0 != ":" })
        return
            !(["localhost", "127.0.0.1", "[::1]"].contains(name)
            && ["127.0.0.1", "::1"].contains(request.peer))
    }

    /// Who reads, and what their forms carry.
    func visitor() async throws -> Visitor {
        Visitor(caller: caller, proof: caller.means == .session ? try await desk.proof(for: request) : "")
    }

    /// Refuses a write that did not come from a page of this desk, before anything is done.
    ///
    /// A bearer's token needs no proof: no other site can make a browser send it.
    /// - Returns: the fields of the form.
    /// - Throws: `Problem` 403.
    @discardableResult
    func guardForm() async throws -> Fields {
        let form = try await form()
        switch caller.means {
        case .token: return form
        case .nothing: throw Problem(401, "no_token", "log in first")
        case .session: try refuseOtherSites()
        }
        guard let proof = try form.one("proof"), try await desk.isProof(proof, for: request) else {
            throw Problem(
                403, "forged",
                "this form is not from your session: load the page again and repeat what you did")
        }
        return form
    }

    /// - Throws: `Problem` 403 when the browser does not say that a page of this very site sent the request.
    func refuseOtherSites() throws(Problem) {
        let refusal = Problem(403, "other_site", "this request does not come from a page of this desk")
        if let site = request.headers["Sec-Fetch-Site"] {
            guard site == "same-origin" else { throw refusal }
            return
        }
        // Browsers without fetch metadata still say the origin of a POST.
        guard let origin = request.headers["Origin"], let host = request.headers["Host"], !host.isEmpty,
            origin == "https://\(host)" || origin == "http://\(host)"
        else { throw refusal }
    }
}
