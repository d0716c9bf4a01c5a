// What the tests of HTTP/1.1 share: short ways to a head, and a connection without a socket.

import Bytes
import Wire

let simpleRequest = "GET /channels/news?after=first HTTP/1.1\r\nHost: carillon.example\r\n\r\n"

/// A head as a browser sends it.
let browserRequest = """
    GET /channels/chat%3Alobby?after=a1-7&echo=0 HTTP/1.1\r
    Host: carillon.example:8080\r
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r
    Accept: text/event-stream, */*;q=0.5\r
    Accept-Language: en-GB,en;q=0.5\r
    Connection: keep-alive, Upgrade\r
    Upgrade: websocket\r
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
    Cookie: session=0123456789abcdef; theme=dark\r
    \r

    """

func requestHead(
    _ text: String, limits: HTTP1Limits = HTTP1Limits()
) throws(HTTP1Error) -> RequestHead {
    let bytes = Array(text.utf8)
    return try RequestHead(bytes.span, limits: limits)
}

extension RequestHead {
    /// The path's segments, decoded.
    var segments: [[UInt8]] {
        var found: [[UInt8]] = []
        while withSegment(found.count, { found.append(array($0)) }) {}
        return found
    }
}

func responseHead(
    _ text: String, to method: HTTPMethod = .get
) throws(HTTP1Error) -> ResponseHead {
    let bytes = Array(text.utf8)
    return try ResponseHead(bytes.span, to: method, limits: HTTP1Limits())
}

/// A GET of `/` with these lines between Host and the empty line.
func requestHead(fields lines: String...) throws(HTTP1Error) -> RequestHead {
    try requestHead(request(lines))
}

func request(_ lines: [String]) -> String {
    (["GET / HTTP/1.1", "Host: a"] + lines + ["", ""]).joined(separator: "\r\n")
}

/// What a connection makes of its bytes: requests, one after the other, until a rule is broken.
struct Exchange: Equatable {
    struct Request: Equatable {
        var method: HTTPMethod
        var path: [UInt8]
        var fieldCount: Int
        var body: [UInt8]

        init(_ head: RequestHead, _ body: [UInt8]) {
            method = head.method
            path = head.path
            fieldCount = head.fieldCount
            self.body = body
        }
    }

    var requests: [Request] = []
    var error: HTTP1Error?
    /// Bytes that wait for more.
    var rest: [UInt8] = []

    private var scanner: HTTP1HeadScanner
    private var pending: (head: RequestHead, decoder: BodyDecoder, body: [UInt8])?
    private let limits: HTTP1Limits
    private let bodyBytesMax: Int

    init(limits: HTTP1Limits = HTTP1Limits(), bodyBytesMax: Int = 1_000) {
        self.limits = limits
        self.bodyBytesMax = bodyBytesMax
        scanner = HTTP1HeadScanner(limits: limits)
    }

    static func == (a: Exchange, b: Exchange) -> Bool {
        a.requests == b.requests && a.error == b.error && a.rest == b.rest
    }

    mutating func receive(_ bytes: some Sequence<UInt8>) {
        guard error == nil else { return }
        rest.append(contentsOf: bytes)
        do throws(HTTP1Error) {
            while try advance() {}
        } catch {
            self.error = error
            rest = []
        }
    }

    /// Does one thing; says whether there may be another.
    private mutating func advance() throws(HTTP1Error) -> Bool {
        let input = rest
        if var current = pending {
            let (consumed, finished) = try current.decoder.decode(
                input.span, from: 0, into: &current.body)
            rest.removeFirst(consumed)
            pending = finished ? nil : current
            if finished { requests.append(Request(current.head, current.body)) }
            return finished
        }
        guard let end = try scanner.scan(input.span) else { return false }
        let head = try RequestHead(input.span.extracting(0..<end), limits: limits)
        let decoder = BodyDecoder(head.bodyFraming, bodyBytesMax: bodyBytesMax, limits: limits)
        scanner.reset()
        rest.removeFirst(end)
        pending = (head, decoder, [])
        return true
    }
}

/// What a connection makes of `text`, in one piece, or cut before each of `cuts`.
func exchange(_ text: String, cuts: [Int] = [], limits: HTTP1Limits = HTTP1Limits()) -> Exchange {
    let bytes = Array(text.utf8)
    var exchange = Exchange(limits: limits)
    var start = 0
    for cut in cuts + [bytes.count] {
        exchange.receive(bytes[start..<cut])
        start = cut
    }
    return exchange
}

/// Everything written by `body`, as text.
func written(_ body: (ByteBuffer) -> Void) -> String {
    let buffer = ByteBuffer()
    body(buffer)
    return String(decoding: buffer.array(), as: UTF8.self)
}
