// The client's side of TLS, as little as a load generator needs: no verification, no resumption
// (so each handshake is a full one), OpenSSL reading and writing the socket itself.

import COpenSSL
import Glibc

/// Shared by all threads, never freed.
final class TLSContext: @unchecked Sendable {
    // An SSL_CTX may be used by several threads once it is set up, and it is set up in `init`.
    private let context: OpaquePointer

    init() throws(Failure) {
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw Failure("OpenSSL gives no context")
        }
        self.context = context
        // The C names are macros over this call, which Swift does not import.
        let mode =
            Int(SSL_MODE_RELEASE_BUFFERS) | Int(SSL_MODE_ENABLE_PARTIAL_WRITE)
            | Int(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER)
        SSL_CTX_ctrl(context, SSL_CTRL_MODE, mode, nil)
        // A record's header and body in one read.
        SSL_CTX_ctrl(context, SSL_CTRL_SET_READ_AHEAD, 1, nil)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, 0, nil)
    }

    func makeSession(on socket: Int32) -> OpaquePointer? {
        guard let session = SSL_new(context) else { return nil }
        SSL_set_fd(session, socket)
        SSL_set_connect_state(session)
        return session
    }
}

/// What reading or writing came to, with TLS or without.
enum Transfer {
    case bytes(Int)
    /// Nothing more for now.
    case wouldBlock
    case closed
}

enum Stream {
    /// Takes the handshake a step further.
    ///
    /// - Returns: `bytes` when it is finished.
    static func secure(_ session: OpaquePointer) -> Transfer {
        let result = SSL_do_handshake(session)
        return result == 1 ? .bytes(0) : outcome(session, result)
    }

    @inline(__always)
    static func read(
        _ socket: Int32, _ session: OpaquePointer?, _ into: UnsafeMutableRawPointer, _ room: Int
    ) -> Transfer {
        if let session {
            let got = SSL_read(session, into, Int32(room))
            return got > 0 ? .bytes(Int(got)) : outcome(session, got)
        }
        let got = Glibc.read(socket, into, room)
        return got > 0 ? .bytes(got) : outcome(got)
    }

    static func write(
        _ socket: Int32, _ session: OpaquePointer?, _ from: UnsafeRawPointer, _ count: Int
    ) -> Transfer {
        if let session {
            let put = SSL_write(session, from, Int32(count))
            return put > 0 ? .bytes(Int(put)) : outcome(session, put)
        }
        let put = Glibc.write(socket, from, count)
        return put > 0 ? .bytes(put) : outcome(put)
    }

    private static func outcome(_ result: Int) -> Transfer {
        result < 0 && (errno == EAGAIN || errno == EINTR) ? .wouldBlock : .closed
    }

    private static func outcome(_ session: OpaquePointer, _ result: Int32) -> Transfer {
        let error = SSL_get_error(session, result)
        ERR_clear_error()
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? .wouldBlock : .closed
    }
}
