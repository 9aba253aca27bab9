// The hashes whose running state is a plain value that can be copied: OpenSSL 3 calls them
// deprecated and keeps them. They bring one object of libcrypto into a program linked statically,
// and no providers.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
