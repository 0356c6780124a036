#ifndef DUET_COPENSSL_SHIM_H
#define DUET_COPENSSL_SHIM_H

/* SHA256_Init and its kin are the only way to take the state of a digest out and to put it back; OpenSSL would rather
   have everybody use EVP, which cannot. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

/* The eight words of a state, with the number of bytes that they stand for. What is in the context beyond the last
   whole block of 64 bytes is not in them. */
static inline unsigned long long duet_sha256_state(const SHA256_CTX *context, unsigned int words[8]) {
    memcpy(words, context->h, sizeof context->h);
    unsigned long long bits = ((unsigned long long)context->Nh << 32) | context->Nl;
    return bits / 8 - context->num;
}

/* Goes on from a state; the number of bytes is a multiple of 64. */
static inline void duet_sha256_resume(SHA256_CTX *context, const unsigned int words[8], unsigned long long count) {
    SHA256_Init(context);
    memcpy(context->h, words, sizeof context->h);
    context->Nl = (unsigned int)(count * 8);
    context->Nh = (unsigned int)(count * 8 >> 32);
}

#endif
