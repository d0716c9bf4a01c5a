import Testing
import Wire

@Suite struct HTTP1ErrorTests {
    @Test(arguments: [
        (HTTP1Error.headTooLarge(limit: 1, measured: 2), 431),
        (.tooManyFields(limit: 1, measured: 2), 431), (.targetTooLong(limit: 1, measured: 2), 414),
        (.requestLineTooLong(limit: 1, measured: 2), 414),
        (.bodyTooLarge(limit: 1, measured: 2), 413), (.expectationUnsupported, 417),
        (.connectUnsupported, 501), (.transferCodingUnsupported, 501),
        (.versionUnsupported(major: 2, minor: 0), 505), (.bareLineFeed, 400),
        (.transferEncodingWithContentLength, 400), (.malformedStatusLine, 502),
        (.trailersTooLarge(limit: 1, measured: 2), 431), (.missingHost, 400),
    ])
    func `each rule has the status that its RFC names`(_ error: HTTP1Error, _ status: Int) {
        #expect(error.status == status)
    }

    @Test(arguments: [
        HTTP1Error.headTooLarge(limit: 123, measured: 4_567),
        .tooManyFields(limit: 123, measured: 4_567), .targetTooLong(limit: 123, measured: 4_567),
        .requestLineTooLong(limit: 123, measured: 4_567),
        .bodyTooLarge(limit: 123, measured: 4_567), .tooManyEmptyLines(limit: 123, measured: 4_567),
        .chunkLineTooLong(limit: 123, measured: 4_567),
        .trailersTooLarge(limit: 123, measured: 4_567),
    ])
    func `a limit is told with the measured value`(_ error: HTTP1Error) {
        #expect(error.detail.contains("123"))
        #expect(error.detail.contains("4567"))
        #expect(error.measure?.limit == 123)
        #expect(error.measure?.value == 4_567)
    }

    @Test func `a byte is told in hexadecimal`() {
        #expect(HTTP1Error.controlByte(0x0B).detail.contains("0x0B"))
        #expect(HTTP1Error.targetByte(0xC3).detail.contains("0xC3"))
        #expect(HTTP1Error.controlByte(1).measure == nil)
    }

    @Test func `a limit out of its range is a mistake of ours`() async {
        await #expect(processExitsWith: .failure) { _ = HTTP1Limits(headBytesMax: 255) }
        await #expect(processExitsWith: .failure) { _ = HTTP1Limits(chunkLineBytesMax: 17) }
        await #expect(processExitsWith: .failure) {
            var limits = HTTP1Limits()
            limits.fieldCountMax = 0
        }
    }
}
