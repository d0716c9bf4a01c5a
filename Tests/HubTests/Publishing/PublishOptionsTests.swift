// What may be asked of a publish, in each way to ask, at both sides of each limit.

import Bytes
@testable import Hub
import Ring
import Testing
import Wire

@Suite struct PublishOptionsTests {
    private static let all = Way.allCases

    /// Ways times cases.
    private static func table<Case>(_ cases: [Case]) -> [(Way, Case)] {
        all.flatMap { way in cases.map { (way, $0) } }
    }

    private func told(_ way: Way, _ ask: Ask) -> PublishAnswer? {
        let world = World()
        return TestPublisher(world, way).ask("c", ask)
    }

    // MARK: - Time to live

    @Test(arguments: table(["1", "60", "2592000"]))
    func `a time to live is in whole seconds, and the message has it`(_ way: Way, _ ttl: String) {
        let world = World()
        #expect(TestPublisher(world, way).ask("c", Ask(ttl: ttl))?.id != nil)
        let kept = world.kept("c")
        #expect(kept.map(\.timeToLiveMilliseconds) == [UInt32(ttl)! * 1000])
    }

    @Test(arguments: table(["0", "2592001", "-1", "1.5", "4294968", "99999999999999999999"]))
    func `a time to live beyond its limits is refused with the limit`(_ way: Way, _ ttl: String) {
        let world = World()
        let publisher = TestPublisher(world, way)
        let told = publisher.ask("c", Ask(ttl: ttl))
        #expect(told?.refusal == (way == .fields || way == .query ? "400" : "bad-ttl"))
        #expect(publisher.client.text.contains("1 to 2592000"))
        #expect(world.shared.ring.published == 0)
    }

    // MARK: - Versions

    @Test(arguments: table(["0", "18446744073709551615"]))
    func `a version is any number of 64 bits`(_ way: Way, _ version: String) {
        #expect(told(way, Ask(version: version))?.id != nil)
    }

    @Test(arguments: table(["-1", "1.0", "18446744073709551616", "1e3"]))
    func `what is no such number is no version`(_ way: Way, _ version: String) {
        let told = told(way, Ask(version: version))
        #expect(told?.refusal == (way == .fields || way == .query ? "400" : "bad-version"))
    }

    // MARK: - Keys

    @Test(arguments: table([(1, true), (128, true), (129, false)]))
    func `a key has 1 to 128 bytes`(_ way: Way, _ count: (bytes: Int, isTaken: Bool)) {
        let told = told(way, Ask(key: String(repeating: "k", count: count.bytes)))
        #expect((told?.id != nil) == count.isTaken)
        #expect((told?.refusal == nil) == count.isTaken)
    }

    @Test(arguments: [
        #"Idempotency-Key: """#, "Idempotency-Key: ", #"Idempotency-Key: "a"#,
        #"Idempotency-Key: "a" b"#, #"Idempotency-Key: "a\b""#, "Idempotency-Key: a b",
        "Idempotency-Key: \"ü\"", "Idempotency-Key: a\r\nIdempotency-Key: a",
    ])
    func `a field that is no string is no key`(_ field: String) {
        let world = World()
        let client = world.connect()
        client.send(post("/channels/c", "m", [field]))
        #expect(client.answer(to: .post)?.status == 400)
        #expect(world.shared.ring.published == 0)
    }

    @Test func `quoted, bare, escaped and in JSON it is the same key`() {
        let world = World()
        let client = world.connect()
        for field in ["k-1", #""k-1""#] {
            client.send(post("/channels/c", "m", ["Idempotency-Key: \(field)"]))
        }
        client.send(post("/publish", #"{"channel":"c","data":"m","key":"k-1"}"#))
        #expect(client.answers(to: .post).map(\.status) == [200, 200, 200])
        #expect(world.shared.ring.published == 1)
    }

    @Test(arguments: [
        (#"a"#, #"a"#), (#""a""#, #"a"#), (#""a\"b\\""#, #"a"b\"#), (#""\\\"""#, #"\""#),
        (#""a\"b c""#, #"a"b c"#), (#""""#, ""), ("", ""), (#"""#, nil), (#""a"#, nil),
        (#"a"b"#, nil), (#""a"b""#, nil), (#""a\b""#, nil), (#""a\""#, nil), ("a b", nil),
        (#""é""#, nil),
    ])
    func `a string of structured fields is read as it is meant`(_ field: String, _ text: String?) {
        var found: String?
        withSFString(field.utf8.span) { found = String(decoding: array($0), as: UTF8.self) }
        #expect(found == text)
    }

    @Test(arguments: ["7", "[]", "{}", "true", #""""#])
    func `a key in JSON is a string that is not empty`(_ key: String) {
        let world = World()
        let client = world.connect()
        client.send(post("/publish", #"{"channel":"c","data":1,"key":\#(key)}"#))
        #expect(client.answer(to: .post)?.text.contains(#""code":"bad-key""#) == true)
    }

    @Test func `null asks for nothing`() {
        let world = World()
        let client = world.connect()
        client.send(
            post(
                "/publish",
                #"{"channel":"c","data":1,"key":null,"ttl":null,"version":null,"exclude":null}"#))
        #expect(client.answer(to: .post)?.text.contains(#""id""#) == true)
    }

    // MARK: - The rest

    @Test(
        arguments: table([
            "x", String(repeating: "a", count: 31), String(repeating: "A", count: 32),
        ]))
    func `what can't be a connection's name is refused`(_ way: Way, _ name: String) {
        let told = told(way, Ask(exclude: name))
        #expect(told?.refusal == (way == .fields || way == .query ? "400" : "bad-exclude"))
    }

    @Test(arguments: table([(128, true), (129, false)]))
    func `an event's name has 128 bytes at most`(_ way: Way, _ count: (bytes: Int, isTaken: Bool)) {
        let told = told(way, Ask(event: String(repeating: "e", count: count.bytes)))
        #expect((told?.id != nil) == count.isTaken)
    }

    @Test func `the query counts where a field says otherwise`() {
        let world = World()
        let client = world.connect()
        client.send(
            post(
                "/channels/c?ttl=5&version=9", "m", ["Carillon-TTL: 6", "Carillon-Version: 1"]))
        client.send(post("/channels/c", "m", ["Carillon-Version: 8"]))
        let answers = client.answers(to: .post)
        #expect(answers.map(\.text).last == "{\"skipped\":true,\"version\":9}\n")
        #expect(world.kept("c").map(\.timeToLiveMilliseconds) == [5_000])
    }

    @Test func `a page of another origin may send the fields, and read the answers'`() {
        let world = World { $0.access.anyOrigin = true }
        let client = world.connect()
        client.send(request("/channels/c", method: "OPTIONS", ["Origin: https://a.test"]))
        let head = client.answer()?.head
        let allowed = head?.first("Access-Control-Allow-Headers") ?? ""
        for name in ["Idempotency-Key", "Carillon-TTL", "Carillon-Version", "Carillon-Exclude"] {
            #expect(allowed.contains(name))
        }
        let exposed = head?.first("Access-Control-Expose-Headers") ?? ""
        #expect(exposed.contains("Carillon-Connection") && exposed.contains("Retry-After"))
    }
}

extension World {
    /// What the channel's home keeps.
    func kept(_ channel: String) -> [Message] {
        settle()
        let name = ChannelName(Array(channel.utf8), key: settings.hashKey)
        let home = settings.home(of: name)
        let index = loops[home].shard.channels.find(name)
        guard index >= 0 else { return [] }
        let history = loops[home].shard.channels[index].history
        let kept = history?.after(0, limit: .max, nowUnixMilliseconds: now.unixMilliseconds)
        return kept?.map(\.message) ?? []
    }
}
