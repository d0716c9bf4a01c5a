// OpenSSL 3.0 for Swift: its headers, and what Swift cannot import from them. Function-like macros
// and variadic functions get a `carillon_` wrapper; flags made by a macro become constants. No
// policy stands here: which options and ciphers are used is said in Sources/TLS.
#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Options of a context (SSL_OP_BIT is a function-like macro).

static const uint64_t carillon_SSL_OP_CIPHER_SERVER_PREFERENCE = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t carillon_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t carillon_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t carillon_SSL_OP_PRIORITIZE_CHACHA = SSL_OP_PRIORITIZE_CHACHA;

// Macros over SSL_CTX_ctrl and SSL_ctrl.

static inline int carillon_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
    return SSL_CTX_set_min_proto_version(context, version);
}

static inline int carillon_SSL_CTX_set_max_proto_version(SSL_CTX *context, int version) {
    return SSL_CTX_set_max_proto_version(context, version);
}

static inline int carillon_SSL_CTX_set1_groups_list(SSL_CTX *context, const char *names) {
    return SSL_CTX_set1_groups_list(context, names);
}

static inline void carillon_SSL_CTX_set_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_mode(context, mode);
}

static inline void carillon_SSL_CTX_clear_mode(SSL_CTX *context, long mode) {
    SSL_CTX_clear_mode(context, mode);
}

static inline void carillon_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}

static inline int carillon_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

// Memory BIOs.

static inline long carillon_BIO_get_mem_data(BIO *bio, char **start) {
    return BIO_get_mem_data(bio, start);
}

// Errors.

static inline int carillon_ERR_GET_LIB(unsigned long code) { return ERR_GET_LIB(code); }

static inline int carillon_ERR_GET_REASON(unsigned long code) { return ERR_GET_REASON(code); }

static inline int carillon_ERR_SYSTEM_ERROR(unsigned long code) { return ERR_SYSTEM_ERROR(code); }

// Keys (variadic) and the typed stack of alternative names.

static inline EVP_PKEY *carillon_EVP_EC_gen(const char *curve) { return EVP_EC_gen(curve); }

static inline GENERAL_NAMES *carillon_GENERAL_NAMES_new(void) { return sk_GENERAL_NAME_new_null(); }

static inline int carillon_GENERAL_NAMES_push(GENERAL_NAMES *names, GENERAL_NAME *name) {
    return sk_GENERAL_NAME_push(names, name);
}

#endif
