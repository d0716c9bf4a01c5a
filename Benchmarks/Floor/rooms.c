#define _GNU_SOURCE
#include "rooms.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * ROOMS_MAX };

/* Open addressing: half of the slots stay empty. `number` is one more than the room's. */
struct slot { char *name; size_t count; int number; };

static struct slot slots[SLOTS];
static int roomCount;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* FNV-1a. */
static uint32_t hash(const char *name, size_t count) {
    uint32_t value = 2166136261u;
    for (size_t i = 0; i < count; i++) value = (value ^ (uint8_t)name[i]) * 16777619u;
    return value;
}

int roomNamed(const char *name, size_t count) {
    pthread_mutex_lock(&lock);
    struct slot *slot = &slots[hash(name, count) % SLOTS];
    while (slot->number && (slot->count != count || memcmp(slot->name, name, count))) {
        if (++slot == slots + SLOTS) slot = slots;
    }
    if (!slot->number && roomCount < ROOMS_MAX && (slot->name = malloc(count + 1))) {
        memcpy(slot->name, name, count);
        slot->count = count;
        slot->number = ++roomCount;
    }
    int room = slot->number - 1;
    pthread_mutex_unlock(&lock);
    return room;
}
