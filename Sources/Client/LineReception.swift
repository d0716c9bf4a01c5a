// Receiving by HTTP streaming: one answer without end, one JSON object a line.

internal import Bytes
internal import Wire

struct LineReception: Reception {
    private let style: RequestStyle
    private var response: ResponseReader
    private var lines: LineSplitter
    private var isChecked = false
    private var isResuming = false
    private(set) var position: [UInt8]?

    init(_ style: RequestStyle, _ limits: ClientLimits) {
        self.style = style
        response = ResponseReader(to: .get, bodyBytesMax: .max, limits: limits)
        lines = LineSplitter(lineBytesMax: limits.messageBytesMax)
    }

    var isAccepted: Bool { response.head != nil }

    mutating func appendRequest(after: [UInt8]?, to buffer: ByteBuffer) {
        style.appendFollow(
            [("Accept", "application/x-ndjson"), ("Cache-Control", "no-cache")], after: after,
            to: buffer)
        isResuming = after != nil
    }

    mutating func receive(
        _ bytes: Span<UInt8>, replies: ByteBuffer, into batch: inout [Received]
    ) throws(ClientError) -> ReceptionState {
        var body: [UInt8] = []
        _ = try response.receive(bytes, into: &body)
        guard let head = response.head else { return .goesOn }
        if head.status == 204 { return .ended }
        if !isChecked {
            try require("application/x-ndjson", head.first("Content-Type"), "a stream of lines")
            isChecked = true
            // Where "now" was. After an id, the position says where the server is, not how far
            // this client has come.
            if !isResuming, let given = head.first("Carillon-Position") {
                position = Array(given.utf8)
            }
        }
        var whole: [[UInt8]] = []
        do throws(LineSplitterError) {
            try lines.feed(body.span) { line, _ in whole.append(array(line)) }
        } catch {
            throw .unreadable(error.detail)
        }
        for line in whole {
            if let one = try received(json: line, position: &position) { batch.append(one) }
        }
        if response.isFinished { throw .closedByServer }
        return .goesOn
    }

    mutating func closed() throws(ClientError) { try response.closed() }
}
