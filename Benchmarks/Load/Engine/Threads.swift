// Starts the threads of a measurement and waits for them.

import Glibc

/// Runs `body` on a thread of its own.
struct JoinableThread: ~Copyable {
    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    private let id: pthread_t

    init(_ run: sending @escaping () -> Void) throws(Failure) {
        var id = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let result = pthread_create(&id, nil, JoinableThread.start, body.toOpaque())
        guard result == 0 else {
            body.release()
            throw Failure("pthread_create: \(String(cString: strerror(result)))")
        }
        self.id = id
    }

    consuming func join() { pthread_join(id, nil) }

    private typealias Start =
        @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?

    private static let start: Start = { context in
        // The reference that `init` retained for this thread.
        Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
        return nil
    }
}
