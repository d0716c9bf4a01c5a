#ifndef CZLIB_SHIM_H
#define CZLIB_SHIM_H

#include <zlib.h>

/* Macros of zlib, and an entry point its header leaves undocumented, as functions for Swift.
   Negative window bits: raw DEFLATE, without header and checksum. */

static inline int carillon_deflate_init(z_stream *stream, int level, int windowBits, int memLevel) {
    return deflateInit2(stream, level, Z_DEFLATED, -windowBits, memLevel, Z_DEFAULT_STRATEGY);
}

static inline int carillon_inflate_init(z_stream *stream, int windowBits) {
    return inflateInit2(stream, -windowBits);
}

/* Starts a new DEFLATE stream, but leaves what was inflated reachable for back references. */
static inline int carillon_inflate_reset_keep(z_stream *stream) {
    return inflateResetKeep(stream);
}

#endif
