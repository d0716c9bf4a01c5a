// Why a server does not start.

/// A start-up failure, in a sentence that names what to change.
public struct ServerError: Error, CustomStringConvertible, Sendable {
    public let description: String

    init(_ description: String) { self.description = description }
}
