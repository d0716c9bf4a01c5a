// `carillon serve`

import ArgumentParser
import Gateway

#if canImport(Glibc)
    import Glibc
#endif

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve channels until SIGTERM or SIGINT.",
        discussion: """
            Without --dev nothing is open that was not opened: a publisher needs an API key \
            (--api-key or CARILLON_API_KEY), a reader needs one too unless --anonymous-read is given.
            """)

    @Option(help: "Listen on [HOST:]PORT or unix:PATH, in plain. May be repeated.")
    var listen: [String] = []

    @Option(
        name: .customLong("tls-listen"), help: "Listen on [HOST:]PORT under TLS. May be repeated.")
    var tlsListen: [String] = []

    @Option(name: .customLong("tls-cert"), help: "PEM file with the certificate chain, leaf first.")
    var tlsCertificate: String?

    @Option(name: .customLong("tls-key"), help: "PEM file with the certificate's key.")
    var tlsKey: String?

    @Option(help: "Loops, each on a thread of its own (default: one per core).")
    var loops: Int?

    @Flag(help: "For trying out: 127.0.0.1:8080 and, under TLS, :8443; anyone may read and write.")
    var dev = false

    @Option(
        name: .customLong("api-key"), help: "Who sends it may publish and read. May be repeated.")
    var apiKey: [String] = []

    @Flag(name: .customLong("anonymous-read"), help: "Anyone may follow any channel.")
    var anonymousRead = false

    @Option(
        name: .customLong("allow-origin"),
        help: "An origin whose pages may call, or '*'. May be repeated.")
    var allowOrigin: [String] = []

    @Option(
        name: .customLong("message-bytes-max"),
        help: "Largest message, bytes; here as in every size K, M and G may follow.")
    var messageBytesMax = ByteSize(bytes: 1 << 20)

    @Option(
        name: .customLong("backlog-bytes-max"),
        help: "Messages waiting for one slow connection, bytes.")
    var backlogBytesMax = ByteSize(bytes: 1 << 20)

    @Option(
        name: .customLong("backlog-seconds"),
        help: "For how long one slow connection may take nothing.")
    var backlogSeconds = 30

    @Option(name: .customLong("head-seconds"), help: "A request's head to arrive.")
    var headSeconds = 10

    @Option(name: .customLong("body-seconds"), help: "A request's body to arrive.")
    var bodySeconds = 30

    @Option(name: .customLong("heartbeat-seconds"), help: "Between two heartbeats.")
    var heartbeatSeconds = 25

    @Option(
        name: .customLong("silence-seconds"),
        help: "A client that gave no sign of life for so long is gone.")
    var silenceSeconds = 60

    @Option(
        name: .customLong("connections-max"), help: "Connections (default: what descriptors allow)."
    )
    var connectionsMax: Int?

    @OptionGroup(title: "Limits") var limits: LimitOptions

    @Option(name: .customLong("history"), help: "Messages that a channel keeps.")
    var historyMessages = 100

    @Option(name: .customLong("history-seconds"), help: "For how long it keeps them.")
    var historySeconds = 300

    @Option(
        help: ArgumentHelp(
            "Settings of the channels NAME:…; '*' is all others. May be repeated.",
            discussion: """
                Keys: history=off|last|N, history-seconds=N, history-bytes=N[K|M|G], \
                slow=disconnect|drop-oldest|latest, durability=memory|interval|fsync, presence, \
                presence-grace=SECONDS, batch=Nms. Example: 'chat,history=50,slow=drop-oldest,presence'
                """,
            valueName: "name,key=value,…"))
    var namespace: [String] = []

    @Option(
        name: .customLong("history-bytes-total"),
        help: "What all channels together keep, bytes (default: 256M); the loops share it evenly.")
    var historyBytesTotal: ByteSize?

    @Option(
        name: .customLong("backlog-bytes-total"),
        help: ArgumentHelp(
            "What waits for all slow connections together, bytes (default: 256M); the loops share "
                + "it evenly."))
    var backlogBytesTotal: ByteSize?

    @Option(
        name: .customLong("durable-path"),
        help: "The file that keeps the history of durable namespaces.", completion: .file())
    var durablePath: String?

    @Option(
        name: .customLong("drain-seconds"),
        help: "How long sending clients away may take after SIGTERM.")
    var drainSeconds = 25

    @Option(
        help: """
            Take over from the gateway that waits at this Unix socket, if any, and wait there for \
            the next one.
            """)
    var handover: String?

    @Flag(
        name: .customLong("reuse-port"), help: "Let another process listen on the same ports.")
    var reusePort = false

    func run() throws {
        let server = Server(try settings())
        do {
            try server.start()
        } catch {
            fail("\(error)")
        }
        announce(server)
        server.waitForSignal()
    }

    private func settings() throws -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.listen = listen
        configuration.listenTLS = tlsListen
        configuration.loops = loops
        configuration.apiKeys = apiKey + environmentKeys()
        configuration.anonymousRead = anonymousRead
        configuration.allowedOrigins = allowOrigin
        configuration.messageBytesMax = messageBytesMax.bytes
        configuration.backlogBytesMax = backlogBytesMax.bytes
        configuration.connectionsMax = connectionsMax
        limits.apply(to: &configuration)
        configuration.historyMessagesMax = historyMessages
        configuration.historySeconds = historySeconds
        configuration.namespaces = namespaces()
        configuration.historyBytesTotalMax = historyBytesTotal?.bytes
        configuration.backlogBytesTotalMax = backlogBytesTotal?.bytes
        configuration.durablePath = durablePath
        configuration.drainSeconds = drainSeconds
        configuration.handover = handover
        configuration.reusePort = reusePort
        configuration.serviceManager = true
        configuration.backlogSeconds = backlogSeconds
        configuration.headSeconds = headSeconds
        configuration.bodySeconds = bodySeconds
        configuration.heartbeatSeconds = heartbeatSeconds
        configuration.silenceSeconds = silenceSeconds
        switch (tlsCertificate, tlsKey) {
        case (let certificate?, let key?):
            configuration.certificate = .files(certificate: certificate, key: key)
        case (nil, nil): configuration.certificate = dev ? .selfSigned : nil
        default: fail("--tls-cert and --tls-key belong together")
        }
        if dev {
            // A default that was not asked for makes room for one that was.
            let isGiven = getenv("LISTEN_FDS") != nil
            if listen.isEmpty, !isGiven { configuration.listen = ["127.0.0.1:8080"] }
            if tlsListen.isEmpty, listen.isEmpty, !isGiven {
                configuration.listenTLS = ["127.0.0.1:8443"]
            }
            configuration.anonymousRead = true
            configuration.anonymousPublish = true
            configuration.allowedOrigins.append("*")
            configuration.developmentPage = true
        } else if configuration.apiKeys.isEmpty {
            fail(
                "no key is configured, so nobody could publish: give --api-key KEY or set "
                    + "CARILLON_API_KEY, or use --dev to try things out")
        }
        return configuration
    }

    private func namespaces() -> [NamespaceConfiguration] {
        do throws(ServerError) {
            return try namespace.map { argument throws(ServerError) in
                try NamespaceConfiguration(argument: argument)
            }
        } catch {
            fail("\(error)")
        }
    }

    private func environmentKeys() -> [String] {
        guard let value = getenv("CARILLON_API_KEY") else { return [] }
        let key = String(cString: value)
        return key.isEmpty ? [] : [key]
    }

    private func announce(_ server: Server) {
        if dev { print("Development mode: anyone may read and write any channel.") }
        if server.isSuccessor { print("Taken over from the gateway that ran before.") }
        for address in server.addresses { print("Listening on \(address)") }
        if let fingerprint = server.certificateFingerprint {
            print("Certificate made on the spot, SHA-256 \(fingerprint)")
        }
        let loops = server.loopCount == 1 ? "1 loop" : "\(server.loopCount) loops"
        print("\(loops). Stop with Ctrl-C.")
        // Whoever reads this through a pipe waits for it.
        fflush(nil)
    }
}

/// Ends the program because it can't start: one sentence, exit code 2.
func fail(_ sentence: String) -> Never {
    let line = Array("carillon: \(sentence)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(2)
}
