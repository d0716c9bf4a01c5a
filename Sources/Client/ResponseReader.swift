// One response out of the bytes that arrive: its head, then its body, and an error's explanation.

internal import Bytes
internal import Wire

/// Reads one response. No socket, no clock; whoever sees an error status here sees it thrown.
struct ResponseReader {
    private let method: HTTPMethod
    private let bodyBytesMax: Int
    private let limits: ClientLimits
    private var scanner: HTTP1HeadScanner
    /// The head as far as it has come.
    private var held: [UInt8] = []
    private var interimResponses = 0
    private var decoder: BodyDecoder?
    private var problem: [UInt8] = []
    /// The head of a response of 101 or 2xx, once it is there.
    private(set) var head: ResponseHead?
    private var refusal: ResponseHead?

    /// - Parameter bodyBytesMax: of a 2xx response; an error's is bounded by the limits.
    init(to method: HTTPMethod, bodyBytesMax: Int, limits: ClientLimits) {
        self.method = method
        self.bodyBytesMax = bodyBytesMax
        self.limits = limits
        scanner = HTTP1HeadScanner(limits: limits.http)
    }

    /// Whether all of the body has been seen. What follows a 101 is no body.
    var isFinished: Bool { decoder?.isFinished ?? false }

    /// Takes bytes up to the end of the response.
    ///
    /// - Parameter body: gets decoded bytes of a good response's body appended.
    /// - Returns: how many were used; the rest belongs to another protocol or the next response.
    /// - Throws: ``ClientError/refused(status:detail:retryAfterSeconds:)`` when an error response
    ///   is complete, ``ClientError/http(_:)``.
    mutating func receive(_ bytes: Span<UInt8>, into body: inout [UInt8]) throws(ClientError) -> Int
    {
        var offset = 0
        while decoder == nil {
            guard try readHead(bytes, from: &offset) else { return bytes.count }
        }
        do throws(HTTP1Error) {
            if refusal == nil {
                let (used, _) = try decoder!.decode(bytes, from: offset, into: &body)
                return offset + used
            }
            _ = try decoder!.decode(bytes, from: offset, into: &problem)
        } catch {
            // An explanation too long or malformed is none; the status says enough.
            if let refusal { throw refused(refusal) }
            throw .http(error)
        }
        if decoder!.isFinished, let refusal { throw refused(refusal) }
        return bytes.count
    }

    /// The server has closed its side.
    mutating func closed() throws(ClientError) {
        if let refusal { throw refused(refusal) }
        guard decoder != nil else { throw .closedByServer }
        do throws(HTTP1Error) { try decoder!.closed() } catch { throw .closedByServer }
    }

    /// - Returns: whether the decoder, or more bytes, are there to go on with.
    private mutating func readHead(
        _ bytes: Span<UInt8>, from offset: inout Int
    ) throws(ClientError) -> Bool {
        let before = held.count
        append(bytes.extracting(offset..<bytes.count), to: &held)
        let head: ResponseHead
        var scanner = scanner
        do throws(HTTP1Error) {
            guard let end = try scanner.scan(held.span) else {
                self.scanner = scanner
                return false
            }
            head = try ResponseHead(
                held.span.extracting(0..<end), to: method, limits: limits.http)
            offset += end - before
        } catch {
            throw .http(error)
        }
        held = []
        scanner.reset()
        self.scanner = scanner
        if head.status < 200, head.status != 101 {
            interimResponses += 1
            guard interimResponses <= limits.interimResponsesMax else {
                throw .unexpectedAnswer(
                    "the server sent more than \(limits.interimResponsesMax) interim responses")
            }
            return offset < bytes.count
        }
        let isGood = head.status < 300
        decoder = BodyDecoder(
            head.bodyFraming, bodyBytesMax: isGood ? bodyBytesMax : limits.problemBytesMax,
            limits: limits.http)
        if isGood { self.head = head } else { refusal = head }
        return true
    }

    private func refused(_ head: ResponseHead) -> ClientError {
        var detail = head.first("Location").map { "it is now at \($0)" } ?? ""
        let type = head.first("Content-Type") ?? ""
        if type.lowercased().hasPrefix("application/problem+json"),
            let object = try? JSONObject(parsing: problem),
            let text = (try? object.string("detail")) ?? (try? object.string("title"))
        {
            detail = text
        }
        return .refused(
            status: head.status, detail: detail,
            retryAfterSeconds: head.first("Retry-After").flatMap { UInt64($0) })
    }
}
