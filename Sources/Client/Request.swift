// What all requests of the client have in common.

internal import Bytes
internal import Wire

/// Whom to ask, and as whom.
struct RequestStyle {
    let url: ServerURL
    /// An API key or token; sent as `Authorization: Bearer`.
    let key: String?

    /// Appends a request's head.
    func appendHead(
        _ method: StaticString, target: String, fields: [(StaticString, FieldValue)],
        bodyLength: UInt64? = nil, upgrading: Bool = false, to buffer: ByteBuffer
    ) {
        var all: [(StaticString, FieldValue)] = [("User-Agent", "carillon")]
        if let key { all.append(("Authorization", .string("Bearer \(key)"))) }
        RequestWriter.appendHead(
            method, target: target, host: url.hostField, fields: all + fields,
            bodyLength: bodyLength, upgrading: upgrading, to: buffer)
    }

    /// Appends a request to follow the channel.
    ///
    /// - Parameters:
    ///   - target: where it is not the URL's own.
    ///   - after: the last id seen, or `first`.
    func appendFollow(
        _ fields: [(StaticString, FieldValue)], target: String? = nil, after: [UInt8]?,
        upgrading: Bool = false, to buffer: ByteBuffer
    ) {
        var all = fields
        if let after {
            all.append(("Last-Event-ID", .string(String(decoding: after, as: UTF8.self))))
        }
        appendHead(
            "GET", target: target ?? url.target, fields: all, upgrading: upgrading, to: buffer)
    }
}
