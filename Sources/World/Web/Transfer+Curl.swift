internal import CCurl
internal import Glibc

extension Transfer {
    /// Makes the handle for an order; `nil` when libcurl has no memory.
    static func make(_ order: TransferOrder, _ settings: WebSettings) -> Transfer? {
        guard let easy = curl_easy_init() else { return nil }
        let transfer = Transfer(order, settings, easy)
        transfer.setManners()
        transfer.setQuestion()
        transfer.setCallbacks()
        return transfer
    }

    private func setManners() {
        // What the environment says of proxies, and what a home folder holds, is not for a farm: settings come from above.
        curl_set_text(easy, CURLOPT_PROXY, "")
        curl_set_long(easy, CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
        curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        curl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0)
        curl_set_long(easy, CURLOPT_PATH_AS_IS, 1)
        curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
        // One transfer a connection: what is bounded a host is then what the host sees.
        curl_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        curl_set_long(easy, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        // A name server that does not answer would hold up every transfer until it does, when one of them is ended.
        curl_set_long(easy, CURLOPT_QUICK_EXIT, 1)
        // It makes libcurl share the time among the addresses of a host. Ours comes first, while there is still to be
        // seen what took so long.
        let share = order.request.connectTimeLimit + .seconds(1)
        curl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(share))
        curl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
    }

    private func setQuestion() {
        curl_set_text(easy, CURLOPT_URL, order.address.text)
        curl_set_text(easy, CURLOPT_USERAGENT, settings.userAgent)
        // An empty Expect keeps libcurl from waiting for a permission to send. What comes packed is unpacked by us.
        let isPacked = order.part == nil && order.request.acceptsCompression
        let own = ["Expect:"] + (isPacked ? ["Accept-Encoding: gzip, br"] : [])
        append(own + order.headers.map { "\($0.name): \($0.value)" }, CURLOPT_HTTPHEADER)
        switch order.method {
        case .get: curl_set_long(easy, CURLOPT_HTTPGET, 1)
        case .head: curl_set_long(easy, CURLOPT_NOBODY, 1)
        case .post: curl_set_long(easy, CURLOPT_POST, 1)
        case .put, .delete: break
        }
        if let body = order.body ?? (order.method == .post || order.method == .put ? [] : nil) {
            curl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
            // Copied, so that nobody has to keep it.
            body.withUnsafeBytes { bytes in
                var nothing: UInt8 = 0
                withUnsafeMutableBytes(of: &nothing) { empty in
                    let start = bytes.baseAddress ?? UnsafeRawPointer(empty.baseAddress!)
                    curl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: start))
                }
            }
        }
        if order.method == .put || order.method == .delete {
            curl_set_text(easy, CURLOPT_CUSTOMREQUEST, order.method.rawValue)
        }
        if let addresses = settings.resolve?(order.address.host, order.address.port) {
            let name = "\(order.address.host):\(order.address.port)"
            append(["+\(name):\(addresses.joined(separator: ","))"], CURLOPT_RESOLVE)
        }
    }

    private func append(_ lines: [String], _ option: CURLoption) {
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines { list = curl_slist_append(list, line) }
        guard let list else { return }
        lists.append(list)
        curl_set_pointer(easy, option, list)
    }

    private func setCallbacks() {
        // Valid as long as the handle: the loop holds the transfer until it has taken the handle out.
        let context = Unmanaged.passUnretained(self).toOpaque()
        curl_set_bytes_function(easy, CURLOPT_WRITEFUNCTION, takeBodyBytes)
        curl_set_pointer(easy, CURLOPT_WRITEDATA, context)
        curl_set_bytes_function(easy, CURLOPT_HEADERFUNCTION, takeHeadBytes)
        curl_set_pointer(easy, CURLOPT_HEADERDATA, context)
        curl_set_socket_function(easy, openSocket)
        curl_set_pointer(easy, CURLOPT_OPENSOCKETDATA, context)
    }

    private func milliseconds(_ time: Duration) -> Int {
        let (seconds, attoseconds) = time.components
        return Int(min(seconds, 86_400) * 1000 + attoseconds / 1_000_000_000_000_000)
    }
}

// Functions rather than closures: a C callback closure written in an isolated scope would carry that isolation.

private func takeBodyBytes(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    take(bytes, size * count, context) { $0.takeBody($1) }
}

private func takeHeadBytes(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    take(bytes, size * count, context) { $0.takeHead($1) }
}

private func take(
    _ bytes: UnsafeMutablePointer<CChar>?, _ length: Int, _ context: UnsafeMutableRawPointer?,
    by taking: (Transfer, UnsafeRawBufferPointer) -> Bool
) -> Int {
    guard let context else { return 0 }
    let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    return taking(transfer, UnsafeRawBufferPointer(start: bytes, count: length)) ? length : refusal
}

/// What no length is: 0 would be right for an empty piece.
private let refusal = Int(CURL_WRITEFUNC_ERROR)

private func openSocket(
    _ context: UnsafeMutableRawPointer?, _ purpose: curlsocktype,
    _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let context, let address else { return -1 }
    return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().socket(for: address)
}
