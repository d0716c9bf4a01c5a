// A request's head, parsed: what it asks for and how its body is framed. It decides nothing about
// routes or permissions.

private import Bytes

/// One request head (RFC 9112 §3, §5), checked against every rule that keeps two readers from
/// reading it in two ways. Owns one copy of its bytes; path, query and fields are looked up in
/// place.
package struct RequestHead: Sendable {
    package let method: HTTPMethod
    package let version: HTTPVersion
    package let bodyFraming: BodyFraming
    /// Whether the client means to send another request (RFC 9112 §9.3).
    package let keepAlive: Bool
    /// Whether the client holds a body back until it is told `100 Continue` (RFC 9110 §10.1.1).
    package let expectsContinue: Bool
    private let target: RequestTarget
    private var fields: HeadFields

    package init(_ bytes: Span<UInt8>, limits: HTTP1Limits) throws(HTTP1Error) {
        var none: RequestHead?
        try self.init(bytes, limits: limits, reusing: &none)
    }

    /// - Parameters:
    ///   - bytes: one whole head up to its empty line, as ``HTTP1HeadScanner`` found it, empty
    ///     lines before it included; copied.
    ///   - spare: a head that is done with, whose memory is used; nil afterwards.
    package init(
        _ bytes: Span<UInt8>, limits: HTTP1Limits, reusing spare: inout RequestHead?
    ) throws(HTTP1Error) {
        var memory = HeadFields()
        if spare != nil { swap(&memory, &spare!.fields) }
        spare = nil
        guard bytes.count <= limits.headBytesMax else {
            throw .headTooLarge(limit: limits.headBytesMax, measured: bytes.count)
        }
        let line = try RequestLine(bytes, limits: limits)
        method = line.method
        version = line.version
        target = try RequestTarget(bytes, line.target, method: line.method)
        fields = try HeadFields(bytes, from: line.end, limits: limits, reusing: &memory)
        try checkHost(bytes, fields, version)
        bodyFraming = try fields.bodyFraming(version)
        keepAlive = fields.keepsAlive(version)
        expectsContinue = try expectation(bytes, fields, version, bodyFraming)
    }

    /// Bytes that the copy of its bytes, and what says where the fields lie in it, have room for.
    package var capacity: Int { fields.capacity }

    // MARK: Fields

    /// The number of field lines.
    package var fieldCount: Int { fields.count }

    /// The value of the first line named `name` (case ignored), blanks trimmed; `nil` without one.
    /// Bytes that are not UTF-8 come as U+FFFD.
    package func first(_ name: StaticString) -> String? { fields.first(name) }

    /// Gives the value of the first line named `name` (case ignored), blanks trimmed, to `body`.
    ///
    /// - Returns: whether there is such a line.
    package func withFirst(_ name: StaticString, _ body: (Span<UInt8>) -> Void) -> Bool {
        fields.withFirst(name, body)
    }

    /// Whether more than one line is named `name` (case ignored).
    package func isRepeated(_ name: StaticString) -> Bool {
        guard let first = fields.index(of: name) else { return false }
        return fields.index(of: name, from: first + 1) != nil
    }

    /// The values of all lines named `name` (case ignored), in order, blanks trimmed.
    package func values(_ name: StaticString) -> [String] { fields.values(name) }

    /// Whether the comma lists in all lines named `name` have the element `token`, case ignored.
    package func listContains(_ name: StaticString, token: StaticString) -> Bool {
        fields.listContains(name, token: token)
    }

    /// Whether Accept names `mediaType` (not by a wildcard), weight 0 excepted (RFC 9110 §12.5.1).
    package func accepts(_ mediaType: StaticString) -> Bool { fields.accepts(mediaType) }

    /// The protocols of Upgrade in the client's order, lower-cased; empty unless Connection lists
    /// `upgrade`, and in HTTP/1.0 (RFC 9110 §7.8).
    package var upgrades: [String] {
        guard asksForUpgrade else { return [] }
        var tokens: [String] = []
        let span = fields.bytes.span
        var next = fields.index(of: "upgrade")
        while let index = next {
            let value = fields.value(at: index)
            var at = value.lowerBound
            while let element = nextElement(in: span, from: &at, to: value.upperBound) {
                tokens.append(fields.text(element).lowercased())
            }
            next = fields.index(of: "upgrade", from: index + 1)
        }
        return tokens
    }

    /// Whether ``upgrades`` has `token`, without making the list.
    package func wantsUpgrade(to token: StaticString) -> Bool {
        asksForUpgrade && fields.listContains("upgrade", token: token)
    }

    private var asksForUpgrade: Bool {
        version == .http11 && fields.listContains("connection", token: "upgrade")
    }

    // MARK: Target

    /// The path as sent, without the query; `*` for OPTIONS in asterisk form.
    package var path: [UInt8] {
        target.path.isEmpty ? [0x2F] : Array(fields.bytes[target.path])
    }

    /// Whether the target is `*`: the server as a whole, not one of its resources.
    package var isAsterisk: Bool { target.form == .asterisk }

    /// Whether the path, as sent, is `path`.
    package func hasPath(_ path: [UInt8]) -> Bool {
        target.path.isEmpty
            ? path == [0x2F] : equal(fields.bytes.span.extracting(target.path), path.span)
    }

    /// Gives segment `index` of the path to `body`, decoded. The path is split at `/` before that:
    /// `/` has one segment, which is empty, `/a%2Fb/` has `a/b` and an empty one. `.` and `..` mean
    /// nothing here. In asterisk form, `*` alone.
    ///
    /// - Returns: whether the path has so many segments.
    package func withSegment(_ index: Int, _ body: (Span<UInt8>) -> Void) -> Bool {
        let span = fields.bytes.span
        let end = target.path.upperBound
        var start = target.path.lowerBound
        if target.form != .asterisk, start < end { start += 1 }
        for _ in 0..<index {
            while start < end, span[start] != 0x2F { start += 1 }
            guard start < end else { return false }
            start += 1
        }
        var segmentEnd = start
        while segmentEnd < end, span[segmentEnd] != 0x2F { segmentEnd += 1 }
        withPercentDecoded(span, start..<segmentEnd, plusIsSpace: false, body)
        return true
    }

    /// Whether the path has a segment `index`.
    package func hasSegment(_ index: Int) -> Bool { withSegment(index) { _ in } }

    /// Whether segment `index` of the path, decoded, is `text`.
    package func hasSegment(_ index: Int, _ text: StaticString) -> Bool {
        var isSame = false
        return withSegment(index) { isSame = equal($0, text) } && isSame
    }

    /// The query's items, decoded (WHATWG URL §5.1); empty without a query.
    package var query: [QueryItem] {
        var found: [QueryItem] = []
        var places = QueryPlaces(target.query)
        while let place = places.next(in: fields.bytes.span) {
            found.append(QueryItem(name: decoded(place.name), value: decoded(place.value)))
        }
        return found
    }

    /// Gives the query's first value under `name`, decoded, to `body`.
    ///
    /// - Returns: whether there is one.
    package func withQueryValue(_ name: StaticString, _ body: (Span<UInt8>) -> Void) -> Bool {
        let span = fields.bytes.span
        var places = QueryPlaces(target.query)
        while let place = places.next(in: span) {
            var isSame = false
            withPercentDecoded(span, place.name, plusIsSpace: true) { isSame = equal($0, name) }
            guard isSame else { continue }
            withPercentDecoded(span, place.value, plusIsSpace: true, body)
            return true
        }
        return false
    }

    /// The query's first value under `name`, decoded; `nil` without one.
    package func queryValue(_ name: StaticString) -> [UInt8]? {
        var value: [UInt8] = []
        return withQueryValue(name) { value = array($0) } ? value : nil
    }

    private func decoded(_ range: Range<Int>) -> [UInt8] {
        var decoded: [UInt8] = []
        withPercentDecoded(fields.bytes.span, range, plusIsSpace: true) { decoded = array($0) }
        return decoded
    }

    /// `host[:port]`: of the target in absolute form, which replaces Host (RFC 9112 §3.2.2), else
    /// of Host. `nil` only in HTTP/1.0.
    package var host: String? {
        switch target.form {
        case .absolute: fields.text(target.authority)
        case .origin, .asterisk: fields.first("host")
        }
    }

    /// Gives ``host`` to `body`.
    ///
    /// - Returns: whether there is one.
    package func withHost(_ body: (Span<UInt8>) -> Void) -> Bool {
        guard target.form == .absolute else { return fields.withFirst("host", body) }
        body(fields.bytes.span.extracting(target.authority))
        return true
    }

    /// How the answer ends the exchange if the server has no reason of its own to close.
    package var persistence: Persistence { keepAlive ? .keepAlive(version) : .close }
}

/// RFC 9112 §3.2: one Host in HTTP/1.1, at most one in 1.0, and well-formed in both.
private func checkHost(
    _ bytes: Span<UInt8>, _ fields: HeadFields, _ version: HTTPVersion
) throws(HTTP1Error) {
    guard let index = fields.index(of: "host") else {
        if version == .http11 { throw .missingHost }
        return
    }
    guard fields.index(of: "host", from: index + 1) == nil else { throw .repeatedHost }
    guard isAuthority(bytes, fields.value(at: index)) else { throw .malformedHost }
}

/// RFC 9110 §10.1.1: `100-continue` or nothing; HTTP/1.0 clients cannot mean it; without a body to
/// come there is nothing to go on with.
private func expectation(
    _ bytes: Span<UInt8>, _ fields: HeadFields, _ version: HTTPVersion, _ framing: BodyFraming
) throws(HTTP1Error) -> Bool {
    guard version == .http11, var index = fields.index(of: "expect") else { return false }
    while true {
        guard equalIgnoringCase(bytes.extracting(fields.value(at: index)), "100-continue") else {
            throw .expectationUnsupported
        }
        guard let next = fields.index(of: "expect", from: index + 1) else { break }
        index = next
    }
    return framing != .none && framing != .length(0)
}
