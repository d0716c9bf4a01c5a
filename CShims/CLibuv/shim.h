// libuv, and what of the C library Swift's Glibc module leaves out: some functions, and messages with
// descriptors in them, which take macros.

#ifndef CLIBUV_SHIM_H
#define CLIBUV_SHIM_H

#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <uv.h>

// Declared here because the headers hide them without _GNU_SOURCE, which cannot be set for a module
// that others have loaded before.
extern int accept4(int, struct sockaddr *, socklen_t *, int);
extern int pthread_setname_np(pthread_t, const char *);

/// A stream socket, nonblocking, that a child process does not inherit. The descriptor, or -1 and
/// errno.
static inline int clibuv_socket(int family) {
  return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/// Accepts a connection as a nonblocking socket that a child process does not inherit. The
/// descriptor, or -1 and errno.
static inline int clibuv_accept(int descriptor) {
  return accept4(descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/// Names the calling thread: at most 15 bytes.
static inline int clibuv_name_thread(const char *name) {
  return pthread_setname_np(pthread_self(), name);
}

/// Sends one packet, and a descriptor with it unless that is -1 (unix(7), SCM_RIGHTS). Bytes sent,
/// or -1 and errno.
static inline ssize_t clibuv_send_packet(int socket, const void *bytes, size_t count, int descriptor) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec vector = {(void *)bytes, count};
  struct msghdr message = {0};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

/// Receives one packet, and the descriptor that came with it, which a child process does not inherit;
/// -1 without one. `truncated` is set when the packet was longer than `count`, or came with more than
/// one descriptor; the kernel then closes the others. Bytes received, or -1 and errno.
static inline ssize_t clibuv_receive_packet(
    int socket, void *bytes, size_t count, int *descriptor, int *truncated) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec vector = {bytes, count};
  struct msghdr message = {0};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  // In CMSG_SPACE the alignment would leave room for a second one.
  message.msg_controllen = CMSG_LEN(sizeof(int));
  *descriptor = -1;
  *truncated = 0;
  ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (received < 0) return received;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof(int))) {
    memcpy(descriptor, CMSG_DATA(header), sizeof(int));
  }
  *truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  return received;
}

/// A Unix socket of packets, nonblocking, that a child process does not inherit. The descriptor, or
/// -1 and errno.
static inline int clibuv_packet_socket(void) {
  return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/// A Unix socket of datagrams, likewise.
static inline int clibuv_datagram_socket(void) {
  return socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/// The user of the process that connected a Unix socket, or listens on it, as it was then. 0, or -1
/// and errno. `struct ucred` is declared for _GNU_SOURCE only.
static inline int clibuv_peer_user(int socket, unsigned *user) {
  struct {
    int process;
    unsigned user, group;
  } credentials = {0, 0, 0};
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return -1;
  *user = credentials.user;
  return 0;
}

#endif
