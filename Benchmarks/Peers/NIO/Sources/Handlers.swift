// What a connection is after its handshake: a publisher or a subscriber, and what both answer.

import NIOCore
import NIOWebSocket

/// Receives what its channel is sent.
final class Subscriber: ChannelInboundHandler {
    /// What comes in is for the others of its pipeline.
    typealias InboundIn = Never

    private let name: String
    private let hub: Hub
    private var context: ChannelHandlerContext?
    /// Its index among the channel's subscribers; the hub's own.
    var place = 0

    init(_ name: String, _ hub: Hub) {
        self.name = name
        self.hub = hub
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        hub.subscribe(self, to: name)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        hub.unsubscribe(self, from: name)
        self.context = nil
    }

    /// One write for all of them; they are framed already.
    func write(_ frames: [ByteBuffer]) {
        guard let context else { return }
        for frame in frames { context.write(NIOAny(frame), promise: nil) }
        context.flush()
    }

    /// A write of its own, and the pipeline frames it.
    func writeAndFlush(_ message: WebSocketFrame) {
        context?.writeAndFlush(NIOAny(message), promise: nil)
    }

    /// Too far behind.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable { context.close(promise: nil) }
    }
}

/// Hands what comes to all loops.
final class Publisher: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame

    private let name: String
    private let loops: [RelayLoop]
    private let writing: Writing
    /// Of this turn, where messages share a write.
    private var frames: [ByteBuffer] = []

    init(_ name: String, _ loops: [RelayLoop], _ writing: Writing) {
        self.name = name
        self.loops = loops
        self.writing = writing
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard frame.opcode == .text || frame.opcode == .binary else {
            context.fireChannelRead(data)
            return
        }
        switch writing {
        case .turns:
            var framed = ByteBuffer()
            framed.writeFrame(frame.unmaskedData, first: frame.opcode == .text ? 0x81 : 0x82)
            frames.append(framed)
        case .messages:
            let message = WebSocketFrame(fin: true, opcode: frame.opcode, data: frame.unmaskedData)
            forEachHub(context) { [name] in $0.publish(message, to: name) }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if !frames.isEmpty {
            forEachHub(context) { [frames, name] in $0.publish(frames, to: name) }
            frames.removeAll(keepingCapacity: true)
        }
        context.fireChannelReadComplete()
    }

    private func forEachHub(
        _ context: ChannelHandlerContext, _ body: @escaping @Sendable (Hub) -> Void
    ) {
        for relayLoop in loops {
            if relayLoop.eventLoop === context.eventLoop {
                body(relayLoop.hub.value)
            } else {
                relayLoop.eventLoop.execute { body(relayLoop.hub.value) }
            }
        }
    }
}

/// Answers pings and the end of a connection.
final class ControlFrames: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        case .connectionClose:
            let answer = WebSocketFrame(
                fin: true, opcode: .connectionClose, data: frame.unmaskedData)
            context.writeAndFlush(wrapOutboundOut(answer)).assumeIsolated().whenComplete { _ in
                context.close(promise: nil)
            }
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

extension ByteBuffer {
    /// Appends one whole message as a server's frame (RFC 6455 §5.2).
    mutating func writeFrame(_ payload: ByteBuffer, first: UInt8) {
        writeInteger(first)
        switch payload.readableBytes {
        case ..<126: writeInteger(UInt8(payload.readableBytes))
        case ..<65_536:
            writeInteger(126 as UInt8)
            writeInteger(UInt16(payload.readableBytes))
        default:
            writeInteger(127 as UInt8)
            writeInteger(UInt64(payload.readableBytes))
        }
        writeImmutableBuffer(payload)
    }
}
