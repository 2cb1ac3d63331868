/* SHA-256 of bytes and of files, with OpenSSL, about 1.7 GB/s on one core with SHA instructions. */
#ifndef PS_PROVENANCE_SHA256_H
#define PS_PROVENANCE_SHA256_H

#include "base/error.h"

/* 64 lower-case hexadecimal digits and the end. */
#define PS_SHA256_TEXT 65

/* Both return 0 or an errno; ENOMEM also where libcrypto refuses. `text` is empty after a failure. */
int ps_sha256(char text[PS_SHA256_TEXT], const void *bytes, size_t size);

/* The whole file from its beginning; the position of `fd` stays. EBUSY where the file was changed meanwhile. */
int ps_sha256_fd(char text[PS_SHA256_TEXT], int fd);

/* Whether `text` is 64 lower-case hexadecimal digits. */
bool ps_sha256_is(const char *text);

#endif
