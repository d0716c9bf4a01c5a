// The gateway as a library: settings in, threads and listeners out.

internal import Bytes
internal import Hub
internal import Loops
internal import Ring
internal import Signatures
internal import TLS
internal import Wire
private import Glibc

/// A running gateway: loops, listeners and channels of one process.
///
/// ```swift
/// var configuration = ServerConfiguration()
/// configuration.listen = ["127.0.0.1:8080"]
/// let server = Server(configuration)
/// server.attach("/chat") { Chat() }
/// try server.start()
/// server.waitForSignal()
/// ```
///
/// Made, started and stopped on one thread. ``stop()`` may be called from any thread by way of
/// ``stopper``.
public final class Server {
    let configuration: ServerConfiguration
    private var components: [(path: String, make: @Sendable () -> any MessageComponent)] = []
    private var threads: [LoopThread] = []
    private var control: Control?
    private var durable: DurableLog?
    var manager: ServiceManager?
    var watch: LoopThread?
    var succession: Succession?
    /// Another gateway ran before this one, and has handed its sockets over.
    public internal(set) var isSuccessor = false
    /// Where the server listens, as URLs (`http://127.0.0.1:8080`); known after ``start()``.
    public private(set) var addresses: [String] = []
    /// SHA-256 of the self-signed certificate, hexadecimal with colons; nil with a certificate from
    /// files.
    public private(set) var certificateFingerprint: String?
    public private(set) var loopCount = 0

    public init(_ configuration: ServerConfiguration) {
        self.configuration = configuration
    }

    /// Puts a component behind a path: a WebSocket that connects to it belongs to the component.
    ///
    /// - Parameters:
    ///   - path: begins with `/`; compared as sent, without the query.
    ///   - make: makes one instance per loop, on that loop's thread.
    public func attach(_ path: String, _ make: @escaping @Sendable () -> any MessageComponent) {
        precondition(path.hasPrefix("/"), "a component's path begins with /: \(path)")
        precondition(control == nil, "attach before start")
        components.append((path, make))
    }

    /// Binds the listeners and starts the loops. Returns when connections are accepted.
    ///
    /// SIGTERM and SIGINT are blocked for the calling thread from here on: ``waitForSignal()``
    /// takes them.
    ///
    /// - Throws: ``ServerError`` for an address, certificate or limit that can't be had; nothing is
    ///   left running.
    public func start() throws(ServerError) {
        precondition(control == nil, "a server starts once")
        Signals.block()
        let loops = try loopsWanted()
        let memory = try MemoryShares(
            ceiling: configuration.memoryBytesMax,
            asked: MemoryShares.Asked(
                history: configuration.historyBytesTotalMax,
                backlog: configuration.backlogBytesTotalMax,
                inbound: configuration.inboundBytesTotal),
            messageBytesMax: min(max(configuration.messageBytesMax, 0), 1 << 30), loops: loops)
        var settings = try settings(loops: loops, memory)
        let streamsMax = try streamsPerLoop(loops)
        let environment =
            configuration.serviceManager ? ServiceEnvironment.take() : ServiceEnvironment()
        let predecessor = try configuration.handover.flatMap(Predecessor.find)
        let sockets = try sockets(loops, environment, predecessor)
        try prepareSuccession(sockets, hasPredecessor: predecessor != nil)
        let restored = (0..<loops).map { _ in RestoredShare() }
        let durable = try DurableLog.open(configuration.durablePath, &settings, restored: restored)
        let shared = Shared(
            settings: settings, ringBytesMax: memory.ring, durable: durable?.progress,
            hasLogReader: durable != nil)

        var made: [Loop] = []
        do {
            for _ in 0..<loops { made.append(try Loop(streamsMax: streamsMax)) }
        } catch {
            for loop in made { loop.close() }
            throw ServerError("a loop could not be made: \(error)")
        }
        let control = Control(
            wakeUps: made.map(\.wakeUp),
            drainMilliseconds: UInt64(max(configuration.drainSeconds, 0)) * 1000,
            logBell: durable?.makeBell(shared))
        do {
            try durable?.start(shared, control)
        } catch {
            durable?.stop()
            for loop in made { loop.close() }
            throw ServerError("a thread could not be started: \(error)")
        }
        self.durable = durable
        let components = components
        for (index, loop) in made.enumerated() {
            let start = WorkerStart(
                index: index, loop: loop, shared: shared, control: control,
                kinds: sockets.kinds, listeners: sockets.perLoop[index], components: components,
                restored: restored[index], seed: randomUInt64())
            do {
                threads.append(try LoopThread.start(name: "carillon-\(index)") { start.run() })
            } catch {
                control.stop()
                for _ in index..<loops { control.noteLeft() }
                wait()
                throw ServerError("a thread could not be started: \(error)")
            }
        }
        self.control = control
        loopCount = loops
        addresses = sockets.addresses
        manager = ServiceManager(environment)
        takeOver(predecessor, sockets, control)
        tellManager(control, shared)
    }

    /// Stops accepting, sends every client away over the drain's time, and lets the loops end.
    public func stop() {
        guard let control, !control.isStopping else { return }
        succession?.stop()
        manager?.stopping(drainMilliseconds: control.drainMilliseconds)
        control.stop()
    }

    /// Returns when all loops have ended, and what they published is on the disk where it is to be.
    public func wait() {
        for thread in threads { thread.join() }
        threads.removeAll()
        // Everything that was published is in the ring by now.
        durable?.stop()
        durable = nil
        succession?.stop()
        succession?.join()
        succession = nil
        manager?.stop()
        watch?.join()
        watch = nil
    }

    /// Waits for SIGTERM, SIGINT or a successor, then stops and waits for the loops. A second signal
    /// ends the process.
    public func waitForSignal() {
        Signals.wait()
        Signals.endOnNext()
        stop()
        wait()
    }

    // MARK: - Start-up

    private func loopsWanted() throws(ServerError) -> Int {
        let loops = configuration.loops ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        guard (1...256).contains(loops) else {
            throw ServerError("\(loops) loops were asked for; 1 to 256 are possible")
        }
        return loops
    }

    private func settings(
        loops: Int, _ memory: MemoryShares
    ) throws(ServerError) -> Settings {
        let asked = configuration
        guard (1...(1 << 30)).contains(asked.messageBytesMax) else {
            throw ServerError(
                "messages of \(asked.messageBytesMax) bytes were asked for; 1 to 1073741824 are possible"
            )
        }
        guard asked.historyMessagesMax >= 0, asked.historySeconds >= 0, asked.backlogBytesMax > 0,
            memory.history >= 0, memory.backlog > 0
        else { throw ServerError("a limit is negative, or a backlog's limit is 0") }
        let key = HashKey(randomUInt64(), randomUInt64())
        var settings = Settings(
            epoch: Epoch.make(random: randomUInt64()), hashKey: key, loops: loops)
        settings.limits.messageBytesMax = asked.messageBytesMax
        // A batch larger than a loop may hold of what is not whole would never come.
        settings.limits.batchBytesMax = max(
            min(settings.limits.batchBytesMax, memory.inbound / loops), asked.messageBytesMax)
        settings.limits.backlogBytesMax = max(asked.backlogBytesMax, asked.messageBytesMax)
        settings.limits.historyBytesTotalMax = memory.history
        settings.limits.backlogBytesTotalMax = memory.backlog
        settings.limits.inboundBytesTotal = memory.inbound
        try setRates(&settings.limits)
        settings.namespaces = try asked.resolvedNamespaces()
        guard configuration.handover == nil || configuration.durablePath == nil else {
            throw ServerError(
                "a handover and a durable history don't go together: the file belongs to one process "
                    + "until that has ended")
        }
        try setTimes(&settings.limits)
        settings.access.anonymousRead = asked.anonymousRead
        settings.access.anonymousPublish = asked.anonymousPublish
        settings.access.apiKeys = asked.apiKeys.map { Array($0.utf8) }
        settings.access.anyOrigin = asked.allowedOrigins.contains("*")
        settings.access.allowedOrigins = asked.allowedOrigins
        if let html = asked.developmentPage
            ? PackageResources.page_html : asked.page.map({ Array($0.utf8) })
        {
            settings.page = Page(contentType: "text/html; charset=utf-8", body: html)
        }
        return settings
    }

    private func setRates(_ limits: inout Limits) throws(ServerError) {
        let asked = configuration
        let figures = [
            asked.connectionsPerAddressMax, asked.connectsPerSecondMax,
            asked.publishesPerSecondMax, asked.commandsPerSecondMax,
        ]
        guard figures.allSatisfy((0...1_000_000_000).contains) else {
            throw ServerError("a limit of connections or of rates is not within 0 to 1000000000")
        }
        guard asked.connectionsMax.map({ $0 > 0 }) ?? true else {
            throw ServerError("at least one connection must be allowed")
        }
        limits.connectionsMax = asked.connectionsMax ?? .max
        limits.connectionsPerAddressMax = asked.connectionsPerAddressMax
        limits.connectsPerSecondMax = asked.connectsPerSecondMax
        limits.publishesPerSecondMax = asked.publishesPerSecondMax
        limits.commandsPerSecondMax = asked.commandsPerSecondMax
    }

    private func setTimes(_ limits: inout Limits) throws(ServerError) {
        func milliseconds(_ seconds: Int, _ name: StaticString) throws(ServerError) -> UInt64 {
            guard (1...86_400).contains(seconds) else {
                throw ServerError(
                    "\(name) of \(seconds) seconds was asked for; 1 to 86400 are possible")
            }
            return UInt64(seconds) * 1000
        }
        limits.backlogMillisecondsMax = try milliseconds(
            configuration.backlogSeconds, "a slow client's time")
        limits.headMillisecondsMax = try milliseconds(configuration.headSeconds, "a head's time")
        limits.bodyMillisecondsMax = try milliseconds(configuration.bodySeconds, "a body's time")
        limits.heartbeatMilliseconds = try milliseconds(
            configuration.heartbeatSeconds, "a heartbeat")
        limits.silenceMillisecondsMax = try milliseconds(configuration.silenceSeconds, "a silence")
        guard configuration.silenceSeconds > configuration.heartbeatSeconds else {
            throw ServerError(
                "a silence of \(configuration.silenceSeconds) seconds would end every quiet client, "
                    + "which is only asked each \(configuration.heartbeatSeconds) seconds")
        }
    }

    /// Each loop's share of the descriptors, with some room since the kernel does not deal them out
    /// evenly.
    private func streamsPerLoop(_ loops: Int) throws(ServerError) -> Int {
        let (soft, _) = Descriptors.raiseLimit()
        // Loops, listeners, files and what embedders open.
        let reserved = 32 + loops * 16
        let room = soft - reserved
        guard room > 0 else {
            throw ServerError(
                "the process may open \(soft) descriptors; \(reserved) are needed before the first "
                    + "connection: raise the limit (ulimit -n)")
        }
        return loops == 1 ? room : min(room, room / loops * 5 / 4)
    }

    private func sockets(
        _ loops: Int, _ environment: ServiceEnvironment, _ predecessor: Predecessor?
    ) throws(ServerError) -> Sockets {
        let inherited = try environment.listeningSockets()
        let asked = configuration
        guard !asked.listen.isEmpty || !asked.listenTLS.isEmpty || !inherited.isEmpty else {
            throw ServerError("nowhere to listen: give an address, such as 127.0.0.1:8080")
        }
        let plain = ListenerKind()
        let needsTLS = !asked.listenTLS.isEmpty || inherited.contains { $0[0].isTLS }
        let secure = needsTLS ? ListenerKind(tls: try tlsContext()) : plain
        var sockets = Sockets(loops: loops)
        let offered = predecessor?.sockets ?? []
        for (texts, kind) in [(asked.listen, plain), (asked.listenTLS, secure)] {
            for text in texts {
                try sockets.open(text, kind, offered: offered, exclusive: !asked.reusePort)
            }
        }
        for group in inherited { try sockets.add(group, group[0].isTLS ? secure : plain) }
        return sockets
    }

    private func tlsContext() throws(ServerError) -> TLSContext {
        do {
            switch configuration.certificate {
            case .files(let certificate, let key):
                return try TLSContext(certificateFile: certificate, keyFile: key)
            case .selfSigned:
                let context = try TLSContext.selfSigned()
                certificateFingerprint = context.certificate?.fingerprint
                return context
            case nil:
                throw ServerError(
                    "TLS needs a certificate: give a certificate file and a key file")
            }
        } catch let error as ServerError {
            throw error
        } catch {
            throw ServerError("the certificate can't be used: \(error)")
        }
    }
}
