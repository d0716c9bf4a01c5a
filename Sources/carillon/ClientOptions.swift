// What `publish` and `subscribe` have in common: whom to trust, who one is, and how to give up.

import ArgumentParser
import Client
import Glibc
import TLS

struct ClientOptions: ParsableArguments {
    @Option(help: "API key or token (default: the environment's CARILLON_API_KEY).")
    var key: String?

    @Flag(help: "Trust any certificate. For trying things out.")
    var insecure = false

    @Option(
        name: .customLong("ca"), help: "PEM file of authorities to trust, instead of the system's.")
    var authorities: String?

    func validate() throws {
        if insecure, authorities != nil {
            throw ValidationError("--insecure and --ca exclude each other")
        }
        if let key, !isVisible(key) {
            throw ValidationError("a key is of visible ASCII characters, without spaces")
        }
    }

    var trust: TLSTrust {
        if insecure { return .insecure }
        return authorities.map { .file($0) } ?? .system
    }

    /// The key given, else that of the environment.
    func usableKey() -> String? {
        if let key { return key }
        guard let value = getenv("CARILLON_API_KEY") else { return nil }
        let key = String(cString: value)
        if key.isEmpty { return nil }
        guard isVisible(key) else { fail("CARILLON_API_KEY is not of visible ASCII characters") }
        return key
    }
}

/// Whether `text` can be sent as one word of a header.
func isVisible(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
}

let urlHelp: ArgumentHelp = """
    http(s):// or ws(s)://HOST[:PORT]/channels/NAME, or http+unix:/SOCKET:/channels/NAME.
    """

func serverURL(_ text: String) -> ServerURL {
    do throws(URLError) {
        return try ServerURL(text)
    } catch {
        fail("\(error)")
    }
}

/// One sentence on standard error.
func say(_ sentence: String) { _ = writeAll(STDERR_FILENO, Array("carillon: \(sentence)\n".utf8)) }

/// Ends the program because what it was asked for did not come to pass: exit code 1.
func giveUp(_ sentence: String) -> Never {
    say(sentence)
    exit(1)
}

/// Writes to standard output, or ends the program: nobody would see what follows.
func put(_ bytes: [UInt8]) {
    guard writeAll(STDOUT_FILENO, bytes) else { giveUp("standard output can't be written") }
}
