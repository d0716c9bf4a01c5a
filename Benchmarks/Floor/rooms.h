/* Room names and their numbers, the same on all threads. */
#ifndef FLOOR_ROOMS_H
#define FLOOR_ROOMS_H

#include <stddef.h>

enum { ROOMS_MAX = 1 << 17 };

/* The number of the room with this name, 0 upwards; a new one when the name is new, -1 when there
 * are ROOMS_MAX. Any thread; takes a lock, so it is for handshakes. */
int roomNamed(const char *name, size_t count);

#endif
