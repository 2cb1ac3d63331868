/* Landlock without one rule: whatever the kernel can refuse is refused. The numbers are the kernel's interface
 * (Documentation/userspace-api/landlock.rst); the headers of Debian 12 know only the first three versions of it. */
#include "sandbox/layers.h"

#include <sys/syscall.h>
#include <unistd.h>

enum { CREATE_RULESET = 444, RESTRICT_SELF = 446, VERSION_FLAG = 1 };

/* struct landlock_ruleset_attr; an older kernel takes as much of it as it knows. */
struct ruleset {
    uint64_t files;  /* actions on files; since version 1 */
    uint64_t net;    /* bind and connect of TCP; since 4 */
    uint64_t scoped; /* abstract sockets and signals; since 6 */
};

static uint64_t file_actions(long version)
{
    static const unsigned counts[] = {0, 13, 14, 15, 15}; /* version 5 has 16 and is the last that adds any */
    return (UINT64_C(1) << (version < 5 ? counts[version] : 16)) - 1;
}

bool ps_sandbox_landlock(void)
{
    const long version = syscall(CREATE_RULESET, NULL, 0, VERSION_FLAG);
    if (version < 1)
        return false;
    const struct ruleset ruleset = {file_actions(version), 3, 3};
    const size_t size = version < 4   ? sizeof ruleset.files
                        : version < 6 ? sizeof ruleset.files + sizeof ruleset.net
                                      : sizeof ruleset;
    const int fd = (int)syscall(CREATE_RULESET, &ruleset, size, 0);
    const bool held = fd >= 0 && !syscall(RESTRICT_SELF, fd, 0);
    if (fd >= 0)
        close(fd);
    return held;
}
