#define _GNU_SOURCE
#include "handshake.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void sha1Block(uint32_t h[5], const uint8_t block[64]) {
    uint32_t w[80];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[i * 4] << 24 | (uint32_t)block[i * 4 + 1] << 16 |
               (uint32_t)block[i * 4 + 2] << 8 | block[i * 4 + 3];
    for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                     : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                              : (b ^ c ^ d) + 0xca62c1d6;
        uint32_t next = rotate(a, 5) + f + e + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

/* `count` is at most 119: two blocks with their padding. */
static void sha1(const char *bytes, size_t count, uint8_t digest[20]) {
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint8_t blocks[128] = {0};
    size_t size = count < 56 ? 64 : 128;
    memcpy(blocks, bytes, count);
    blocks[count] = 0x80;
    blocks[size - 2] = (uint8_t)(count * 8 >> 8);
    blocks[size - 1] = (uint8_t)(count * 8);
    sha1Block(h, blocks);
    if (size > 64) sha1Block(h, blocks + 64);
    for (int i = 0; i < 20; i++) digest[i] = (uint8_t)(h[i / 4] >> (24 - i % 4 * 8));
}

static void base64(const uint8_t digest[20], char text[29]) {
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t padded[21] = {0};
    memcpy(padded, digest, 20);
    for (int i = 0; i < 7; i++) {
        uint32_t three = (uint32_t)padded[i * 3] << 16 | (uint32_t)padded[i * 3 + 1] << 8 |
                         padded[i * 3 + 2];
        for (int j = 0; j < 4; j++) text[i * 4 + j] = digits[three >> (18 - j * 6) & 63];
    }
    text[27] = '=';
    text[28] = 0;
}

int handshakeAnswer(const char *head, size_t size, char *answer, size_t capacity) {
    static const char name[] = "\r\nSec-WebSocket-Key:";
    const char *end = head + size, *key = head;
    while (key + sizeof name < end && strncasecmp(key, name, sizeof name - 1) != 0) key++;
    if (key + sizeof name >= end) return -1;
    key += sizeof name - 1;
    while (key < end && *key == ' ') key++;
    const char *stop = memchr(key, '\r', (size_t)(end - key));
    if (!stop || stop - key > 40) return -1;

    char joined[80], accept[29];
    uint8_t digest[20];
    int count = snprintf(joined, sizeof joined, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                         (int)(stop - key), key);
    sha1(joined, (size_t)count, digest);
    base64(digest, accept);
    return snprintf(answer, capacity,
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                    accept);
}
