// One whole answer of a kept connection, cut out by its length.

import CLinux
import Glibc

struct HTTPAnswer {
    let head: ResponseHead
    let body: UnsafeRawBufferPointer
    /// Where the next answer begins.
    let end: Int

    /// Nil when it has not wholly arrived.
    static func next(in bytes: UnsafeRawBufferPointer, at start: Int) -> HTTPAnswer? {
        guard start < bytes.count else { return nil }
        let left = UnsafeRawBufferPointer(rebasing: bytes[start...])
        guard let head = ResponseHead.parse(left) else { return nil }
        let end = head.end + (head.contentLength ?? 0)
        guard left.count >= end else { return nil }
        let body = UnsafeRawBufferPointer(rebasing: left[head.end..<end])
        return HTTPAnswer(head: head, body: body, end: start + end)
    }

    /// Whether a batch's answer has a line that says that its message was not published.
    var refusesLine: Bool {
        guard let base = body.baseAddress else { return false }
        return memmem(base, body.count, "{\"error\":", 9) != nil
    }
}
