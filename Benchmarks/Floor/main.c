/* The floor: the least a WebSocket fan-out server can do, as fast as plain C and epoll can do it.
 * Shake hands, read frames, frame each message once, write once per subscriber and wake-up.
 * It is a yardstick, not a server: no pings, no fragments, no UTF-8 checks, no TLS. A connection is
 * in one room, that of its path: on /pub/NAME it only publishes; on /sub/NAME it receives every
 * message of the room, its own too. There is no backlog: a subscriber whose socket would block is
 * dropped at once.
 *
 *     floor [--port P] [--threads N]        P = 0 (the default): the kernel chooses; it is printed
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handshake.h"
#include "rooms.h"

enum { THREADS_MAX = 64, EVENTS_MAX = 512, READ_BYTES = 64 * 1024, FRAME_BYTES_MAX = 1 << 24 };

struct buffer { uint8_t *bytes; size_t count, capacity; };

/* `place` is the index in its thread's list of the room's subscribers, or -1. `rest` holds what a
 * read left unfinished: the begin of a head or frame; it owns memory only then. */
struct client { int fd, place, room; bool open; struct buffer rest; };

/* One thread's part of a room: its subscribers, and what they are to get in this turn. */
struct room {
    struct client **subscribers;
    int count, capacity;
    struct buffer turn;
};

/* What stands before each room's bytes in an inbox. */
struct letter { int room; size_t count; };

/* The inbox is what other threads published and is all that threads share; `woken` spares a
 * second eventfd write to a thread that has not yet looked. */
struct thread {
    int epoll, listener, wake;
    struct room *rooms;
    int roomCount;
    /* The rooms whose turn is not empty. */
    int *due;
    int dueCount;
    struct buffer input;
    pthread_mutex_t lock;
    struct buffer inbox;
    bool woken;
};

static struct thread threads[THREADS_MAX];
static int threadCount = 1;

static void fail(const char *what) { perror(what); exit(2); }

static void reserve(struct buffer *b, size_t more) {
    if (b->count + more <= b->capacity) return;
    b->capacity = (b->count + more) * 2;
    if (!(b->bytes = realloc(b->bytes, b->capacity))) fail("realloc");
}

static void append(struct buffer *b, const void *bytes, size_t count) {
    reserve(b, count);
    memcpy(b->bytes + b->count, bytes, count);
    b->count += count;
}

static struct room *roomOf(struct thread *t, int room) {
    if (room >= t->roomCount) {
        int count = (room + 1) * 2;
        t->rooms = realloc(t->rooms, sizeof(struct room) * (size_t)count);
        t->due = realloc(t->due, sizeof(int) * (size_t)count);
        if (!t->rooms || !t->due) fail("realloc");
        memset(t->rooms + t->roomCount, 0, sizeof(struct room) * (size_t)(count - t->roomCount));
        t->roomCount = count;
    }
    return &t->rooms[room];
}

/* The room's turn, to be appended to. */
static struct buffer *turnOf(struct thread *t, int room) {
    struct buffer *turn = &roomOf(t, room)->turn;
    if (!turn->count) t->due[t->dueCount++] = room;
    return turn;
}

static void drop(struct thread *t, struct client *c) {
    if (c->place >= 0) {
        struct room *room = &t->rooms[c->room];
        struct client *last = room->subscribers[--room->count];
        room->subscribers[c->place] = last;
        last->place = c->place;
    }
    close(c->fd);
    free(c->rest.bytes);
    free(c);
}

static void subscribe(struct thread *t, struct client *c) {
    struct room *room = roomOf(t, c->room);
    if (room->count == room->capacity) {
        room->capacity = room->capacity ? room->capacity * 2 : 16;
        size_t bytes = sizeof(struct client *) * (size_t)room->capacity;
        if (!(room->subscribers = realloc(room->subscribers, bytes))) fail("realloc");
    }
    c->place = room->count;
    room->subscribers[room->count++] = c;
}

/* Appends one unmasked server frame to the turn (RFC 6455 section 5.2). */
static void frame(struct buffer *turn, uint8_t first, const uint8_t *masked, size_t count,
                  const uint8_t mask[4]) {
    reserve(turn, count + 10);
    uint8_t *out = turn->bytes + turn->count;
    *out++ = first;
    if (count < 126) {
        *out++ = (uint8_t)count;
    } else if (count < 65536) {
        *out++ = 126;
        *out++ = (uint8_t)(count >> 8);
        *out++ = (uint8_t)count;
    } else {
        *out++ = 127;
        for (int shift = 56; shift >= 0; shift -= 8) *out++ = (uint8_t)((uint64_t)count >> shift);
    }
    for (size_t i = 0; i < count; i++) out[i] = masked[i] ^ mask[i & 3];
    turn->count = (size_t)(out + count - turn->bytes);
}

/* Takes one client frame from `p`. Answers its size, 0 when more is needed, -1 to drop. */
static ssize_t takeFrame(struct thread *t, struct client *c, const uint8_t *p, size_t count) {
    if (count < 6) return 0;
    uint64_t length = p[1] & 127;
    size_t head = 2;
    if (length == 126) {
        length = (uint64_t)p[2] << 8 | p[3];
        head = 4;
    } else if (length == 127) {
        if (count < 10) return 0;
        length = 0;
        for (int i = 2; i < 10; i++) length = length << 8 | p[i];
        head = 10;
    }
    uint8_t opcode = p[0] & 15;
    if (!(p[1] & 128) || !(p[0] & 128) || opcode == 8 || length > FRAME_BYTES_MAX) return -1;
    if (count < head + 4 + length) return 0;
    const uint8_t *mask = p + head, *payload = mask + 4;
    if (opcode == 1 || opcode == 2) {
        frame(turnOf(t, c->room), p[0], payload, length, mask);
    } else if (opcode == 9) {
        struct buffer pong = {0};
        frame(&pong, 0x8a, payload, length, mask);
        ssize_t wrote = write(c->fd, pong.bytes, pong.count);
        free(pong.bytes);
        if (wrote < 0) return -1;
    }
    return (ssize_t)(head + 4 + length);
}

/* Takes the request head. Answers as `takeFrame` does. */
static ssize_t takeHead(struct thread *t, struct client *c, const uint8_t *p, size_t count) {
    const char *end = memmem(p, count, "\r\n\r\n", 4);
    if (!end) return count < 8192 ? 0 : -1;
    size_t size = (size_t)(end + 4 - (const char *)p);
    char answer[192];
    int length = handshakeAnswer((const char *)p, size, answer, sizeof answer);
    if (length < 0 || write(c->fd, answer, (size_t)length) != length) return -1;
    const char *name = (const char *)p + strlen("GET /sub");
    c->room = roomNamed(name, strcspn(name, " \r"));
    if (c->room < 0) return -1;
    c->open = true;
    if (memcmp(p, "GET /pub", 8) != 0) subscribe(t, c);
    return (ssize_t)size;
}

/* Reads once, into the thread's one buffer. False: the client is to be dropped. */
static bool receive(struct thread *t, struct client *c) {
    struct buffer *in = &t->input;
    in->count = 0;
    append(in, c->rest.bytes ? c->rest.bytes : (uint8_t *)"", c->rest.count);
    reserve(in, READ_BYTES);
    ssize_t got = read(c->fd, in->bytes + in->count, READ_BYTES);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    in->count += (size_t)got;
    size_t used = 0;
    for (ssize_t taken; used < in->count; used += (size_t)taken) {
        const uint8_t *p = in->bytes + used;
        size_t left = in->count - used;
        taken = c->open ? takeFrame(t, c, p, left) : takeHead(t, c, p, left);
        if (taken < 0) return false;
        if (taken == 0) break;
    }
    c->rest.count = 0;
    if (used < in->count) {
        append(&c->rest, in->bytes + used, in->count - used);
    } else if (c->rest.bytes) {
        free(c->rest.bytes);
        c->rest = (struct buffer){0};
    }
    return true;
}

static void acceptAll(struct thread *t) {
    for (int fd; (fd = accept4(t->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct client *c = calloc(1, sizeof *c);
        if (!c) fail("calloc");
        *c = (struct client){.fd = fd, .place = -1};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
    }
}

/* Hands all that this thread published in this turn to the others: one copy and at most one
 * wake-up each, however many messages there are. */
static void handOver(struct thread *t) {
    for (struct thread *other = threads; other < threads + threadCount; other++) {
        if (other == t) continue;
        pthread_mutex_lock(&other->lock);
        for (int i = 0; i < t->dueCount; i++) {
            struct buffer *turn = &t->rooms[t->due[i]].turn;
            append(&other->inbox, &(struct letter){t->due[i], turn->count}, sizeof(struct letter));
            append(&other->inbox, turn->bytes, turn->count);
        }
        bool wake = !other->woken;
        other->woken = true;
        pthread_mutex_unlock(&other->lock);
        if (wake && write(other->wake, &(uint64_t){1}, 8) != 8) fail("eventfd");
    }
}

static void takeInbox(struct thread *t) {
    uint64_t ignored;
    if (read(t->wake, &ignored, 8) != 8) return;
    pthread_mutex_lock(&t->lock);
    struct letter letter;
    for (size_t at = 0; at < t->inbox.count; at += sizeof letter + letter.count) {
        memcpy(&letter, t->inbox.bytes + at, sizeof letter);
        append(turnOf(t, letter.room), t->inbox.bytes + at + sizeof letter, letter.count);
    }
    t->inbox.count = 0;
    t->woken = false;
    pthread_mutex_unlock(&t->lock);
}

/* One write per subscriber. Backwards, since a drop moves the last one into the gap. */
static void deliver(struct thread *t) {
    for (int i = 0; i < t->dueCount; i++) {
        struct room *room = &t->rooms[t->due[i]];
        for (int j = room->count - 1; j >= 0; j--) {
            struct client *c = room->subscribers[j];
            if (write(c->fd, room->turn.bytes, room->turn.count) != (ssize_t)room->turn.count)
                drop(t, c);
        }
        room->turn.count = 0;
    }
    t->dueCount = 0;
}

static void *run(void *argument) {
    struct thread *t = argument;
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int count = epoll_wait(t->epoll, events, EVENTS_MAX, -1);
        bool woken = false;
        for (int i = 0; i < count; i++) {
            void *who = events[i].data.ptr;
            if (who == &t->listener) acceptAll(t);
            else if (who == &t->wake) woken = true;
            else if (!receive(t, who)) drop(t, who);
        }
        if (t->dueCount && threadCount > 1) handOver(t);
        if (woken) takeInbox(t);
        if (t->dueCount) deliver(t);
    }
    return NULL;
}

/* Binds the thread's own listener; `port` 0 lets the kernel choose. Answers the port. */
static int start(struct thread *t, int port) {
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    t->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(t->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(t->listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(t->listener, (struct sockaddr *)&address, sizeof address)) fail("bind");
    if (listen(t->listener, 4096)) fail("listen");
    if (getsockname(t->listener, (struct sockaddr *)&address, &size)) fail("getsockname");
    pthread_mutex_init(&t->lock, NULL);
    struct epoll_event in = {.events = EPOLLIN, .data.ptr = &t->listener};
    epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->listener, &in);
    in.data.ptr = &t->wake;
    epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->wake, &in);
    return ntohs(address.sin_port);
}

int main(int argc, char **argv) {
    int port = 0;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && !strcmp(argv[i], "--port")) port = atoi(argv[i + 1]);
        else if (i + 1 < argc && !strcmp(argv[i], "--threads")) threadCount = atoi(argv[i + 1]);
        else threadCount = 0;
    }
    if (threadCount < 1 || threadCount > THREADS_MAX || port < 0 || port > 65535) {
        fprintf(stderr, "usage: floor [--port P] [--threads 1...%d]\n", THREADS_MAX);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (int i = 0; i < threadCount; i++) port = start(&threads[i], port);
    printf("listening on 127.0.0.1:%d\n", port);
    fflush(stdout);
    for (int i = 1; i < threadCount; i++) {
        pthread_t id;
        if (pthread_create(&id, NULL, run, &threads[i])) fail("pthread_create");
    }
    run(&threads[0]);
}
