// A named POSIX thread to run a loop on. Swift's own executors are not used: a loop blocks in the
// kernel, which a cooperative thread may not do.

internal import CLibuv
internal import Glibc
private import Synchronization

/// A thread that was started, to be joined once. The handle may be used from any thread.
package final class LoopThread: Sendable {
    /// Enough for a turn with TLS and a component's callback in it; pages are used as touched.
    package static let stackBytesDefault = 1 << 20
    /// The kernel's limit, without the terminating zero.
    static let nameBytesMax = 15

    private let thread: pthread_t
    private let isJoined = Atomic(false)

    private init(_ thread: pthread_t) {
        self.thread = thread
    }

    deinit {
        // A thread nobody joins must be told so, or the kernel keeps its stack.
        if !isJoined.load(ordering: .relaxed) { pthread_detach(thread) }
    }

    /// Starts a thread that runs `body` and ends with it.
    ///
    /// - Parameters:
    ///   - name: shown by `ps -L` and debuggers; cut after 15 bytes.
    ///   - stackBytes: too small a number (below 16 KiB) leaves the system's own choice.
    package static func start(
        name: String, stackBytes: Int = stackBytesDefault, _ body: sending @escaping () -> Void
    ) throws(LoopError) -> LoopThread {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackBytes)

        // The new thread takes this reference over in `runLoopThread`.
        let context = Unmanaged.passRetained(ThreadBody(name: name, run: body))
        var thread = pthread_t()
        let code = pthread_create(&thread, &attributes, runLoopThread, context.toOpaque())
        guard code == 0 else {
            context.release()
            throw .threadNotMade(code: -code)
        }
        return LoopThread(thread)
    }

    /// Waits until the body has returned. Once; not from the thread itself.
    package func join() {
        let wasJoined = isJoined.exchange(true, ordering: .relaxed)
        precondition(!wasJoined, "thread joined twice")
        let code = pthread_join(thread, nil)
        precondition(code == 0, "cannot join thread: error \(code)")
    }
}

private final class ThreadBody {
    let name: String
    let run: () -> Void

    init(name: String, run: @escaping () -> Void) {
        self.name = name
        self.run = run
    }
}

private func runLoopThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    let body = Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue()
    let name = String(decoding: body.name.utf8.prefix(LoopThread.nameBytesMax), as: UTF8.self)
    clibuv_name_thread(name)
    body.run()
    return nil
}
