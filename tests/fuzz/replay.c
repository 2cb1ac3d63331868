/* A fuzzer's seeds, and each of them cut short and with a byte changed, under the fuzzer's own checks. The target and the
 * name of its corpus, PACKSHOT_CORPUS, come from whoever builds it. */
#include "base/suite.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of exactly that size, so that a read past its end is seen. */
static void play(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void corpus(void **state)
{
    (void)state;
    static const char folder[] = PACKSHOT_SOURCE_DIR "/tests/fuzz/corpus/" PACKSHOT_CORPUS;
    static const uint8_t changes[] = {0, '\n', '[', ']', '=', ';', 0xff, '"', '}'};
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    size_t seeds = 0;
    for (const struct dirent *entry; (entry = readdir(entries));) {
        char path[512];
        uint8_t bytes[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        const size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        seeds++;
        for (size_t cut = 0; cut <= size; cut++)
            play(bytes, cut);
        for (size_t at = 0; at < size; at++) {
            const uint8_t kept = bytes[at];
            for (size_t i = 0; i < sizeof changes; i++) {
                bytes[at] = changes[i];
                play(bytes, size);
            }
            bytes[at] = kept;
        }
    }
    closedir(entries);
    assert_true(seeds >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(corpus)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
