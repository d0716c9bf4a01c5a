import Glibc
import Ring
import Synchronization
import Testing

@Suite struct MailboxTests {
    @Test(arguments: [1, 2, 7])
    func `a mailbox takes exactly its letters and refuses the next`(entriesMax: Int) {
        let mailbox = Mailbox<Int>(entriesMax: entriesMax)
        for letter in 0..<entriesMax { #expect(mailbox.post(letter)) }
        #expect(!mailbox.post(99))
        var letters: [Int] = []
        mailbox.take(into: &letters)
        #expect(letters == Array(0..<entriesMax))
        #expect(mailbox.post(99))
    }

    @Test func `taking empties it and drops what was in the array`() {
        let mailbox = Mailbox<String>(entriesMax: 9)
        #expect(mailbox.isEmpty)
        _ = mailbox.post("a")
        #expect(!mailbox.isEmpty)
        var letters = ["old"]
        mailbox.take(into: &letters)
        #expect(letters == ["a"])
        #expect(mailbox.isEmpty)
        mailbox.take(into: &letters)
        #expect(letters == [])
    }

    @Test func `a mailbox for no letters stops the program`() async {
        await #expect(processExitsWith: .failure) { _ = Mailbox<Int>(entriesMax: 0) }
    }

    /// An object, so that ThreadSanitizer sees who writes and reads it.
    private final class Letter: Sendable {
        let sender: Int
        let number: Int

        init(sender: Int, number: Int) {
            self.sender = sender
            self.number = number
        }
    }

    /// FORBIDDEN: a letter lost, twice, before an earlier one of its sender, or before it is whole.
    @Test func `letters of several senders arrive once and in each sender's order`() {
        let senders = 3
        let each = 3000
        let mailbox = Mailbox<Letter>(entriesMax: 50)
        let last = Shared(Array(repeating: -1, count: senders))
        let wrong = Shared(0)
        let sending: [@Sendable () -> Void] = (0..<senders).map { sender in
            {
                for number in 0..<each {
                    let letter = Letter(sender: sender, number: number)
                    while !mailbox.post(letter) { sched_yield() }
                }
            }
        }
        inThreads(
            sending + [
                {
                    var letters: [Letter] = []
                    var seen = Array(repeating: -1, count: senders)
                    while seen.contains(where: { $0 < each - 1 }) {
                        mailbox.take(into: &letters)
                        if letters.isEmpty { sched_yield() }
                        for letter in letters {
                            let expected = seen[letter.sender] + 1
                            if letter.number != expected { wrong.update { $0 += 1 } }
                            seen[letter.sender] = letter.number
                        }
                    }
                    let all = seen
                    last.update { $0 = all }
                }
            ])
        #expect(wrong.now == 0)
        #expect(last.now == Array(repeating: each - 1, count: senders))
        #expect(mailbox.isEmpty)
    }

    /// FORBIDDEN: freed while the sender holds it: a retain that comes after the lock is given up.
    /// That is a crash, and in optimized builds only.
    @Test func `a letter that its sender holds is never freed`() {
        let total = 20000
        let mailbox = Mailbox<Message>(entriesMax: 256)
        weak var left: Message?
        do {
            let message = numbered(1)
            left = message
            inThreads([
                { for _ in 0..<total { while !mailbox.post(message) { sched_yield() } } },
                {
                    var letters: [Message] = []
                    var count = 0
                    while count < total {
                        mailbox.take(into: &letters)
                        if letters.isEmpty { sched_yield() }
                        count += letters.count
                    }
                },
            ])
        }
        #expect(left == nil)
    }
}
