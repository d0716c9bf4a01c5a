import COpenSSL
import Glibc
import Testing

@testable import TLS

/// Each in a process of its own, in which OpenSSL allocates by what stands below.
@Suite struct TLSMemoryTests {
    @Test func `an idle server connection keeps less than 14 KiB in OpenSSL`() async {
        await #expect(processExitsWith: .success) {
            countAllocations()
            let loop = TLSLoop()
            for version in TLSVersion.allCases {
                for _ in 0..<3 { _ = try Shared.pair(version, loop: loop) }
                let before = liveBytes
                let server = try Shared.pair(version, loop: loop).server
                let idle = liveBytes - before
                precondition(idle < 14 * 1_024, "\(idle) bytes")
                server.send([1])
                precondition(liveBytes - before <= idle, "a buffer is kept after data")
            }
        }
    }

    @Test func `data received and a key update leave no buffers behind`() async {
        await #expect(processExitsWith: .success) {
            countAllocations()
            let pair = try Shared.pair(.tls13)
            let first = pair.client.sealed([1])
            SSL_key_update(pair.client.engine.ssl, SSL_KEY_UPDATE_NOT_REQUESTED)
            let second = pair.client.sealed([1])
            let before = liveBytes
            pair.server.receive(first)
            precondition(liveBytes <= before, "\(liveBytes - before) bytes kept after data")
            pair.server.receive(second.prefix(27))
            precondition(pair.server.isOpen, "\(pair.server.outcome)")
            precondition(liveBytes - before < 1_024, "\(liveBytes - before) bytes kept")
        }
    }

    @Test func `an engine leaves nothing behind, finished or not`() async {
        await #expect(processExitsWith: .success) {
            countAllocations()
            let loop = TLSLoop()
            for _ in 0..<3 { _ = try Shared.pair(.tls13, loop: loop) }
            let before = liveBytes
            for count in [1, 100, 300, 1_000, 65_536] {
                let pair = try Pair(server: Shared.server, client: Shared.client, loop: loop)
                pair.server.receive(pair.client.takeSending(count))
                if !pair.server.sending.isEmpty {
                    pair.client.receive(pair.server.takeSending(count))
                }
            }
            precondition(liveBytes == before, "\(liveBytes - before) bytes lost")
        }
    }

    @Test func `a context leaves nothing behind, made or refused`() async {
        await #expect(processExitsWith: .success) {
            countAllocations()
            func make() throws {
                _ = try TLSContext.selfSigned()
                _ = try TLSContext.client(trust: .certificate(TLSIdentityPEM.certificate))
                _ = try? TLSContext.client(trust: .certificate([1, 2, 3]))
                _ = try? TLSContext(certificateFile: "/nonexistent", keyFile: "/nonexistent")
            }
            for _ in 0..<3 { try make() }
            let before = liveBytes
            for _ in 0..<10 { try make() }
            precondition(liveBytes == before, "\(liveBytes - before) bytes lost")
        }
    }
}

private enum TLSIdentityPEM {
    static let certificate = try! TLSIdentity.make(hosts: ["localhost"]).certificatePEM()
}

/// Bytes that OpenSSL has and has not given back. One thread only.
private nonisolated(unsafe) var liveBytes = 0

/// Takes OpenSSL's allocations over; possible only before its first one.
private func countAllocations() {
    let taken = CRYPTO_set_mem_functions(allocate, reallocate, release)
    precondition(taken == 1, "OpenSSL has already allocated")
}

/// Before each block stands its size, in as much room as keeps it aligned.
private let header = 16

private func allocate(
    _ count: Int, _ file: UnsafePointer<CChar>?, _ line: Int32
) -> UnsafeMutableRawPointer? {
    guard count > 0, let block = malloc(count + header) else { return nil }
    block.storeBytes(of: count, as: Int.self)
    liveBytes += count
    return block + header
}

private func reallocate(
    _ block: UnsafeMutableRawPointer?, _ count: Int, _ file: UnsafePointer<CChar>?, _ line: Int32
) -> UnsafeMutableRawPointer? {
    guard let block else { return allocate(count, file, line) }
    let held = (block - header).load(as: Int.self)
    let moved = allocate(count, file, line)
    moved?.copyMemory(from: block, byteCount: min(held, count))
    release(block, file, line)
    return moved
}

private func release(
    _ block: UnsafeMutableRawPointer?, _ file: UnsafePointer<CChar>?, _ line: Int32
) {
    guard let block else { return }
    liveBytes -= (block - header).load(as: Int.self)
    free(block - header)
}
