// One thread's connections: opens them, takes them through their handshakes, reads them all into
// one buffer, and hands what subscribers received to a `Receipt`.

import Glibc
import Histogram

final class Links {
    /// How many connections are on their way in at once, unless more is asked for: far below any
    /// listener's backlog.
    static let openingMax = 64
    static let readBytes = 64 * 1024

    let target: Target
    let subscription: Subscription
    let publishing: Publishing?
    let form: Form
    let poller: Poller
    let table: UnsafeMutablePointer<Connection>
    private let capacity: Int
    /// The subscribers come first; behind them, the publishing connections.
    let members: Int
    let buffer: UnsafeMutableRawPointer
    let bufferBytes: Int
    /// Each subscriber's accounts, as many as it follows streams; and which those are.
    let orders: UnsafeMutablePointer<OrderTracker>
    private let streams: UnsafeMutablePointer<UInt32>
    /// The request of all subscribers, where it is one.
    let subscribe: [UInt8]?
    let base: [UInt8]
    var places: Places

    var opening = 0
    /// Those that are open now; those that were, where they are closed at once.
    var opened = 0
    var failed = 0
    /// The first failure, in words.
    var firstFailure: String?
    /// When set, a connection is closed as soon as it is open (and may be opened again).
    var closesWhenOpen = false
    /// Those that something came for in the last turn, once for each time, where anybody asks:
    /// `collectsReceivers`.
    var receivers: [Int] = []
    var collectsReceivers = false
    private var cutAt: UInt64 = 0
    /// Microseconds from when all were cut until one was open again.
    private(set) var returns = Histogram<UInt32>(highestTrackableValue: Receipt.latencyMax)

    /// - Parameters:
    ///   - members: subscribers.
    ///   - publishing: how messages are put to the server, in the thread that does it.
    ///   - messageBytes: the largest message that will come.
    init(
        target: Target, subscription: Subscription = .one, members: Int,
        publishing: Publishing? = nil, messageBytes: Int, wake: Int32
    ) throws(Failure) {
        self.target = target
        self.subscription = subscription
        self.members = members
        self.publishing = publishing
        capacity = members + (publishing?.connections ?? 0)
        form = subscription.form(target.transport)
        poller = try Poller(wake: wake)
        table = .allocate(capacity: capacity)
        table.initialize(repeating: Connection(), count: capacity)
        bufferBytes = Self.readBytes + 2 * messageBytes + 4096
        buffer = .allocate(byteCount: bufferBytes, alignment: 4096)
        let each = subscription.streams.each
        orders = .allocate(capacity: members * each)
        orders.initialize(repeating: OrderTracker(), count: members * each)
        streams = .allocate(capacity: members * each)
        for index in 0..<members * each {
            streams[index] = UInt32(
                subscription.streams.stream(
                    of: subscription.first + index / each, at: index % each))
        }
        let isOne = !subscription.streams.areChannels && !subscription.resumes
        subscribe = isOne ? target.subscribeRequest([target.channel], form) : nil
        base = Array(target.channel.utf8)
        places = Places(capacity: subscription.resumes ? members : 0)
    }

    deinit {
        for index in 0..<capacity where table[index].socket >= 0 { table[index].close() }
        table.deallocate()
        buffer.deallocate()
        orders.deallocate()
        streams.deallocate()
    }

    func isOpen(_ index: Int) -> Bool { table[index].stage == .open }
    func isClosed(_ index: Int) -> Bool { table[index].stage == .closed }

    /// A subscriber's accounts and the streams they are of.
    @inline(__always)
    func accounts(
        _ index: Int
    ) -> (orders: UnsafeMutableBufferPointer<OrderTracker>, streams: UnsafePointer<UInt32>) {
        let each = subscription.streams.each
        let orders = UnsafeMutableBufferPointer(start: orders + index * each, count: each)
        return (orders, UnsafePointer(streams + index * each))
    }

    func open(_ index: Int, as role: Connection.Role) throws(Failure) {
        let socket = try Sockets.connect(
            to: target.host, port: target.port, index: subscription.first + index)
        table[index].socket = socket
        table[index].role = role
        table[index].stage = .connecting
        try poller.add(socket, token: UInt64(index), writing: true)
        opening += 1
    }

    /// Closes all subscribers at once, whatever they are doing.
    ///
    /// - Throws: when one does not know where it would go on.
    func cut() throws(Failure) {
        cutAt = Clock.now()
        for index in 0..<members where table[index].stage != .closed {
            guard table[index].stage == .open, !places.text(index).isEmpty else {
                throw Failure("a subscriber had no id at the cut: a longer --warmup is needed")
            }
            table[index].close()
            opened -= 1
        }
    }

    func noteReturn() {
        guard cutAt > 0 else { return }
        returns.record((Clock.now() - cutAt) / 1000)
    }

    /// Waits for events and handles them, at most `Poller.eventsMax`.
    func turn(waitingAtMost nanoseconds: UInt64, _ receipt: inout Receipt) throws(Failure) {
        receivers.removeAll(keepingCapacity: true)
        let count = poller.wait(nanoseconds: nanoseconds)
        for event in 0..<count {
            guard let token = poller.token(at: event) else { continue }
            let index = Int(token)
            switch table[index].stage {
            case .closed: continue
            case .connecting: try connected(index, &receipt)
            case .securing: try secure(index, &receipt)
            case .upgrading, .subscribing, .open: try read(index, &receipt)
            }
        }
    }

    /// Writes what the socket takes; the rest waits for an event of `index`.
    ///
    /// - Returns: up to where `bytes` are written.
    func write(
        _ index: Int, _ bytes: [UInt8], from start: Int = 0
    ) throws(Failure) -> Int {
        let (socket, session) = (table[index].socket, table[index].session)
        var written = start
        while written < bytes.count {
            let outcome = bytes.withUnsafeBytes {
                Stream.write(
                    socket, session, $0.baseAddress! + written, bytes.count - written)
            }
            switch outcome {
            case .bytes(let count): written += count
            case .wouldBlock: return written
            case .closed: throw Failure("the server closed a connection that was being written")
            }
        }
        return written
    }

    /// Whether `index` also wakes its thread when it can be written.
    func watchWriting(_ index: Int, _ writing: Bool) throws(Failure) {
        try poller.change(table[index].socket, token: UInt64(index), writing: writing)
    }

    func fail(_ index: Int, _ why: String, _ receipt: inout Receipt) {
        if firstFailure == nil { firstFailure = why }
        if table[index].stage != .open { opening -= 1 }
        failed += 1
        table[index].close()
        receipt.noteClosed()
    }
}
