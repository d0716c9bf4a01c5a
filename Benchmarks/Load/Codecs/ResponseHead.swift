// The head of a server's answer, read once per connection.

import CLinux
import Glibc

struct ResponseHead {
    /// The key that all handshakes send, the example of RFC 6455 §1.3, and what must come back.
    static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    let status: Int
    let isChunked: Bool
    let acceptsKey: Bool
    let contentLength: Int?
    /// As sent; empty when there is none.
    let etag: String
    let lastModified: String
    /// Whether the server says that messages are gone (Carillon's long-polls).
    let tellsGap: Bool
    /// Where the body begins.
    let end: Int

    /// - Returns: nil when the head has not wholly arrived.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> ResponseHead? {
        guard let base = bytes.baseAddress, let found = memmem(base, bytes.count, "\r\n\r\n", 4)
        else { return nil }
        let end = UnsafeRawPointer(found) - base + 4
        let text = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<end]), as: UTF8.self)
        // CR LF is one Character.
        let lines = text.split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ")
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            fields[line[..<colon].lowercased()] = String(value)
        }
        return ResponseHead(
            status: words.count > 1 ? Int(words[1]) ?? 0 : 0,
            isChunked: fields["transfer-encoding"]?.lowercased() == "chunked",
            acceptsKey: fields["sec-websocket-accept"] == accept,
            contentLength: fields["content-length"].flatMap { Int($0) },
            etag: fields["etag"] ?? "", lastModified: fields["last-modified"] ?? "",
            tellsGap: fields["carillon-gap"] == "true", end: end)
    }
}
