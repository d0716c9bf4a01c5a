// What has an order: the messages of one room, or of one of several publishers on one channel.

/// Message g belongs to stream g % count, and is its number g / count. So one number says where a
/// message belongs, where it stands there, and which bytes it has.
struct Streams: Sendable {
    /// The most channels that one connection may follow.
    static let eachMax = 256
    static let one = Streams(count: 1, each: 1, areChannels: false)

    let count: Int
    /// How many of them each subscriber follows, 1...count.
    let each: Int
    /// Whether each is a channel of its own; else they share one.
    let areChannels: Bool
    /// The longest way from one of a subscriber's streams to its next.
    private let strideMax: Int

    init(count: Int, each: Int, areChannels: Bool) {
        precondition(each >= 1 && each <= count, "\(each) of \(count) streams")
        self.count = count
        self.each = each
        self.areChannels = areChannels
        strideMax = count / each
    }

    /// The stream that `subscriber` follows at `place`, 0..<each; another one at each place.
    ///
    /// Of each `count` subscribers in a row every stream gets `each`. Streams that meet in one
    /// subscriber lie far apart, half of what is possible or more, and not the same ones meet in
    /// all: so messages that are on their way at once seldom have a receiver in common.
    func stream(of subscriber: Int, at place: Int) -> Int {
        let mixed = UInt64(subscriber / count) &* 0x9e37_79b9_7f4a_7c15 >> 32
        let stride = strideMax - Int(mixed % UInt64(strideMax / 2 + 1))
        return (subscriber + place * stride) % count
    }

    /// How many of the first `published` messages are of `stream`.
    func messages(of stream: Int, published: UInt64) -> UInt64 {
        (published + UInt64(count - 1 - stream)) / UInt64(count)
    }

    /// How many of `subscribers` follow each stream.
    func audience(of subscribers: Range<Int>) -> [UInt32] {
        var audience = [UInt32](repeating: 0, count: count)
        for subscriber in subscribers {
            for place in 0..<each { audience[stream(of: subscriber, at: place)] += 1 }
        }
        return audience
    }

    /// - Parameter base: the name of the one channel, or what the names of all begin with.
    func channel(of stream: Int, base: String) -> String {
        areChannels ? "\(base)-\(stream)" : base
    }

    /// The stream whose channel has this name; nil when there is none. Where they are channels.
    func stream(of channel: UnsafeRawBufferPointer, base: [UInt8]) -> Int? {
        let digits = channel.dropFirst(base.count + 1)
        guard channel.starts(with: base), (1...9).contains(digits.count),
            channel[base.count] == 0x2d, digits.count == 1 || digits.first != 0x30
        else { return nil }
        var stream = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            stream = stream * 10 + Int(digit - 0x30)
        }
        return stream < count ? stream : nil
    }
}
