// What one loop gets of the durable history when it starts.

internal import Hub
internal import Synchronization

/// Filled by the thread that starts the server, emptied by the loop: nobody else keeps the messages, so
/// they go when their channel drops them.
final class RestoredShare: Sendable {
    private let channels = Mutex<[Restored]>([])

    func add(_ channel: Restored) {
        channels.withLock { $0.append(channel) }
    }

    func take() -> [Restored] {
        channels.withLock { channels in
            let taken = channels
            channels = []
            return taken
        }
    }
}
