/* The answer to a WebSocket handshake (RFC 6455 section 4.2.2), with the SHA-1 (RFC 3174) and the
 * base64 that it needs, so that the floor links nothing but libc. Not for any other use. */
#ifndef FLOOR_HANDSHAKE_H
#define FLOOR_HANDSHAKE_H

#include <stddef.h>

/* Writes the answer to the request head of `size` bytes into `answer`; its length, or -1 when the
 * head bears no Sec-WebSocket-Key. */
int handshakeAnswer(const char *head, size_t size, char *answer, size_t capacity);

#endif
