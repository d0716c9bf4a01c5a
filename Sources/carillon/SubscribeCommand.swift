// `carillon subscribe`

import ArgumentParser
import Client

extension Transport: ExpressibleByArgument {}

struct SubscribeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "subscribe",
        abstract: "Follow a channel, and print its messages, one a line.",
        discussion: """
            When the connection breaks, it comes back and goes on after the last message. What else \
            there is to say, such as that messages are missing, stands on standard error.

            Exits with 1 if it can't follow, and if --count messages did not come in time.
            """)

    @Argument(help: urlHelp)
    var url: String

    @Option(help: "Start after the message with this id; 'first' is the oldest that is kept.")
    var after: String?

    @Option(
        help: """
            ws, sse, poll or stream (default: ws for a ws URL; for an http URL sse, with --json \
            stream).
            """)
    var transport: Transport?

    @Option(help: "End after so many messages.")
    var count: Int?

    @Option(help: "End after so many seconds.")
    var timeout: Double?

    @Flag(help: "Put each message's id and a tab before it.")
    var ids = false

    @Flag(help: "Print each message as a JSON object with id, event and data.")
    var json = false

    @Flag(name: .customLong("no-reconnect"), help: "End when the connection breaks.")
    var noReconnect = false

    @OptionGroup var client: ClientOptions

    func validate() throws {
        if ids, json { throw ValidationError("--ids and --json exclude each other") }
        if let count, count < 1 { throw ValidationError("--count is 1 or more") }
        if let timeout, !(timeout > 0 && timeout <= 1e9) {
            throw ValidationError("--timeout is a number of seconds above 0")
        }
        if let after, !isVisible(after) {
            throw ValidationError("--after wants an id as it was printed, or 'first'")
        }
    }

    func run() {
        let url = serverURL(url)
        let deadline = timeout.map { monotonicMilliseconds() + UInt64($0 * 1000) }
        var left = count ?? .max
        do throws(ClientError) {
            let subscriber = try Subscriber(
                url, transport: chosenTransport(url), key: client.usableKey(), after: after,
                trust: client.trust, reconnects: !noReconnect)
            let end = try subscriber.run(until: deadline) { batch in
                print(batch, &left)
                return left > 0
            }
            if let count, left > 0 {
                let late = end == .timedOut ? " in time" : ""
                giveUp("\(count - left) of \(count) messages came\(late)")
            }
        } catch {
            giveUp("\(error)")
        }
    }

    private func chosenTransport(_ url: ServerURL) -> Transport {
        if let transport { return transport }
        // Only SSE has no envelope: what --json would print is put together, and JSON within it
        // would have become text.
        let suggested = Transport(url)
        return json && suggested == .serverSentEvents ? .stream : suggested
    }

    /// Prints up to `left` messages with one write.
    private func print(_ batch: [Received], _ left: inout Int) {
        var output: [UInt8] = []
        for one in batch where left > 0 {
            switch one {
            case .message(let message):
                append(message, to: &output)
                left -= 1
            case .gap(let channel):
                say("messages are missing" + (channel.map { " on \(printable($0))" } ?? ""))
            case .notice(let text): say(printable(text))
            }
        }
        put(output)
    }

    private func append(_ message: ReceivedMessage, to output: inout [UInt8]) {
        if json {
            output += message.envelope
        } else {
            if ids { output += message.id + [UInt8(ascii: "\t")] }
            output += message.payload
        }
        output.append(UInt8(ascii: "\n"))
    }
}
