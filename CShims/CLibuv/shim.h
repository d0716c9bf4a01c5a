// libuv, and two functions of the C library that Swift's Glibc module leaves out.

#ifndef CLIBUV_SHIM_H
#define CLIBUV_SHIM_H

#include <pthread.h>
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

#endif
