// The limits of `carillon serve` that few will need.

import ArgumentParser
import Gateway

struct LimitOptions: ParsableArguments {
    @Option(
        name: .customLong("memory-max"),
        help: ArgumentHelp(
            "Memory that clients fill: half history, a quarter backlogs, an eighth unfinished "
                + "input, an eighth messages in flight; what is given for one of them is taken off "
                + "first (default: each has a size of its own).",
            valueName: "bytes"))
    var memoryMax: ByteSize?

    @Option(
        name: .customLong("inbound-bytes-total"),
        help: ArgumentHelp(
            "Held of requests and messages that are not whole (default: 128M).",
            valueName: "bytes"))
    var inboundBytesTotal: ByteSize?

    @Option(
        name: .customLong("connections-per-address"),
        help: "Connections of one address, of IPv6 of one /64; 0: any number.")
    var connectionsPerAddress = 0

    @Option(
        name: .customLong("connects-per-second"),
        help: "New connections of one address a second, and at once; 0: any number.")
    var connectsPerSecond = 0

    @Option(
        name: .customLong("publishes-per-second"),
        help: "Messages that one connection without a key publishes a second, and at once; 0: any.")
    var publishesPerSecond = 0

    @Option(
        name: .customLong("commands-per-second"),
        help: "Other commands of carillon.v1, likewise; 0: any number.")
    var commandsPerSecond = 0

    func apply(to configuration: inout ServerConfiguration) {
        configuration.memoryBytesMax = memoryMax?.bytes
        configuration.inboundBytesTotal = inboundBytesTotal?.bytes
        configuration.connectionsPerAddressMax = connectionsPerAddress
        configuration.connectsPerSecondMax = connectsPerSecond
        configuration.publishesPerSecondMax = publishesPerSecond
        configuration.commandsPerSecondMax = commandsPerSecond
    }
}

extension ByteSize: ExpressibleByArgument {
    init?(argument: String) { self.init(argument) }
    var defaultValueDescription: String { description }
}
