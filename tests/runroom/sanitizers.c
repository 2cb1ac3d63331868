/* Linked into tests, for the sanitizers alone. Four things that are not ours:
 *  - Mesa's drivers leave a table behind when the loader unloads them; kept loaded, they still reach it;
 *  - the validation layer of Debian 12 (1.3.239) keeps the state of every command buffer in a cycle of
 *    references when synchronisation is validated;
 *  - libx265 (3.5) keeps part of an encoder that was closed before its end;
 *  - the validation layer's queue thread frees what the calling thread made, ordered by locks that
 *    ThreadSanitizer does not see.
 * The layer's frames have a name to be suppressed by only while it is loaded. */
#include "runroom/sanitizers.h"

#include <dlfcn.h>

__attribute__((constructor)) static void keep_drivers_loaded(void)
{
    static const char *const names[] = {"libvulkan_lvp.so", "libVkLayer_khronos_validation.so"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

const char *__lsan_default_suppressions(void)
{
    return "leak:libVkLayer_khronos_validation.so\nleak:libx265.so\n";
}

const char *__tsan_default_suppressions(void)
{
    return "race:libVkLayer_khronos_validation.so\n";
}
