#ifndef CLINUX_SHIM_H
#define CLINUX_SHIM_H

/* What Swift's Glibc module leaves out. */
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

/* <string.h> declares it for _GNU_SOURCE only. */
void *memmem(const void *haystack, size_t haystackCount, const void *needle, size_t needleCount);

/* Swift refuses to call fork, which may be called only while the process has one thread. */
static inline pid_t linux_fork(void) { return fork(); }

/* The calling process is to end when its parent does. prctl is variadic. */
static inline int linux_endWithParent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }

#endif
