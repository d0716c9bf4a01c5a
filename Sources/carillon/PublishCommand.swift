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
            """)

    @Argument(help: urlHelp)
    var url: String

    @Argument(help: "The message.")
    var data: String?

    @Option(help: "The message's event name.")
    var event: String?

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
    }

    func run() {
        let limits = ClientLimits()
        do throws(ClientError) {
            let publisher = try Publisher(
                serverURL(url), kind: json ? .json : binary ? .binary : .text, event: event,
                key: client.usableKey(), trust: client.trust, limits: limits)
            if lines {
                try readLines(lineBytesMax: limits.messageBytesMax) { (line) throws(ClientError) in
                    put(Array("\(printable(try publisher.publish(line)))\n".utf8))
                }
                return
            }
            let message =
                if let data, data != "-" {
                    Array(data.utf8)
                } else {
                    try readAll(bytesMax: limits.messageBytesMax)
                }
            put(Array("\(printable(try publisher.publish(message)))\n".utf8))
        } catch {
            giveUp("\(error)")
        }
    }
}
