// `carillon publish`

import ArgumentParser
import Client

struct PublishCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Publish a message, and print its id.",
        discussion: """
            Without DATA, or with '-', the message is read from standard input, to its end. Text that \
            is not UTF-8 is published as binary.

            What may pass, such as a connection that breaks or a server that asks to come back, is \
            tried again, five times in all. The message is published once: each has an idempotency \
            key.
            """)

    @Argument(help: urlHelp)
    var url: String

    @Argument(help: "The message.")
    var data: String?

    @Option(help: "The message's event name.")
    var event: String?

    @Option(name: .customLong("ttl"), help: "Seconds that history keeps the message.")
    var timeToLiveSeconds: UInt64?

    @Option(help: "Publish only if this is higher than the channel's last version.")
    var version: UInt64?

    @Option(
        name: .customLong("idempotency-key"),
        help: """
            Under the same key one message is published, however often the command is run \
            (default: made up).
            """)
    var idempotencyKey: String?

    @Option(help: "Name of a connection that does not get the message (Carillon-Connection).")
    var exclude: String?

    @Flag(help: "The message is JSON, and followers get it as such.")
    var json = false

    @Flag(help: "The message is binary.")
    var binary = false

    @Flag(help: "Each line of standard input is a message; empty ones are left out.")
    var lines = false

    @OptionGroup var client: ClientOptions

    func validate() throws {
        if json, binary { throw ValidationError("--json and --binary exclude each other") }
        if lines, data != nil, data != "-" {
            throw ValidationError("--lines reads standard input, so there is no place for DATA")
        }
        if event?.isEmpty == true { throw ValidationError("the event name is empty") }
        if let key = idempotencyKey {
            if lines {
                throw ValidationError("--lines publishes several messages, and a key is for one")
            }
            guard (1...128).contains(key.utf8.count),
                key.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
            else { throw ValidationError("an idempotency key is 1 to 128 characters of ASCII") }
        }
        if let exclude, !isVisible(exclude) {
            throw ValidationError("--exclude wants a connection's name as it was told")
        }
    }

    func run() {
        let limits = ClientLimits()
        do throws(ClientError) {
            let publisher = try Publisher(
                serverURL(url), kind: json ? .json : binary ? .binary : .text, options: options,
                key: client.usableKey(), trust: client.trust, limits: limits)
            if lines {
                try readLines(lineBytesMax: limits.messageBytesMax) { (line) throws(ClientError) in
                    report(try publisher.publish(line))
                }
                return
            }
            let message =
                if let data, data != "-" {
                    Array(data.utf8)
                } else {
                    try readAll(bytesMax: limits.messageBytesMax)
                }
            report(try publisher.publish(message))
        } catch {
            giveUp("\(error)")
        }
    }

    private var options: PublishOptions {
        var options = PublishOptions(event: event)
        options.timeToLiveSeconds = timeToLiveSeconds
        options.version = version
        options.exclude = exclude
        options.idempotencyKey = idempotencyKey
        return options
    }

    private func report(_ result: PublishResult) {
        switch result {
        case .published(let id): put(Array("\(printable(id))\n".utf8))
        case .skipped(let version): say("not published: the channel has version \(version)")
        }
    }
}
