// Takes a message's body out of the bytes that arrive, by whichever framing its head announced.
// It keeps no bytes; the caller owns the body.

private import Bytes

/// Decodes one body (RFC 9112 §6, §7.1). A body too large is refused as soon as its size is known:
/// from Content-Length at the first call, even with no bytes; from a chunk's size before its data.
package struct BodyDecoder: Sendable {
    private enum State {
        case refused(UInt64)
        /// Bytes still to come by Content-Length.
        case counted(UInt64)
        case untilClose
        /// Size so far, and its number of digits.
        case chunkSize(UInt64, digits: Int)
        case chunkExtension(UInt64)
        case chunkSizeLineFeed(UInt64)
        /// Bytes still to come of this chunk.
        case chunkData(UInt64)
        case chunkDataReturn
        case chunkDataLineFeed
        case trailerStart
        case trailerName
        case trailerValue
        case trailerLineFeed
        case lastLineFeed
        case finished
    }

    private var state: State
    private let bodyBytesMax: Int
    private let limits: HTTP1Limits
    /// Bytes of the body so far, those of the chunk begun included.
    private var announcedBytes: UInt64 = 0
    /// Of the chunk's size line, or of the trailer section.
    private var lineBytes = 0

    /// - Parameter bodyBytesMax: 0 or more; counts decoded bytes.
    package init(_ framing: BodyFraming, bodyBytesMax: Int, limits: HTTP1Limits) {
        precondition(bodyBytesMax >= 0, "bodyBytesMax \(bodyBytesMax)")
        self.bodyBytesMax = bodyBytesMax
        self.limits = limits
        switch framing {
        case .none, .length(0): state = .finished
        case .length(let length):
            state = length > UInt64(bodyBytesMax) ? .refused(length) : .counted(length)
        case .chunked: state = .chunkSize(0, digits: 0)
        }
    }

    /// For a client: a response's body.
    package init(_ framing: ResponseFraming, bodyBytesMax: Int, limits: HTTP1Limits) {
        switch framing {
        case .message(let framing):
            self.init(framing, bodyBytesMax: bodyBytesMax, limits: limits)
        case .untilClose:
            self.init(BodyFraming.chunked, bodyBytesMax: bodyBytesMax, limits: limits)
            state = .untilClose
        }
    }

    /// Consumes `bytes` from `offset` on, up to the body's end at most.
    ///
    /// - Parameter body: gets the decoded bytes appended; its capacity is not reserved by what the
    ///   peer promises.
    /// - Returns: how many bytes of `bytes` were used, and whether the body is complete. What
    ///   follows a complete body is the next message's. Once complete, further calls use nothing.
    /// - Throws: the first rule broken; the decoder is of no use afterwards.
    package mutating func decode(
        _ bytes: Span<UInt8>, from offset: Int, into body: inout [UInt8]
    ) throws(HTTP1Error) -> (consumed: Int, finished: Bool) {
        precondition(offset >= 0 && offset <= bytes.count, "offset \(offset) of \(bytes.count)")
        var at = offset
        while true {
            switch state {
            case .finished:
                return (at - offset, true)
            case .refused(let measured):
                throw .bodyTooLarge(limit: bodyBytesMax, measured: measured)
            case .counted(let remaining):
                let left = take(remaining, of: bytes, from: &at, into: &body)
                state = left == 0 ? .finished : .counted(left)
                if left > 0 { return (at - offset, false) }
            case .chunkData(let remaining):
                let left = take(remaining, of: bytes, from: &at, into: &body)
                state = left == 0 ? .chunkDataReturn : .chunkData(left)
                if left > 0 { return (at - offset, false) }
            case .untilClose:
                try announce(UInt64(bytes.count - at))
                append(bytes.extracting(at..<bytes.count), to: &body)
                return (bytes.count - offset, false)
            case .chunkSize, .chunkExtension, .chunkSizeLineFeed, .chunkDataReturn,
                .chunkDataLineFeed, .trailerStart, .trailerName, .trailerValue, .trailerLineFeed,
                .lastLineFeed:
                guard at < bytes.count else { return (at - offset, false) }
                try step(bytes[at])
                at += 1
            }
        }
    }

    /// Whether all of the body has been seen.
    package var isFinished: Bool {
        if case .finished = state { true } else { false }
    }

    /// The peer has closed its side.
    ///
    /// - Throws: ``HTTP1Error/bodyTruncated`` unless the body is complete, or ended by the close.
    package mutating func closed() throws(HTTP1Error) {
        switch state {
        case .finished, .untilClose: state = .finished
        case .refused, .counted, .chunkSize, .chunkExtension, .chunkSizeLineFeed, .chunkData,
            .chunkDataReturn, .chunkDataLineFeed, .trailerStart, .trailerName, .trailerValue,
            .trailerLineFeed, .lastLineFeed:
            throw .bodyTruncated
        }
    }

    /// Copies what is there of `remaining` bytes; returns how many are still to come.
    private func take(
        _ remaining: UInt64, of bytes: Span<UInt8>, from at: inout Int, into body: inout [UInt8]
    ) -> UInt64 {
        let count = Int(min(remaining, UInt64(bytes.count - at)))
        append(bytes.extracting(at..<at + count), to: &body)
        at += count
        return remaining - UInt64(count)
    }

    private mutating func announce(_ count: UInt64) throws(HTTP1Error) {
        let (sum, overflowed) = announcedBytes.addingReportingOverflow(count)
        guard !overflowed, sum <= UInt64(bodyBytesMax) else {
            throw .bodyTooLarge(limit: bodyBytesMax, measured: overflowed ? .max : sum)
        }
        announcedBytes = sum
    }

    // MARK: Chunked

    /// One byte of what surrounds the chunks' data (RFC 9112 §7.1).
    private mutating func step(_ byte: UInt8) throws(HTTP1Error) {
        switch state {
        case .chunkSize(let size, let digits):
            try countSizeLine()
            try stepSize(byte, size, digits)
        case .chunkExtension(let size):
            try countSizeLine()
            try stepExtension(byte, size)
        case .chunkSizeLineFeed(let size):
            try countSizeLine()
            guard byte == .lineFeed else { throw .bareCarriageReturn }
            try announce(size)
            lineBytes = 0
            state = size == 0 ? .trailerStart : .chunkData(size)
        case .chunkDataReturn:
            guard byte == .carriageReturn else {
                throw byte == .lineFeed ? .bareLineFeed : .chunkUnterminated
            }
            state = .chunkDataLineFeed
        case .chunkDataLineFeed:
            guard byte == .lineFeed else { throw .bareCarriageReturn }
            state = .chunkSize(0, digits: 0)
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .lastLineFeed:
            try stepTrailer(byte)
        case .refused, .counted, .untilClose, .chunkData, .finished:
            preconditionFailure("a byte of framing where there is none")
        }
    }

    /// Hexadecimal digits, then at once `;` or CR. No white space: some recipients skip it, others
    /// end the number there.
    private mutating func stepSize(
        _ byte: UInt8, _ size: UInt64, _ digits: Int
    ) throws(HTTP1Error) {
        if let digit = byte.hexDigitValue {
            guard digits < 16 else { throw .chunkSizeOverflow }
            state = .chunkSize(size << 4 | UInt64(digit), digits: digits + 1)
            return
        }
        if byte == .lineFeed { throw .bareLineFeed }
        guard digits > 0 else { throw .malformedChunkSize }
        switch byte {
        case .carriageReturn: state = .chunkSizeLineFeed(size)
        case 0x3B: state = .chunkExtension(size)
        default: throw .malformedChunkSize
        }
    }

    /// Extensions are read over (RFC 9112 §7.1.1): nobody agreed on any with us.
    private mutating func stepExtension(_ byte: UInt8, _ size: UInt64) throws(HTTP1Error) {
        if byte == .carriageReturn {
            state = .chunkSizeLineFeed(size)
        } else if byte.isForbiddenControl {
            throw byte == .lineFeed ? .bareLineFeed : .controlByte(byte)
        }
    }

    private mutating func countSizeLine() throws(HTTP1Error) {
        lineBytes += 1
        guard lineBytes <= limits.chunkLineBytesMax else {
            throw .chunkLineTooLong(limit: limits.chunkLineBytesMax, measured: lineBytes)
        }
    }

    /// Trailers are checked for their form and dropped (RFC 9112 §7.1.2): merged into the head,
    /// they could change what was already decided by it.
    private mutating func stepTrailer(_ byte: UInt8) throws(HTTP1Error) {
        lineBytes += 1
        guard lineBytes <= limits.trailerBytesMax else {
            throw .trailersTooLarge(limit: limits.trailerBytesMax, measured: lineBytes)
        }
        switch state {
        case .lastLineFeed, .trailerLineFeed:
            guard byte == .lineFeed else { throw .bareCarriageReturn }
            if case .lastLineFeed = state { state = .finished } else { state = .trailerStart }
        case .trailerStart where byte == .carriageReturn:
            state = .lastLineFeed
        case .trailerStart:
            guard byte.isToken else {
                throw byte == .lineFeed ? .bareLineFeed : .malformedTrailer
            }
            state = .trailerName
        case .trailerName:
            if byte == 0x3A {
                state = .trailerValue
            } else if !byte.isToken {
                throw byte == .lineFeed ? .bareLineFeed : .malformedTrailer
            }
        case .trailerValue:
            if byte == .carriageReturn {
                state = .trailerLineFeed
            } else if byte.isForbiddenControl {
                throw byte == .lineFeed ? .bareLineFeed : .controlByte(byte)
            }
        case .refused, .counted, .untilClose, .chunkSize, .chunkExtension, .chunkSizeLineFeed,
            .chunkData, .chunkDataReturn, .chunkDataLineFeed, .finished:
            preconditionFailure("a byte of trailers where there are none")
        }
    }
}
