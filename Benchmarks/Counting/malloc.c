// malloc and its kin, which count their calls and leave the work to glibc's own.
//
// A program's symbols come before those of its shared libraries, so Swift's runtime, libuv and all
// others allocate through these. glibc's own internal allocations do not, and memory that is given
// back is not counted.

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "counting.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static _Thread_local uint64_t allocations;
static _Thread_local uint64_t allocated_bytes;

static void count(size_t size) {
    allocations += 1;
    allocated_bytes += size;
}

uint64_t carillon_allocations(void) { return allocations; }

uint64_t carillon_allocated_bytes(void) { return allocated_bytes; }

void *malloc(size_t size) {
    count(size);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count(number * size);
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    count(size);
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    count(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

void *valloc(size_t size) { return memalign((size_t)sysconf(_SC_PAGESIZE), size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
    void *made = memalign(alignment, size);
    if (made == NULL) return ENOMEM;
    *memory = made;
    return 0;
}
