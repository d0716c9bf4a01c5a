// What a worker is made of, carried to the thread it will live on.

internal import Hub
internal import Loops

/// Everything a worker needs that is made before its thread. `run` is called once, on that thread.
///
/// Unchecked, since `loop` belongs to one thread: the thread that made it does not touch it again
/// after this was handed over, and `adopt` makes the new one its owner.
struct WorkerStart: @unchecked Sendable {
    let index: Int
    let loop: Loop
    let shared: Shared
    let control: Control
    let kinds: [ListenerKind]
    let listeners: [(Listener, tag: Int)]
    let components: [(path: String, make: @Sendable () -> any MessageComponent)]
    let restored: RestoredShare
    let seed: UInt64

    func run() {
        loop.adopt()
        let worker = Worker(
            index: index, loop: loop, shared: shared, control: control, kinds: kinds,
            components: components.map { ($0.path, $0.make()) }, restored: restored.take(),
            seed: seed)
        worker.run(listeners)
    }
}
