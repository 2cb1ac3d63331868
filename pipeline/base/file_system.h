/* Whether what one machine does with a file is what all see of it. */
#ifndef PS_BASE_FILE_SYSTEM_H
#define PS_BASE_FILE_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

/* What kind of network or user-space file system a statfs type is ("NFS", "SMB", "FUSE" ...), where locks and shared memory
 * cannot be relied on; null for all others. A static string. */
const char *ps_file_system_unfit(uint64_t type);

/* Whether `fd` lies on none of those. */
bool ps_file_system_is_local(int fd);

#endif
