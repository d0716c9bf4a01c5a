// The one error a measurement ends with: a sentence for whoever typed the command.

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
