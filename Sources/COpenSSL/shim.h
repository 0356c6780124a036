#ifndef DUET_COPENSSL_SHIM_H
#define DUET_COPENSSL_SHIM_H

#include <openssl/evp.h>
#include <openssl/hmac.h>

#endif
