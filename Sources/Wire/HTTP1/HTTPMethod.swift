// The words of a request line that have a meaning to us: methods and versions.

private import Bytes

/// The methods a gateway tells apart. Names are case-sensitive (RFC 9110 §9.1), so `get` is
/// ``other``, and so is TRACE.
package enum HTTPMethod: Sendable, Equatable {
    case get, head, post, put, delete, options, patch, other

    /// - Parameter name: a token, 1 byte or more.
    init(_ name: Span<UInt8>) {
        switch name.count {
        case 3: self = equal(name, "GET") ? .get : equal(name, "PUT") ? .put : .other
        case 4: self = equal(name, "POST") ? .post : equal(name, "HEAD") ? .head : .other
        case 5: self = equal(name, "PATCH") ? .patch : .other
        case 6: self = equal(name, "DELETE") ? .delete : .other
        case 7: self = equal(name, "OPTIONS") ? .options : .other
        default: self = .other
        }
    }
}

/// The versions spoken. A higher minor version counts as 1.1 (RFC 9110 §2.5).
package enum HTTPVersion: Sendable, Equatable {
    case http10, http11

    /// - Parameter text: all that stands where the version is due.
    /// - Throws: ``HTTP1Error/malformedVersion``, ``HTTP1Error/versionUnsupported(major:minor:)``.
    init(_ text: Span<UInt8>) throws(HTTP1Error) {
        guard text.count == 8, equal(text.extracting(0..<5), "HTTP/"), text[6] == 0x2E,
            text[5].isDigit, text[7].isDigit
        else { throw .malformedVersion }
        guard text[5] == 0x31 else {
            throw .versionUnsupported(major: text[5] - 0x30, minor: text[7] - 0x30)
        }
        self = text[7] == 0x30 ? .http10 : .http11
    }
}
