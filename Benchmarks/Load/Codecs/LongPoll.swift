// A long-poll's answer: the messages in it, and the headers that ask for what comes after.

enum LongPoll {
    static func messages(
        in body: UnsafeRawBufferPointer, of server: ServerKind,
        _ each: (UnsafeRawBufferPointer) -> Void
    ) {
        switch server {
        case .carillon:
            var start = 0
            while let from = JSONLines.value(in: body, at: start) {
                let value = UnsafeRawBufferPointer(rebasing: body[from...])
                guard let quote = value.firstIndex(of: 0x22) else { return }
                each(UnsafeRawBufferPointer(rebasing: value[..<quote]))
                start = from + quote
            }
        case .nchan, .floor, .nio, .nodews:
            // An answer is a message.
            if !body.isEmpty { each(body) }
        }
    }

    static func after(_ head: ResponseHead) -> String {
        let etag = head.etag.isEmpty ? "" : "If-None-Match: \(head.etag)\r\n"
        let time = head.lastModified.isEmpty ? "" : "If-Modified-Since: \(head.lastModified)\r\n"
        return etag + time
    }
}
