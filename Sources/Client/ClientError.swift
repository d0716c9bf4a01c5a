// What can go wrong between a URL and the last message, as sentences for a person.

package import TLS
package import Wire

/// One case per way to fail. Text from the server stands in descriptions without control bytes.
package enum ClientError: Error, Equatable {
    /// The host has no address. `reason` is the resolver's wording.
    case hostUnknown(host: String, reason: String)
    /// None of the addresses took the connection. `reason` is the system's wording.
    case unreachable(place: String, reason: String)
    /// `what` did not come within so many milliseconds.
    case overdue(what: String, milliseconds: UInt64)
    /// Reading or writing failed: the connection is gone.
    case broken(reason: String)
    /// The server closed before its answer was complete, or ended a stream.
    case closedByServer
    case tls(TLSError)
    /// The response breaks a rule of HTTP.
    case http(HTTP1Error)
    /// The answer is an error. `detail` is that of RFC 9457, or empty.
    case refused(status: Int, detail: String, retryAfterSeconds: UInt64?)
    /// The answer is none that the transport knows, such as a page instead of a stream.
    case unexpectedAnswer(String)
    /// A frame breaks a rule of RFC 6455.
    case webSocket(WebSocketError)
    /// The server closed the WebSocket and said why (RFC 6455 §7.4).
    case webSocketClosed(code: UInt16?, reason: String)
    /// An event, line or answer that should be JSON, or is too long.
    case unreadable(String)
    /// The data to publish. `limit` is in bytes.
    case inputTooLarge(limit: Int)
    /// A file or standard input cannot be read.
    case inputUnreadable(reason: String)
}

extension ClientError {
    /// Whether the same attempt may succeed later: the server or the way to it had a bad moment.
    package var mayPass: Bool {
        switch self {
        case .hostUnknown, .unreachable, .overdue, .broken, .closedByServer: true
        case .tls(let error): error.mayPass
        // 507: what was sent is kept for good as not stored.
        case .refused(let status, _, _):
            (status >= 500 && status != 507) || status == 408 || status == 429
        case .webSocketClosed(let code, _):
            switch code {
            case nil, 1001, 1005, 1006, 1011, 1012, 1013: true
            case .some: false
            }
        case .http, .unexpectedAnswer, .webSocket, .unreadable, .inputTooLarge,
            .inputUnreadable:
            false
        }
    }
}

extension TLSError {
    /// A certificate that is not believed will not be believed the next time either.
    fileprivate var mayPass: Bool {
        switch self {
        case .handshakeFailed, .alertReceived, .recordRefused, .notTLS: true
        case .certificateUnreadable, .keyUnreadable, .keyMismatch, .trustUnreadable, .hostInvalid,
            .setupFailed, .plainHTTP, .noApplicationProtocol, .verificationFailed,
            .handshakeTooLong, .postHandshakeFlood, .failedBefore:
            false
        }
    }
}

extension ClientError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .hostUnknown(let host, let reason): "the host \(host) cannot be found: \(reason)"
        case .unreachable(let place, let reason): "cannot connect to \(place): \(reason)"
        case .overdue(let what, let milliseconds):
            "\(what) did not come within \(seconds(milliseconds)) s"
        case .broken(let reason): "the connection broke: \(reason)"
        case .closedByServer: "the server ended the connection"
        case .tls(.notTLS): "the server does not speak TLS at this address: try http or ws"
        case .tls(.verificationFailed(let reason)):
            "the server's certificate is not accepted: \(reason) (--ca FILE names an authority to "
                + "trust, --insecure trusts anybody)"
        case .tls(let error): "\(error)"
        case .http(let error): "the server's answer breaks a rule of HTTP: \(error.detail)"
        case .refused(let status, let detail, _):
            "the server answered \(status)" + (detail.isEmpty ? "" : ": \(printable(detail))")
        case .unexpectedAnswer(let what): printable(what)
        case .webSocket(let error): "the server breaks a rule of WebSocket: \(error.detail)"
        case .webSocketClosed(let code, let reason):
            "the server closed the WebSocket" + (code.map { " with code \($0)" } ?? "")
                + (reason.isEmpty ? "" : ": \(printable(reason))")
        case .unreadable(let what): "the server's answer cannot be read: \(printable(what))"
        case .inputTooLarge(let limit): "the data has more than \(limit) bytes"
        case .inputUnreadable(let reason): "the data cannot be read: \(reason)"
        }
    }
}

/// Text of a stranger, fit for a terminal: a control character would be obeyed by it.
package func printable(_ text: String) -> String {
    var clean = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        clean.append(isControl ? " " : scalar)
    }
    return String(clean)
}

/// `2`, or `0.7`.
func seconds(_ milliseconds: UInt64) -> String {
    let tenths = (milliseconds + 50) / 100
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
}
