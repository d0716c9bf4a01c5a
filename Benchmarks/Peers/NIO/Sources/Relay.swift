// A WebSocket relay on SwiftNIO, for comparison: whoever connects on /pub/NAME publishes, and who is
// on /sub/NAME receives. Each loop listens for itself, frames a message once for all of its
// subscribers, and writes to each of them once in a turn; or, with `--write messages`, does what a
// first program does: a `writeAndFlush` of each message to each of them.
//
//     nio-relay [--port P] [--threads N] [--write turns|messages]
//
// P = 0 (the default): the kernel chooses; it is printed.

import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

@main
struct Relay {
    static let messageBytesMax = 1 << 20
    static let pendingBytesMax = 8 << 20

    private let loops: [RelayLoop]
    private let writing: Writing

    static func main() throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        var port = 0
        var threads = System.coreCount
        var writing = Writing.turns
        for (flag, value) in zip(arguments, arguments.dropFirst()) {
            if flag == "--port" { port = Int(value) ?? 0 }
            if flag == "--threads" { threads = Int(value) ?? threads }
            if flag == "--write", value == "messages" { writing = .messages }
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let relay = Relay(group, writing)
        var listeners: [any Channel] = []
        for relayLoop in relay.loops {
            let listener = try relay.bootstrap(relayLoop).bind(host: "127.0.0.1", port: port).wait()
            port = listener.localAddress?.port ?? port
            listeners.append(listener)
        }
        print("listening on 127.0.0.1:\(port)")
        fflush(nil)
        try listeners[0].closeFuture.wait()
    }

    private init(_ group: MultiThreadedEventLoopGroup, _ writing: Writing) {
        self.writing = writing
        loops = group.makeIterator().map { loop in
            RelayLoop(
                eventLoop: loop,
                hub: NIOLoopBoundBox.makeBoxSendingValue(Hub(loop), eventLoop: loop))
        }
    }

    private func bootstrap(_ relayLoop: RelayLoop) -> ServerBootstrap {
        ServerBootstrap(group: relayLoop.eventLoop)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.socketOption(.init(rawValue: SO_REUSEPORT)), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(low: Relay.pendingBytesMax / 2, high: Relay.pendingBytesMax)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withServerUpgrade: (
                            upgraders: [upgrader(relayLoop)], completionHandler: { _ in }
                        ))
                    try channel.pipeline.syncOperations.addHandler(NoUpgrade())
                }
            }
    }

    private func upgrader(_ relayLoop: RelayLoop) -> NIOWebSocketServerUpgrader {
        NIOWebSocketServerUpgrader(
            maxFrameSize: Relay.messageBytesMax,
            shouldUpgrade: { channel, head in
                let isKnown = head.uri.hasPrefix("/pub/") || head.uri.hasPrefix("/sub/")
                return channel.eventLoop.makeSucceededFuture(isKnown ? HTTPHeaders() : nil)
            },
            upgradePipelineHandler: { channel, head in
                let name = String(head.uri.dropFirst(5))
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    _ = try pipeline.removeHandler(pipeline.handler(type: NoUpgrade.self))
                    if head.uri.hasPrefix("/pub/") {
                        try pipeline.addHandler(
                            NIOWebSocketFrameAggregator(
                                minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1024,
                                maxAccumulatedFrameSize: Relay.messageBytesMax))
                        try pipeline.addHandler(Publisher(name, loops, writing))
                    } else {
                        // In front of the encoder where what it writes is framed already.
                        try pipeline.addHandler(
                            Subscriber(name, relayLoop.hub.value),
                            position: writing == .turns ? .first : .last)
                    }
                    try pipeline.addHandler(ControlFrames())
                }
            })
    }
}

/// A request that is no upgrade is not answered.
private final class NoUpgrade: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }
}
