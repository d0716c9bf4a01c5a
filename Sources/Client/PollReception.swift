// Receiving by long-polls: each answer brings all that came since the last, and the id to go on
// from.

internal import Bytes
internal import Wire

struct PollReception: Reception {
    private let style: RequestStyle
    private let limits: ClientLimits
    private var response: ResponseReader
    private var body: [UInt8] = []
    private var asksForPosition = false
    private(set) var position: [UInt8]?
    private(set) var isAccepted = false

    init(_ style: RequestStyle, _ limits: ClientLimits) {
        self.style = style
        self.limits = limits
        response = Self.reader(limits)
    }

    private static func reader(_ limits: ClientLimits) -> ResponseReader {
        ResponseReader(to: .get, bodyBytesMax: limits.pollBytesMax, limits: limits)
    }

    func silenceMillisecondsMax(_ limits: ClientLimits) -> UInt64 {
        style.url.hasQueryItem("timeout")
            ? limits.longPollMillisecondsMax : limits.silenceMillisecondsMax
    }

    mutating func appendRequest(after: [UInt8]?, to buffer: ByteBuffer) {
        // The first request only asks where "now" is, so that a break before the first message
        // loses none.
        asksForPosition = after == nil && !isAccepted && !style.url.hasQueryItem("timeout")
        // Not If-None-Match: an `after` in the URL would count for more, and be asked for again
        // and again.
        style.appendFollow(
            [("Accept", "application/json")],
            target: asksForPosition ? style.url.target(adding: "timeout", "0") : nil,
            after: after, to: buffer)
    }

    mutating func receive(
        _ bytes: Span<UInt8>, replies: ByteBuffer, into batch: inout [Received]
    ) throws(ClientError) -> ReceptionState {
        let used = try response.receive(bytes, into: &body)
        guard response.isFinished, let head = response.head else { return .goesOn }
        guard used == bytes.count else {
            throw .unexpectedAnswer("the server sent more than the answer to one request")
        }
        let before = batch.count
        try take(head, into: &batch)
        isAccepted = true
        body = []
        response = Self.reader(limits)
        let isEmpty = batch.count == before && !asksForPosition
        return .answered(isEmpty: isEmpty, keepAlive: head.keepAlive)
    }

    private mutating func take(
        _ head: ResponseHead, into batch: inout [Received]
    ) throws(ClientError) {
        // Its value is `true`; what else it may be one day is a gap as well.
        if head.first("Carillon-Gap") != nil { batch.append(.gap(channel: nil)) }
        if head.status != 204 {
            try require("application/json", head.first("Content-Type"), "JSON")
            try takeMessages(into: &batch)
        }
        if let tag = head.first("ETag") { position = entityTag(tag) }
    }

    /// `{"messages":[…]}`
    private mutating func takeMessages(into batch: inout [Received]) throws(ClientError) {
        let object: JSONObject
        do throws(JSONError) {
            object = try JSONObject(parsing: body, depthMax: jsonDepthMax)
        } catch {
            throw .unreadable(error.detail)
        }
        guard object.kind("messages") == .array, let raw = object.raw("messages") else {
            throw .unreadable("it has no array \"messages\"")
        }
        let elements = jsonElements(body, in: raw).map { Array(body[$0]) }
        for element in elements {
            if let one = try received(json: element, position: &position) { batch.append(one) }
        }
    }

    /// The tag without its quotes and its mark of weakness (RFC 9110 §8.8.3).
    private func entityTag(_ field: String) -> [UInt8] {
        var tag = field[...]
        if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
        if tag.hasPrefix("\""), tag.hasSuffix("\""), tag.utf8.count >= 2 {
            tag = tag.dropFirst().dropLast()
        }
        return Array(tag.utf8)
    }

    mutating func closed() throws(ClientError) {
        // A body that only the close ends is nothing that a poll is answered with.
        try response.closed()
        throw .closedByServer
    }
}
