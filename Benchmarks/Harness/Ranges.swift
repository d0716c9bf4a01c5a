// What an option may be: said in its help, and to who gives something else.

private import ArgumentParser

extension ClosedRange {
    /// For an option's help.
    package var words: String { "\(text(lowerBound)) to \(text(upperBound))" }

    /// - Throws: what is read by who typed the command: the option, its range and the value.
    package func check(_ value: Bound, _ option: String) throws {
        guard !contains(value) else { return }
        throw ValidationError("\(option) is \(words), not \(text(value))")
    }

    /// A whole number without a point.
    private func text(_ bound: Bound) -> String {
        let text = "\(bound)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
