// Whom a turn wakes. What it is not: the waking, nor the question who of them sleeps; those are the
// rim's.

internal import Ring

extension Shard {
    /// A message is in the ring: who must read it at once is woken at the end of the turn.
    ///
    /// Everybody else reads the ring when something else brings a turn, about a second later at the
    /// latest. What a channel's home does for it can wait so long: an answer that depends on it reads
    /// the ring first.
    mutating func call(for message: Message) {
        hasPublished = true
        shared.interest.addFollowers(of: message.channel, to: &output.calls.toRead)
        guard let log = shared.logReader,
            settings.namespaces[message.namespace].durability != .memory
        else { return }
        output.calls.toRead.insert(log)
    }

    /// Puts a letter into the mailbox of a loop, which is woken for it at the end of the turn.
    ///
    /// - Returns: false when there is no room.
    mutating func post(_ letter: Mail, to loop: Int) -> Bool {
        guard shared.mailboxes[loop].post(letter) else { return false }
        output.calls.toTurn.insert(loop)
        return true
    }

    /// Once a turn, after the last publish: loops that sleep on messages are not to fill the ring.
    mutating func callIfPressing() {
        hasPublished = false
        if shared.ring.isPressing { output.calls = .all }
    }
}
