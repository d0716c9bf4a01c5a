// How long a body is: the rules on which request smuggling feeds (RFC 9112 §6). One reading of
// each, and whatever could be read in a second way is refused.

private import Bytes

/// How a request's body is delimited (RFC 9112 §6.3).
package enum BodyFraming: Sendable, Equatable {
    /// No body.
    case none
    /// So many bytes; 0 is a body too, of no bytes.
    case length(UInt64)
    case chunked
}

extension HeadFields {
    /// What Content-Length and Transfer-Encoding say together.
    func bodyFraming(_ version: HTTPVersion) throws(HTTP1Error) -> BodyFraming {
        let lengthIndex = index(of: "content-length")
        if let encodingIndex = index(of: "transfer-encoding") {
            guard version == .http11 else { throw .transferEncodingInHTTP10 }
            guard lengthIndex == nil else { throw .transferEncodingWithContentLength }
            guard index(of: "transfer-encoding", from: encodingIndex + 1) == nil else {
                throw .repeatedTransferEncoding
            }
            try checkTransferEncoding(value(at: encodingIndex))
            return .chunked
        }
        guard let lengthIndex else { return .none }
        guard index(of: "content-length", from: lengthIndex + 1) == nil else {
            throw .repeatedContentLength
        }
        return .length(try contentLength(value(at: lengthIndex)))
    }

    /// RFC 9110 §8.6: `1*DIGIT`. No sign, no list, no prefix, and nothing beyond 64 bits.
    private func contentLength(_ range: Range<Int>) throws(HTTP1Error) -> UInt64 {
        guard !range.isEmpty else { throw .malformedContentLength }
        let span = bytes.span
        var length: UInt64 = 0
        for at in range {
            guard span[at].isDigit else { throw .malformedContentLength }
            let (tens, overflowed) = length.multipliedReportingOverflow(by: 10)
            let (sum, carried) = tens.addingReportingOverflow(UInt64(span[at] - 0x30))
            guard !overflowed, !carried else { throw .malformedContentLength }
            length = sum
        }
        return length
    }

    /// Passes exactly `chunked`. Of the rest, a sound list with a coding unknown here is 501
    /// (RFC 9112 §6.1); a list that others may read as chunked, or not as a list, is 400.
    private func checkTransferEncoding(_ range: Range<Int>) throws(HTTP1Error) {
        let span = bytes.span
        if equalIgnoringCase(span.extracting(range), "chunked") { return }
        var at = range.lowerBound
        while true {
            let start = at
            while at < range.upperBound, span[at] != 0x2C { at += 1 }
            let coding = trimmingBlanks(span, start..<at)
            guard !coding.isEmpty else { throw .malformedTransferEncoding }
            for offset in coding where !span[offset].isToken { throw .malformedTransferEncoding }
            let isLast = at == range.upperBound
            if !isLast, equalIgnoringCase(span.extracting(coding), "chunked") {
                throw .malformedTransferEncoding
            }
            if isLast { throw .transferCodingUnsupported }
            at += 1
        }
    }

    /// Whether the connection stays open after this message, as far as its sender goes
    /// (RFC 9112 §9.3).
    func keepsAlive(_ version: HTTPVersion) -> Bool {
        if listContains("connection", token: "close") { return false }
        return version == .http11 || listContains("connection", token: "keep-alive")
    }
}
