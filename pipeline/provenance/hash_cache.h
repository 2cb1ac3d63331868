/* Hashes of large files, kept between runs: reading the 9.6 GB of an SVD checkpoint takes 6 s or more. */
#ifndef PS_PROVENANCE_HASH_CACHE_H
#define PS_PROVENANCE_HASH_CACHE_H

#include "base/error.h"
#include "provenance/sha256.h"

/* Below this many bytes a file is read faster than its hash is looked up and kept. */
#define PS_HASH_CACHE_LEAST (UINT64_C(16) << 20)

/* The hash of the file behind `fd`, from the cache in `folder` (null: none) where device, inode, size, time of
 * change and time of status change are those for which it was kept. `folder` and the folder above it are made
 * where they are missing. Returns 0 or an errno of reading the file. A cache that cannot be used fails nothing:
 * `trouble` then says why. */
int ps_hash_file(char text[PS_SHA256_TEXT], int fd, const char *folder, struct ps_error *trouble);

#endif
