// What each codec costs per message.

internal import Bytes
internal import Deflate
internal import Wire

/// So many of one thing in a run, since one alone is too short to be timed.
private let repeats = 20

extension Workload {
    static let codecs: [Workload] =
        [
            Workload("http/request-head", per: "head", repeats) {
                let bytes = handshake("/channels/news?after=first")
                return Steps {
                    for _ in 0..<repeats {
                        var scanner = HTTP1HeadScanner(limits: HTTP1Limits())
                        let end = try! scanner.scan(bytes.span)!
                        let head = try! RequestHead(
                            bytes.span.extracting(0..<end), limits: HTTP1Limits())
                        precondition(head.wantsUpgrade(to: "websocket"))
                    }
                }
            },
            decoding("websocket/decode-128", bytes: 128),
            decoding("websocket/decode-65536", bytes: 65_536),
            encoding("websocket/encode-128") { payload, buffer in
                WebSocketEncoder.appendFrame(.text, payload: payload.span, to: buffer)
            },
            encoding("websocket/encode-masked-128") { payload, buffer in
                WebSocketEncoder.appendMaskedFrame(
                    .text, payload: payload.span, key: 0x4B1D_F00D, to: buffer)
            },
            Workload("sse/encode-128", per: "event", repeats) {
                let epoch = Epoch.make(random: 0x1234_5678_9ABC).bytes
                return encodingSteps(128) { payload, buffer in
                    ServerSentEvents.append(
                        id: (epoch, 123_456), event: nil, data: payload.span, to: buffer)
                }
            },
            Workload("envelope/encode-128", per: "envelope", repeats) {
                let epoch = Epoch.make(random: 0x1234_5678_9ABC)
                let channel = Array("news".utf8)
                return encodingSteps(128) { payload, buffer in
                    appendEnvelope(
                        channel: channel, epoch: epoch, sequence: 123_456, event: nil,
                        timeMilliseconds: 0, kind: .text, payload: payload.span, to: buffer)
                }
            },
            Workload("json/parse-command", per: "command", repeats) {
                let text = Array(
                    #"{"op":"publish","channel":"chat:7","data":{"text":"Hi","n":[1,2.5,true]},"ref":2}"#
                        .utf8)
                return Steps {
                    for _ in 0..<repeats {
                        let object = try! JSONObject(parsing: text)
                        precondition(object.raw("data") != nil && object.kind("ref") != nil)
                    }
                }
            },
            Workload("utf8/validate-4096", per: "text", repeats) {
                let text = Array(String(repeating: "Glockenspiel, 鐘琴, карильон. ", count: 90).utf8)
                    .prefix(4_096)
                let whole = Array(String(decoding: text, as: UTF8.self).utf8)
                return Steps {
                    for _ in 0..<repeats { precondition(isValidUTF8(whole.span)) }
                }
            },
        ] + transfers

    /// Codings that change how long a message is.
    private static let transfers: [Workload] = [
        Workload("base64/encode-1024", per: "message", repeats) {
            encodingSteps(1_024) { payload, buffer in appendBase64(payload.span, to: buffer) }
        },
        Workload("base64/decode-1024", per: "message", repeats) {
            let original = payload(1_024)
            let text = Array(base64(original.span).utf8)
            return Steps {
                for _ in 0..<repeats {
                    precondition(try! decodeBase64(text.span).count == 1_024)
                }
            }
        },
        Workload("deflate/compress-1024", per: "message", repeats) {
            let deflater = Deflater(windowBits: 15)
            return encodingSteps(1_024) { payload, buffer in
                deflater.compressMessage(payload.span, to: buffer)
            }
        },
        Workload("deflate/inflate-1024", per: "message", repeats) {
            let buffer = ByteBuffer()
            let text = payload(1_024)
            Deflater(windowBits: 15).compressMessage(text.span, to: buffer)
            let compressed = buffer.array()
            let inflater = Inflater()
            return Steps {
                for _ in 0..<repeats {
                    let plain = try! inflater.inflateMessage(compressed.span, limit: 1 << 20)
                    precondition(plain.count == 1_024)
                }
            }
        },
    ]

    private static func decoding(_ name: String, bytes: Int) -> Workload {
        Workload(name, per: "message", repeats) {
            let frame = frame(payload(bytes))
            return Steps {
                var decoder = WebSocketDecoder(
                    role: .server, messageBytesMax: 1 << 20, compression: false)
                for _ in 0..<repeats {
                    var offset = 0
                    let event = try! decoder.next(frame.span, from: &offset)
                    guard case .message(true, let message, false) = event else {
                        fatalError("\(String(describing: event))")
                    }
                    precondition(message.count == bytes && offset == frame.count)
                }
            }
        }
    }

    private static func encoding(
        _ name: String, _ append: @escaping @Sendable ([UInt8], ByteBuffer) -> Void
    ) -> Workload {
        Workload(name, per: "message", repeats) { encodingSteps(128, append) }
    }
}

/// Appends one message again and again to a buffer that has room for it.
private func encodingSteps(
    _ bytes: Int, _ append: @escaping ([UInt8], ByteBuffer) -> Void
) -> Steps {
    let payload = payload(bytes)
    let buffer = ByteBuffer(minimumCapacity: 1 << 16)
    return Steps {
        for _ in 0..<repeats {
            buffer.removeAll()
            append(payload, buffer)
            precondition(!buffer.isEmpty)
        }
    }
}
