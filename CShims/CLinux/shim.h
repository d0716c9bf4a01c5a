#ifndef CLINUX_SHIM_H
#define CLINUX_SHIM_H

/* What Swift's Glibc module leaves out. */
#include <malloc.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* <string.h> declares it for _GNU_SOURCE only. */
void *memmem(const void *haystack, size_t haystackCount, const void *needle, size_t needleCount);

#endif
