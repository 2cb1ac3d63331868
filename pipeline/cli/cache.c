#include "cli/cache.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

char *cli_cache_folder(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    /* The base directory specification has relative paths ignored. */
    const bool has_cache = cache && cache[0] == '/', has_home = home && home[0] == '/';
    char *folder = NULL;
    if (!has_cache && !has_home)
        return NULL;
    const int length =
        has_cache ? asprintf(&folder, "%s/packshot", cache) : asprintf(&folder, "%s/.cache/packshot", home);
    return length < 0 ? NULL : folder;
}
