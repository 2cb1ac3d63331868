#include "sandbox/layers.h"

#include <stddef.h>
#include <sys/resource.h>

static bool lower(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit))
        return false;
    limit.rlim_max = hard < limit.rlim_max ? hard : limit.rlim_max;
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    return !setrlimit((__rlimit_resource_t)resource, &limit);
}

bool ps_sandbox_limits(uint64_t address_space, unsigned seconds)
{
    static const int none[] = {RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_CORE, RLIMIT_NPROC};
    /* SIGXCPU first, which can be told from other deaths; one second later SIGKILL. */
    bool held = lower(RLIMIT_CPU, seconds, seconds + 1);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        held = lower(none[i], 0, 0) && held;
    if (!PS_SANITIZED)
        held = address_space && lower(RLIMIT_AS, address_space, address_space) && held;
    return held;
}
