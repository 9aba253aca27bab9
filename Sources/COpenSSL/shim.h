// The low-level hash functions, whose running state is a plain struct that can be copied. OpenSSL 3
// deprecates them but keeps them. In a statically linked program they pull in one object of
// libcrypto and no providers.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
